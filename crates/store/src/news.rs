//! What is new since somebody last looked, for those who watch: runs and samples of many orders at once.

use model::{Attempt, Position, Timestamp};

use crate::{
    Error, RunRow, Store, StoredSample,
    columns::{Columns, Sql},
    database::{Row, made, places},
    runs,
    samples::{COLUMNS, READING},
};

/// From which place on the runs of an order are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunsFrom {
    /// The order's number.
    pub order: i64,
    /// The place.
    pub position: Position,
}

/// Beyond which sequence number the samples of an attempt are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beyond {
    /// The order's number.
    pub order: i64,
    /// The task's place.
    pub position: Position,
    /// The try.
    pub attempt: Attempt,
    /// The number; -1 for all.
    pub seq: i64,
    /// No wanted sample is earlier: a server looks into later chunks only.
    pub since: Timestamp,
}

/// A sample with the attempt that it is of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NewSample {
    /// The order's number.
    pub order: i64,
    /// The task's place.
    pub position: Position,
    /// The try.
    pub attempt: Attempt,
    /// The sample.
    pub sample: StoredSample,
}

/// Rows of a list in a statement: below what either database takes as parameters.
const LIST: usize = 256;

impl Store {
    /// The runs of some orders from a place on, with their orders' numbers.
    ///
    /// # Errors
    /// What the database says.
    pub async fn runs_from(&self, wanted: &[RunsFrom]) -> Result<Vec<(i64, RunRow)>, Error> {
        let mut found = Vec::new();
        for some in wanted.chunks(LIST) {
            let rest = format!(
                "join (values {}) as wanted on run.order_id = wanted.column1 \
                 and run.position >= wanted.column2 \
                 order by run.order_id, run.position, run.attempt",
                places(some.len(), 2)
            );
            let mut statement = made(runs::select("", &rest), false);
            for one in some {
                statement = statement.bind(one.order).bind(one.position.0);
            }
            let rows = self.database.all(statement).await;
            let rows = rows.map_err(self.database.failed(runs::READING))?;
            for row in &rows {
                found.push(numbered_run(row).map_err(self.database.failed(runs::READING))?);
            }
        }
        Ok(found)
    }

    /// The samples of some attempts beyond a sequence number, at most `limit` in all: of each attempt
    /// the lowest numbers.
    ///
    /// # Errors
    /// What the database says.
    pub async fn samples_beyond(
        &self,
        wanted: &[Beyond],
        limit: u32,
    ) -> Result<Vec<NewSample>, Error> {
        let mut found: Vec<NewSample> = Vec::new();
        for some in wanted.chunks(LIST) {
            let left = limit.saturating_sub(found.len() as u32);
            if left == 0 {
                break;
            }
            let statement = self.beyond(some, left);
            let rows = self.database.all(statement).await;
            let rows = rows.map_err(self.database.failed(READING))?;
            for row in &rows {
                found.push(NewSample::read(row).map_err(self.database.failed(READING))?);
            }
        }
        Ok(found)
    }

    /// The highest sequence numbers that are stored of some attempts; none of one without samples.
    ///
    /// # Errors
    /// What the database says.
    pub async fn highest_samples(
        &self,
        wanted: &[Beyond],
    ) -> Result<Vec<(i64, Position, Attempt, u64)>, Error> {
        let mut found = Vec::new();
        for some in wanted.chunks(LIST) {
            let text = format!(
                "select order_id, position, attempt, max(seq) as seq from (values {}) as wanted \
                 cross join sample_wide where order_id = wanted.column1 \
                 and position = wanted.column2 and attempt = wanted.column3 \
                 group by order_id, position, attempt",
                places(some.len(), 3)
            );
            let mut statement = made(text, false);
            for one in some {
                statement = statement
                    .bind(one.order)
                    .bind(one.position.0)
                    .bind(one.attempt.0);
            }
            let rows = self.database.all(statement).await;
            let rows = rows.map_err(self.database.failed(READING))?;
            for row in &rows {
                found.push(highest(row).map_err(self.database.failed(READING))?);
            }
        }
        Ok(found)
    }

    /// `cross join`, so that a file's planner goes from the list to the samples.
    fn beyond(&self, wanted: &[Beyond], limit: u32) -> crate::database::Statement {
        let next = wanted.len() * 4 + 1;
        // A key of the server begins with the time.
        let since = if self.database.is_server() {
            format!("and time >= ${}", next + 1)
        } else {
            String::new()
        };
        let text = format!(
            "select {}, order_id, position, attempt from (values {}) as wanted \
             cross join sample_wide where order_id = wanted.column1 and position = wanted.column2 \
             and attempt = wanted.column3 and seq > wanted.column4 {since} \
             order by order_id, position, attempt, seq limit ${next}",
            *COLUMNS,
            places(wanted.len(), 4)
        );
        let mut statement = made(text, false);
        for one in wanted {
            statement = statement
                .bind(one.order)
                .bind(one.position.0)
                .bind(one.attempt.0)
                .bind(one.seq);
        }
        statement = statement.bind(limit);
        if self.database.is_server() {
            let earliest = wanted.iter().map(|one| one.since).min();
            statement = statement.bind(earliest.unwrap_or_default());
        }
        statement
    }
}

fn numbered_run(row: &Row) -> Sql<(i64, RunRow)> {
    Ok((Columns(row).get("order_id")?, RunRow::read(row)?))
}

fn highest(row: &Row) -> Sql<(i64, Position, Attempt, u64)> {
    let row = Columns(row);
    Ok((
        row.get("order_id")?,
        Position(row.count("position")?),
        Attempt(row.count("attempt")?),
        row.count("seq")?,
    ))
}

impl NewSample {
    fn read(row: &Row) -> Sql<Self> {
        let key = Columns(row);
        Ok(Self {
            order: key.get("order_id")?,
            position: Position(key.count("position")?),
            attempt: Attempt(key.count("attempt")?),
            sample: StoredSample::read(row)?,
        })
    }
}
