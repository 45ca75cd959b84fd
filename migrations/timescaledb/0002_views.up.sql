-- The forms that people query and train on.

-- One row per value, with everything that names it. Each sample is read once, whatever is asked for.
create view sample_long (order_id, task_id, resource_id, value, time, position, attempt, seq) as
select s.order_id, s.task_id, v.resource_id, v.value, s.time, s.position, s.attempt, s.seq
from sample_wide as s
cross join lateral (values
    (1, s.cpu),
    (2, s.cpu_user),
    (3, s.cpu_system),
    (4, s.cpu_throttled),
    (5, s.memory),
    (6, s.memory_anon),
    (7, s.memory_file),
    (8, s.swap),
    (9, s.disk_read),
    (10, s.disk_write),
    (11, s.read_chars),
    (12, s.write_chars),
    (13, s.net_rx),
    (14, s.net_tx),
    (15, s.processes),
    (16, s.threads),
    (17, s.cpu_pressure),
    (18, s.memory_pressure),
    (19, s.io_pressure),
    (20, s.major_faults)
) as v (resource_id, value)
where v.value is not null;

-- One row per value.
create view sample (order_id, task_id, resource_id, value, time) as
select order_id, task_id, resource_id, value, time from sample_long;

-- The same with names.
create view sample_named (order_name, position, task, attempt, seq, resource, unit, value, time) as
select
    orders.name, s.position, task.name, s.attempt, s.seq, resource.name, resource.unit, s.value,
    s.time
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
    run.started_at, run.ended_at,
    run.exit_code, run.signal, run.reason, run.message, run.censored,
    run.duration_seconds, run.cpu_seconds, run.cpu_user_seconds, run.cpu_system_seconds,
    run.cpu_throttled_seconds, run.cpu_lower_bound,
    run.memory_peak_bytes, run.memory_anon_peak_bytes, run.memory_anon_peak_exact,
    run.disk_read_bytes, run.disk_write_bytes, run.read_chars, run.write_chars,
    run.net_rx_bytes, run.net_tx_bytes, run.major_faults, run.oom_kills, run.leftover_processes,
    run.monitor_cpu_seconds, run.monitor_memory_bytes,
    run.samples, run.missed_samples, run.largest_gap_seconds, run.stored_samples,
    run.first_sample_at, run.last_sample_at,
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
