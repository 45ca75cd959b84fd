//! Writing runs: a row is made when an attempt is first heard of, and filled as more is known.

use model::{
    Attempt, AttemptKey, MachineFacts, OrderUid, Position, Run, TaskName, Totals,
    run::{Quality, RunEnd, RunFacts},
};

use crate::{
    columns::{Columns, Sql, whole, whole_or_none},
    database::{Connection, Row, Time},
    merge::merge,
};

/// The number that a task's name has, given to it if it has none. It is looked up first: an insert
/// that meets a conflict would use up a number each time.
pub(crate) async fn task_number(connection: &mut Connection, task: &TaskName) -> Sql<i64> {
    let known = "select id from task where name = $1";
    if let Some(id) = number(connection, known, task.as_str()).await? {
        return Ok(id);
    }
    sqlx::query("insert into task (name) values ($1) on conflict (name) do nothing")
        .bind(task.as_str())
        .execute(&mut *connection)
        .await?;
    sqlx::query_scalar(known)
        .bind(task.as_str())
        .fetch_one(connection)
        .await
}

async fn number(connection: &mut Connection, query: &'static str, of: &str) -> Sql<Option<i64>> {
    sqlx::query_scalar(query)
        .bind(of)
        .fetch_optional(connection)
        .await
}

/// The number of a machine, given to it if it has none; 0 if nothing is known of it.
async fn machine_number(connection: &mut Connection, machine: &MachineFacts) -> Sql<i64> {
    if *machine == MachineFacts::default() {
        return Ok(0);
    }
    let facts = serde_json::to_string(machine).map_err(|e| sqlx::Error::Encode(Box::new(e)))?;
    let known = "select id from machine where facts = $1";
    if let Some(id) = number(connection, known, &facts).await? {
        return Ok(id);
    }
    sqlx::query(
        "insert into machine \
         (facts, hostname, processor, cores, memory_bytes, kernel, os, architecture) \
         values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (facts) do nothing",
    )
    .bind(facts.as_str())
    .bind(machine.hostname.as_deref())
    .bind(machine.processor.as_deref())
    .bind(machine.cores.map(i64::from))
    .bind(whole_or_none(machine.memory_bytes))
    .bind(machine.kernel.as_deref())
    .bind(machine.os.as_deref())
    .bind(machine.architecture.as_deref())
    .execute(&mut *connection)
    .await?;
    sqlx::query_scalar(known)
        .bind(facts)
        .fetch_one(connection)
        .await
}

/// Makes sure that an attempt has its row, and its row the task's number if it had none.
pub(crate) async fn known(
    connection: &mut Connection,
    order: i64,
    key: AttemptKey,
    task: i64,
) -> Sql<()> {
    sqlx::query(
        "insert into run (order_id, position, attempt, task_id) values ($1, $2, $3, $4) \
         on conflict (order_id, position, attempt) do update set task_id = excluded.task_id \
         where run.task_id = 0",
    )
    .bind(order)
    .bind(i64::from(key.position.0))
    .bind(i64::from(key.attempt.0))
    .bind(task)
    .execute(connection)
    .await
    .map(drop)
}

/// Adds what a message says of an attempt that has its row.
pub(crate) async fn add(
    connection: &mut Connection,
    order: i64,
    key: AttemptKey,
    run: Run,
) -> Sql<()> {
    let old = stored(connection, order, key).await?;
    let run = merge(old, run);
    if let Some(facts) = &run.facts {
        write_facts(connection, order, key, facts).await?;
    }
    write_outcome(connection, order, key, &run).await
}

/// What is stored of an attempt, without its facts.
async fn stored(connection: &mut Connection, order: i64, key: AttemptKey) -> Sql<Run> {
    let row =
        sqlx::query("select * from run where order_id = $1 and position = $2 and attempt = $3")
            .bind(order)
            .bind(i64::from(key.position.0))
            .bind(i64::from(key.attempt.0))
            .fetch_one(connection)
            .await?;
    let columns = Columns(&row);
    Ok(Run {
        facts: None,
        started_at: columns.optional_time("started_at")?,
        end: end(&columns)?,
        totals: totals(&columns)?,
        quality: quality(&columns)?,
        output: columns.get("output")?,
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
        exit_code: row.get("exit_code")?,
        signal: row.get("signal")?,
        reason,
        message: row.get("message")?,
        censored: row.get::<Option<bool>>("censored")?.unwrap_or(false),
    }))
}

/// What a stored run used.
pub(crate) fn totals(row: &Columns<'_>) -> Sql<Totals> {
    Ok(Totals {
        duration_seconds: row.get("duration_seconds")?,
        cpu_seconds: row.get("cpu_seconds")?,
        cpu_user_seconds: row.get("cpu_user_seconds")?,
        cpu_system_seconds: row.get("cpu_system_seconds")?,
        cpu_throttled_seconds: row.get("cpu_throttled_seconds")?,
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
        monitor_cpu_seconds: row.get("monitor_cpu_seconds")?,
        monitor_memory_bytes: row.optional_count("monitor_memory_bytes")?,
    })
}

/// How well a stored run was measured.
pub(crate) fn quality(row: &Columns<'_>) -> Sql<Quality> {
    Ok(Quality {
        samples: row.count("samples")?,
        missed_samples: row.count("missed_samples")?,
        largest_gap_seconds: row.get("largest_gap_seconds")?,
    })
}

/// The first facts stand.
async fn write_facts(
    connection: &mut Connection,
    order: i64,
    key: AttemptKey,
    facts: &RunFacts,
) -> Sql<()> {
    let machine = machine_number(connection, &facts.machine).await?;
    let command =
        serde_json::to_string(&facts.command).map_err(|e| sqlx::Error::Encode(Box::new(e)))?;
    let granted = &facts.resources;
    let input = facts.input.clone().unwrap_or_default();
    sqlx::query(
        "update run set machine_id = $4, launcher = $5, source = $6, period_seconds = $7, \
         image = $8, image_digest = $9, command = $10, \
         requested_cpu = $11, requested_memory_bytes = $12, \
         limit_cpu = $13, limit_memory_bytes = $14, \
         input_bytes = $15, input_width = $16, input_height = $17, input_channels = $18, \
         input_bit_depth = $19, input_format = $20 \
         where order_id = $1 and position = $2 and attempt = $3 and source is null",
    )
    .bind(order)
    .bind(i64::from(key.position.0))
    .bind(i64::from(key.attempt.0))
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
    .bind(input.width.map(i64::from))
    .bind(input.height.map(i64::from))
    .bind(input.channels.map(i64::from))
    .bind(input.bit_depth.map(i64::from))
    .bind(input.format)
    .execute(connection)
    .await
    .map(drop)
}

async fn write_outcome(
    connection: &mut Connection,
    order: i64,
    key: AttemptKey,
    run: &Run,
) -> Sql<()> {
    let (end, used, quality) = (run.end.as_ref(), &run.totals, &run.quality);
    sqlx::query(
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
    .bind(order)
    .bind(i64::from(key.position.0))
    .bind(i64::from(key.attempt.0))
    .bind(run.started_at.map(Time))
    .bind(end.map(|e| Time(e.ended_at)))
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
    .bind(quality.largest_gap_seconds)
    .execute(connection)
    .await
    .map(drop)
}

/// The attempts of an order that have not ended.
pub(crate) async fn open(
    connection: &mut Connection,
    order: i64,
    order_uid: OrderUid,
) -> Sql<Vec<AttemptKey>> {
    let sql = "select position, attempt from run where order_id = $1 and reason is null";
    keys(connection, sql, order, order_uid).await
}

/// The attempts of an order.
pub(crate) async fn all(
    connection: &mut Connection,
    order: i64,
    order_uid: OrderUid,
) -> Sql<Vec<AttemptKey>> {
    let sql = "select position, attempt from run where order_id = $1";
    keys(connection, sql, order, order_uid).await
}

async fn keys(
    connection: &mut Connection,
    sql: &'static str,
    order: i64,
    order_uid: OrderUid,
) -> Sql<Vec<AttemptKey>> {
    let rows = sqlx::query(sql).bind(order).fetch_all(connection).await?;
    let key = |row: &Row| {
        let row = Columns(row);
        Ok(AttemptKey {
            order_uid,
            position: Position(row.count("position")?),
            attempt: Attempt(row.count("attempt")?),
        })
    };
    rows.iter().map(key).collect()
}
