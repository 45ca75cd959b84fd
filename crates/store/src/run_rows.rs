//! Writing runs: a row is made when an attempt is first heard of, and filled as more is known.

use model::{
    Attempt, MachineFacts, Position, Run, TaskName, Totals,
    run::{Quality, RunEnd, RunFacts},
};

use crate::{
    columns::{Columns, Sql, whole, whole_or_none},
    database::{Row, Statement, Transaction, made, places, sql},
    merge::merge,
};

/// The number that a task's name has, given to it if it has none. It is looked up first: an insert
/// that meets a conflict would use up a number each time.
pub(crate) async fn task_number(to: &mut Transaction, task: &TaskName) -> Sql<i64> {
    let known = || sql("select id from task where name = $1").bind(task.as_str());
    if let Some(row) = to.optional(known()).await? {
        return row.get("id");
    }
    let new = "insert into task (name) values ($1) on conflict (name) do nothing";
    to.execute(sql(new).bind(task.as_str())).await?;
    to.one(known()).await?.get("id")
}

/// The number of a machine, given to it if it has none; 0 if nothing is known of it.
async fn machine_number(to: &mut Transaction, machine: &MachineFacts) -> Sql<i64> {
    if *machine == MachineFacts::default() {
        return Ok(0);
    }
    let facts = serde_json::to_string(machine).map_err(|e| sqlx::Error::Encode(Box::new(e)))?;
    let known = || sql("select id from machine where facts = $1").bind(facts.as_str());
    if let Some(row) = to.optional(known()).await? {
        return row.get("id");
    }
    let new = sql("insert into machine \
         (facts, hostname, processor, cores, memory_bytes, kernel, os, architecture) \
         values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (facts) do nothing")
    .bind(facts.as_str())
    .bind(machine.hostname.as_deref())
    .bind(machine.processor.as_deref())
    .bind(machine.cores)
    .bind(whole_or_none(machine.memory_bytes))
    .bind(machine.kernel.as_deref())
    .bind(machine.os.as_deref())
    .bind(machine.architecture.as_deref());
    to.execute(new).await?;
    to.one(known()).await?.get("id")
}

/// An attempt as its rows name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Numbered {
    /// The order's number.
    pub(crate) order: i64,
    /// The place of its task.
    pub(crate) position: Position,
    /// The try.
    pub(crate) attempt: Attempt,
}

/// Rows to a statement: below what either database takes as parameters.
const ROWS: usize = 256;

/// Makes sure that attempts have their rows, and these the tasks' numbers if they had none. For
/// each, whether it has ended.
pub(crate) async fn known(
    to: &mut Transaction,
    attempts: &[(Numbered, i64)],
) -> Sql<Vec<(Numbered, bool)>> {
    let mut known = Vec::new();
    for some in attempts.chunks(ROWS) {
        // The row is written in any case, because only then it is returned.
        let mut insert = made(
            format!(
                "insert into run (order_id, position, attempt, task_id) values {} \
                 on conflict (order_id, position, attempt) do update set task_id = \
                 case when run.task_id = 0 then excluded.task_id else run.task_id end \
                 returning order_id, position, attempt, reason",
                places(some.len(), 4)
            ),
            some.len() == 1,
        );
        for (one, task) in some {
            insert = insert
                .bind(one.order)
                .bind(one.position.0)
                .bind(one.attempt.0)
                .bind(*task);
        }
        for row in &to.all(insert).await? {
            let row = Columns(row);
            known.push((numbered(&row)?, row.optional::<String>("reason")?.is_some()));
        }
    }
    Ok(known)
}

fn numbered(row: &Columns<'_>) -> Sql<Numbered> {
    Ok(Numbered {
        order: row.get("order_id")?,
        position: Position(row.count("position")?),
        attempt: Attempt(row.count("attempt")?),
    })
}

/// Adds what a message says of an attempt that has its row.
pub(crate) async fn add(to: &mut Transaction, one: Numbered, run: Run) -> Sql<()> {
    let old = stored(to, one).await?;
    let run = merge(old, run);
    if let Some(facts) = &run.facts {
        write_facts(to, one, facts).await?;
    }
    write_outcome(to, one, &run).await
}

/// What is stored of an attempt, without its facts.
async fn stored(to: &mut Transaction, one: Numbered) -> Sql<Run> {
    let row = sql("select * from run where order_id = $1 and position = $2 and attempt = $3")
        .bind(one.order)
        .bind(one.position.0)
        .bind(one.attempt.0);
    let row = to.one(row).await?;
    let columns = Columns(&row);
    Ok(Run {
        facts: None,
        started_at: columns.optional_time("started_at")?,
        end: end(&columns)?,
        totals: totals(&columns)?,
        quality: quality(&columns)?,
        output: columns.optional("output")?,
    })
}

/// How a stored run ended.
pub(crate) fn end(row: &Columns<'_>) -> Sql<Option<RunEnd>> {
    let (Some(ended_at), Some(reason)) =
        (row.optional_time("ended_at")?, row.optional_word("reason")?)
    else {
        return Ok(None);
    };
    Ok(Some(RunEnd {
        ended_at,
        exit_code: row.optional_count("exit_code")?,
        signal: row.optional_count("signal")?,
        reason,
        message: row.optional("message")?,
        censored: row.optional("censored")?.unwrap_or(false),
    }))
}

/// What a stored run used.
pub(crate) fn totals(row: &Columns<'_>) -> Sql<Totals> {
    Ok(Totals {
        duration_seconds: row.optional("duration_seconds")?,
        cpu_seconds: row.optional("cpu_seconds")?,
        cpu_user_seconds: row.optional("cpu_user_seconds")?,
        cpu_system_seconds: row.optional("cpu_system_seconds")?,
        cpu_throttled_seconds: row.optional("cpu_throttled_seconds")?,
        cpu_lower_bound: row.get("cpu_lower_bound")?,
        memory_peak_bytes: row.optional_count("memory_peak_bytes")?,
        memory_anon_peak_bytes: row.optional_count("memory_anon_peak_bytes")?,
        memory_anon_peak_exact: row.get("memory_anon_peak_exact")?,
        disk_read_bytes: row.optional_count("disk_read_bytes")?,
        disk_write_bytes: row.optional_count("disk_write_bytes")?,
        read_chars: row.optional_count("read_chars")?,
        write_chars: row.optional_count("write_chars")?,
        net_rx_bytes: row.optional_count("net_rx_bytes")?,
        net_tx_bytes: row.optional_count("net_tx_bytes")?,
        major_faults: row.optional_count("major_faults")?,
        oom_kills: row.optional_count("oom_kills")?,
        leftover_processes: row.optional_count("leftover_processes")?,
        monitor_cpu_seconds: row.optional("monitor_cpu_seconds")?,
        monitor_memory_bytes: row.optional_count("monitor_memory_bytes")?,
    })
}

/// How well a stored run was measured.
pub(crate) fn quality(row: &Columns<'_>) -> Sql<Quality> {
    Ok(Quality {
        samples: row.count("samples")?,
        missed_samples: row.count("missed_samples")?,
        largest_gap_seconds: row.optional("largest_gap_seconds")?,
    })
}

/// The first facts stand.
async fn write_facts(to: &mut Transaction, one: Numbered, facts: &RunFacts) -> Sql<()> {
    let machine = machine_number(to, &facts.machine).await?;
    let command =
        serde_json::to_string(&facts.command).map_err(|e| sqlx::Error::Encode(Box::new(e)))?;
    let granted = &facts.resources;
    let input = facts.input.clone().unwrap_or_default();
    let update = sql(
        "update run set machine_id = $4, launcher = $5, source = $6, period_seconds = $7, \
         image = $8, image_digest = $9, command = $10, \
         requested_cpu = $11, requested_memory_bytes = $12, \
         limit_cpu = $13, limit_memory_bytes = $14, \
         input_bytes = $15, input_width = $16, input_height = $17, input_channels = $18, \
         input_bit_depth = $19, input_format = $20 \
         where order_id = $1 and position = $2 and attempt = $3 and source is null",
    )
    .bind(one.order)
    .bind(one.position.0)
    .bind(one.attempt.0)
    .bind(machine)
    .bind(facts.launcher.as_str())
    .bind(facts.source.as_str())
    .bind(facts.period_seconds)
    .bind(facts.image.as_deref())
    .bind(facts.image_digest.as_deref())
    .bind(command)
    .bind(granted.requests.cpu.as_ref().map(model::CpuQuantity::cores))
    .bind(granted.requests.memory.as_ref().map(|m| whole(m.bytes())))
    .bind(granted.limits.cpu.as_ref().map(model::CpuQuantity::cores))
    .bind(granted.limits.memory.as_ref().map(|m| whole(m.bytes())))
    .bind(whole_or_none(input.bytes))
    .bind(input.width)
    .bind(input.height)
    .bind(input.channels)
    .bind(input.bit_depth)
    .bind(input.format);
    to.execute(update).await.map(drop)
}

async fn write_outcome(to: &mut Transaction, one: Numbered, run: &Run) -> Sql<()> {
    let (end, used, quality) = (run.end.as_ref(), &run.totals, &run.quality);
    let update = sql(
        "update run set started_at = $4, ended_at = $5, exit_code = $6, signal = $7, reason = $8, \
         message = $9, censored = $10, output = $11, duration_seconds = $12, cpu_seconds = $13, \
         cpu_user_seconds = $14, cpu_system_seconds = $15, cpu_throttled_seconds = $16, \
         cpu_lower_bound = $17, memory_peak_bytes = $18, memory_anon_peak_bytes = $19, \
         memory_anon_peak_exact = $20, disk_read_bytes = $21, disk_write_bytes = $22, \
         read_chars = $23, write_chars = $24, net_rx_bytes = $25, net_tx_bytes = $26, \
         major_faults = $27, oom_kills = $28, leftover_processes = $29, \
         monitor_cpu_seconds = $30, monitor_memory_bytes = $31, \
         samples = $32, missed_samples = $33, largest_gap_seconds = $34 \
         where order_id = $1 and position = $2 and attempt = $3",
    )
    .bind(one.order)
    .bind(one.position.0)
    .bind(one.attempt.0)
    .bind(run.started_at)
    .bind(end.map(|e| e.ended_at))
    .bind(end.and_then(|e| e.exit_code))
    .bind(end.and_then(|e| e.signal))
    .bind(end.map(|e| e.reason.as_str()))
    .bind(end.and_then(|e| e.message.as_deref()))
    .bind(end.map(|e| e.censored))
    .bind(run.output.as_deref())
    .bind(used.duration_seconds)
    .bind(used.cpu_seconds)
    .bind(used.cpu_user_seconds)
    .bind(used.cpu_system_seconds)
    .bind(used.cpu_throttled_seconds)
    .bind(used.cpu_lower_bound)
    .bind(whole_or_none(used.memory_peak_bytes))
    .bind(whole_or_none(used.memory_anon_peak_bytes))
    .bind(used.memory_anon_peak_exact)
    .bind(whole_or_none(used.disk_read_bytes))
    .bind(whole_or_none(used.disk_write_bytes))
    .bind(whole_or_none(used.read_chars))
    .bind(whole_or_none(used.write_chars))
    .bind(whole_or_none(used.net_rx_bytes))
    .bind(whole_or_none(used.net_tx_bytes))
    .bind(whole_or_none(used.major_faults))
    .bind(whole_or_none(used.oom_kills))
    .bind(whole_or_none(used.leftover_processes))
    .bind(used.monitor_cpu_seconds)
    .bind(whole_or_none(used.monitor_memory_bytes))
    .bind(whole(quality.samples))
    .bind(whole(quality.missed_samples))
    .bind(quality.largest_gap_seconds);
    to.execute(update).await.map(drop)
}

/// The attempts of an order that have not ended.
pub(crate) async fn open(to: &mut Transaction, order: i64) -> Sql<Vec<Numbered>> {
    let open = "select order_id, position, attempt from run where order_id = $1 and reason is null";
    attempts(to, sql(open).bind(order)).await
}

/// The attempts of an order.
pub(crate) async fn all(to: &mut Transaction, order: i64) -> Sql<Vec<Numbered>> {
    let all = "select order_id, position, attempt from run where order_id = $1";
    attempts(to, sql(all).bind(order)).await
}

async fn attempts(to: &mut Transaction, statement: Statement) -> Sql<Vec<Numbered>> {
    let rows = to.all(statement).await?;
    rows.iter()
        .map(|row: &Row| numbered(&Columns(row)))
        .collect()
}
