-- The forms that people query and train on.

-- One row per value, with everything that names it.
create view sample_long (order_id, task_id, resource_id, value, time, position, attempt, seq) as
select order_id, task_id, 1, cpu, time, position, attempt, seq
from sample_wide where cpu is not null
union all
select order_id, task_id, 2, cpu_user, time, position, attempt, seq
from sample_wide where cpu_user is not null
union all
select order_id, task_id, 3, cpu_system, time, position, attempt, seq
from sample_wide where cpu_system is not null
union all
select order_id, task_id, 4, cpu_throttled, time, position, attempt, seq
from sample_wide where cpu_throttled is not null
union all
select order_id, task_id, 5, memory, time, position, attempt, seq
from sample_wide where memory is not null
union all
select order_id, task_id, 6, memory_anon, time, position, attempt, seq
from sample_wide where memory_anon is not null
union all
select order_id, task_id, 7, memory_file, time, position, attempt, seq
from sample_wide where memory_file is not null
union all
select order_id, task_id, 8, swap, time, position, attempt, seq
from sample_wide where swap is not null
union all
select order_id, task_id, 9, disk_read, time, position, attempt, seq
from sample_wide where disk_read is not null
union all
select order_id, task_id, 10, disk_write, time, position, attempt, seq
from sample_wide where disk_write is not null
union all
select order_id, task_id, 11, read_chars, time, position, attempt, seq
from sample_wide where read_chars is not null
union all
select order_id, task_id, 12, write_chars, time, position, attempt, seq
from sample_wide where write_chars is not null
union all
select order_id, task_id, 13, net_rx, time, position, attempt, seq
from sample_wide where net_rx is not null
union all
select order_id, task_id, 14, net_tx, time, position, attempt, seq
from sample_wide where net_tx is not null
union all
select order_id, task_id, 15, processes, time, position, attempt, seq
from sample_wide where processes is not null
union all
select order_id, task_id, 16, threads, time, position, attempt, seq
from sample_wide where threads is not null
union all
select order_id, task_id, 17, cpu_pressure, time, position, attempt, seq
from sample_wide where cpu_pressure is not null
union all
select order_id, task_id, 18, memory_pressure, time, position, attempt, seq
from sample_wide where memory_pressure is not null
union all
select order_id, task_id, 19, io_pressure, time, position, attempt, seq
from sample_wide where io_pressure is not null
union all
select order_id, task_id, 20, major_faults, time, position, attempt, seq
from sample_wide where major_faults is not null
;

-- One row per value.
create view sample (order_id, task_id, resource_id, value, time) as
select order_id, task_id, resource_id, value, time from sample_long;

-- The same with names, and times as RFC 3339 in UTC.
create view sample_named (order_name, position, task, attempt, seq, resource, unit, value, time) as
select
    orders.name, s.position, task.name, s.attempt, s.seq, resource.name, resource.unit, s.value,
    strftime('%Y-%m-%dT%H:%M:%S', s.time / 1000000, 'unixepoch')
        || printf('.%06dZ', s.time % 1000000)
from sample_long as s
join orders on orders.id = s.order_id
join task on task.id = s.task_id
join resource on resource.id = s.resource_id;

create view run_named as
select
    orders.name as order_name,
    orders.order_uid,
    task.name as task,
    machine.hostname as machine,
    run.position, run.attempt,
    strftime('%Y-%m-%dT%H:%M:%S', run.started_at / 1000000, 'unixepoch')
        || printf('.%06dZ', run.started_at % 1000000) as started_at,
    strftime('%Y-%m-%dT%H:%M:%S', run.ended_at / 1000000, 'unixepoch')
        || printf('.%06dZ', run.ended_at % 1000000) as ended_at,
    run.exit_code, run.signal, run.reason, run.message, run.censored,
    run.duration_seconds, run.cpu_seconds, run.cpu_user_seconds, run.cpu_system_seconds,
    run.cpu_throttled_seconds, run.cpu_lower_bound,
    run.memory_peak_bytes, run.memory_anon_peak_bytes, run.memory_anon_peak_exact,
    run.disk_read_bytes, run.disk_write_bytes, run.read_chars, run.write_chars,
    run.net_rx_bytes, run.net_tx_bytes, run.major_faults, run.oom_kills, run.leftover_processes,
    run.monitor_cpu_seconds, run.monitor_memory_bytes,
    run.samples, run.missed_samples, run.largest_gap_seconds, run.stored_samples,
    run.cpu_p50, run.cpu_p95, run.cpu_max, run.memory_p50, run.memory_p95, run.memory_max,
    run.launcher, run.source, run.period_seconds, run.image, run.image_digest, run.command,
    run.requested_cpu, run.requested_memory_bytes, run.limit_cpu, run.limit_memory_bytes,
    run.input_bytes, run.input_width, run.input_height, run.input_channels, run.input_bit_depth,
    run.input_format,
    run.output
from run
join orders on orders.id = run.order_id
join task on task.id = run.task_id
join machine on machine.id = run.machine_id;
