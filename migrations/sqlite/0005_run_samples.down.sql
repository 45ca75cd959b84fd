drop view run_named;

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

alter table run drop column last_sample_at;
alter table run drop column first_sample_at;
