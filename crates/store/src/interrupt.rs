//! Orders whose owner was killed.

use model::{
    Attempt, OrderUid, Position, Reason, Run, Status, TerminationLog, Timestamp, Totals,
    run::{Quality, RunEnd},
};

use crate::{
    Error, Store,
    columns::{Columns, Sql},
    database::{Transaction, sql},
    orders,
    run_rows::{self, Numbered},
    statistics,
};

const INTERRUPTING: &str = "noting an interrupted order";
const MESSAGE: &str = "interrupted: what ran this order was killed";

/// An attempt that was going on, with its termination log if there is one.
type Left = (Position, Attempt, Option<TerminationLog>);

impl Store {
    /// Notes that an order's owner is gone: the order has failed, and its open runs have ended,
    /// `interrupted` and `censored`, with the totals of their termination logs. A run whose log
    /// says how it ended has ended so. False, and nothing is changed, if the order had ended.
    ///
    /// An interrupted run ended when its log was last written, else at its last sample, else at
    /// `at`.
    ///
    /// # Errors
    /// [`Error::UnknownOrder`], or what the database says.
    pub async fn interrupt(
        &self,
        order_uid: OrderUid,
        at: Timestamp,
        runs: &[Left],
    ) -> Result<bool, Error> {
        let failed = self.database.failed(INTERRUPTING);
        let mut transaction = self.database.begin().await.map_err(&failed)?;
        let Some(order) = orders::number(&mut transaction, order_uid)
            .await
            .map_err(&failed)?
        else {
            return Err(Error::UnknownOrder { order_uid });
        };
        if !orders::stands(&mut transaction, order, Status::Failed, Some(MESSAGE), at)
            .await
            .map_err(&failed)?
        {
            return Ok(false);
        }
        end_runs(&mut transaction, order, at, runs)
            .await
            .map_err(&failed)?;
        transaction.commit().await.map_err(&failed)?;
        self.known.forget();
        Ok(true)
    }
}

async fn end_runs(to: &mut Transaction, order: i64, at: Timestamp, runs: &[Left]) -> Sql<()> {
    for (position, attempt, log) in runs {
        let one = Numbered {
            order,
            position: *position,
            attempt: *attempt,
        };
        let task = task_of(to, order, *position).await?;
        run_rows::known(to, &[(one, task)]).await?;
        if let Some(log) = log {
            run_rows::add(to, one, told(log)).await?;
        }
    }
    for one in run_rows::open(to, order).await? {
        let ended_at = last_sample(to, one).await?.unwrap_or(at);
        run_rows::add(to, one, interrupted(ended_at, Totals::default())).await?;
    }
    for one in run_rows::all(to, order).await? {
        statistics::refresh(to, one).await?;
    }
    Ok(())
}

/// What a termination log tells of a run.
fn told(log: &TerminationLog) -> Run {
    let run = interrupted(log.written_at, log.totals.clone());
    Run {
        started_at: log.started_at,
        end: log.end.clone().or(run.end),
        output: log.output.clone(),
        ..run
    }
}

fn interrupted(ended_at: Timestamp, totals: Totals) -> Run {
    Run {
        facts: None,
        started_at: None,
        end: Some(RunEnd {
            ended_at,
            exit_code: None,
            signal: None,
            reason: Reason::Interrupted,
            message: None,
            censored: true,
        }),
        totals,
        quality: Quality::default(),
        output: None,
    }
}

/// The task at a position, as far as the order's definition tells; else 0.
async fn task_of(to: &mut Transaction, order: i64, position: Position) -> Sql<i64> {
    let definition = sql("select definition from orders where id = $1").bind(order);
    let definition: String = to.one(definition).await?.get("definition")?;
    let definition: serde_json::Value = serde_json::from_str(&definition).unwrap_or_default();
    let tasks = definition
        .get("tasks")
        .or_else(|| definition.get("required_tasks"));
    let task = tasks.and_then(|tasks| tasks.get(position.0 as usize));
    let name = task.and_then(|task| task.get("name").unwrap_or(task).as_str());
    match name.and_then(|name| name.parse().ok()) {
        Some(name) => run_rows::task_number(to, &name).await,
        None => Ok(0),
    }
}

async fn last_sample(to: &mut Transaction, one: Numbered) -> Sql<Option<Timestamp>> {
    let last = sql("select max(time) as last from sample_wide \
         where order_id = $1 and position = $2 and attempt = $3")
    .bind(one.order)
    .bind(one.position.0)
    .bind(one.attempt.0);
    Columns(&to.one(last).await?).optional("last")
}
