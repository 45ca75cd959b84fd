//! Reading the samples of an attempt page by page, so that no more than a page is held.

use model::{Attempt, OrderId, Position, Timestamp};

use crate::{
    Error, Store, StoredSample,
    columns::Sql,
    database::{made, sql},
    samples::{COLUMNS, Place, READING, following},
};

/// Between which instants, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first one.
    pub from: Timestamp,
    /// The last one.
    pub to: Timestamp,
}

impl Span {
    /// All instants.
    pub const ALL: Self = Self {
        from: Timestamp(i64::MIN),
        to: Timestamp(i64::MAX),
    };

    fn within(self, other: Self) -> Self {
        Self {
            from: self.from.max(other.from),
            to: self.to.min(other.to),
        }
    }
}

/// What is left of an attempt's samples.
#[derive(Debug)]
pub struct SamplePages {
    store: Store,
    order: OrderId,
    position: Position,
    attempt: Attempt,
    span: Span,
    after: Place,
    limit: u32,
    text: String,
    is_over: bool,
}

impl Store {
    /// The samples of an attempt in a span of time, `limit` to a page.
    ///
    /// # Errors
    /// What the database says.
    pub async fn sample_pages(
        &self,
        order: &OrderId,
        position: Position,
        attempt: Attempt,
        span: Span,
        limit: u32,
    ) -> Result<SamplePages, Error> {
        let stored = self.between(order, position, attempt).await;
        let stored = stored.map_err(self.database.failed(READING))?;
        let span = stored.map_or(span, |(from, to)| span.within(Span { from, to }));
        let bounds = match span {
            Span::ALL => "",
            _ => "and time between $8 and $9",
        };
        let order_id = "(select id from orders where name = $1)";
        Ok(SamplePages {
            text: following(&COLUMNS, order_id, bounds, self.database.is_server()),
            store: self.clone(),
            order: order.clone(),
            position,
            attempt,
            span,
            after: Place::START,
            limit,
            is_over: false,
        })
    }

    /// How many samples of an attempt lie in a span of time.
    ///
    /// # Errors
    /// What the database says.
    pub async fn samples_between(
        &self,
        order: &OrderId,
        position: Position,
        attempt: Attempt,
        span: Span,
    ) -> Result<u64, Error> {
        let count = sql("select count(*) as count from sample_wide \
             where order_id = (select id from orders where name = $1) \
             and position = $2 and attempt = $3 and time between $4 and $5")
        .bind(order.as_str())
        .bind(position.0)
        .bind(attempt.0)
        .bind(span.from)
        .bind(span.to);
        self.database
            .one(count)
            .await
            .and_then(|row| row.get::<i64>("count"))
            .map(|count| count as u64)
            .map_err(self.database.failed(READING))
    }
}

impl SamplePages {
    /// The next page, in the order of sequence numbers; none when all have been read.
    ///
    /// # Errors
    /// What the database says.
    pub async fn next(&mut self) -> Result<Option<Vec<StoredSample>>, Error> {
        if self.is_over {
            return Ok(None);
        }
        let page = self.read().await;
        let page = page.map_err(self.store.database.failed(READING))?;
        self.is_over = page.len() < self.limit as usize;
        Ok(Some(page).filter(|page| !page.is_empty()))
    }

    async fn read(&mut self) -> Sql<Vec<StoredSample>> {
        let rows = made(self.text.clone(), true)
            .bind(self.order.as_str())
            .bind(self.position.0)
            .bind(self.attempt.0);
        let mut rows = self.after.bind(rows, self.limit);
        if self.span != Span::ALL {
            rows = rows.bind(self.span.from).bind(self.span.to);
        }
        let rows = self.store.database.all(rows).await?;
        if let Some(last) = rows.last() {
            self.after = Place::of(last)?;
        }
        rows.iter().map(StoredSample::read).collect()
    }
}
