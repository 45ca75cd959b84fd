-- What only the community licence has: the one-minute means and peaks as a continuous aggregate, and
-- compression of chunks that nobody writes to any more. The schema HOME is where TimescaleDB lives.
create materialized view sample_minute
with (timescaledb.continuous, timescaledb.materialized_only = false) as
select
    HOME.time_bucket(interval '1 minute', time) as minute,
    count(*) as samples,
    order_id, task_id, position, attempt,
    avg(cpu) as cpu_mean, max(cpu) as cpu_max,
    avg(memory) as memory_mean, max(memory) as memory_max,
    avg(memory_anon) as memory_anon_mean, max(memory_anon) as memory_anon_max,
    avg(disk_read) as disk_read_mean, max(disk_read) as disk_read_max,
    avg(disk_write) as disk_write_mean, max(disk_write) as disk_write_max
from sample_wide
group by 1, order_id, task_id, position, attempt
with no data;

select HOME.add_continuous_aggregate_policy('sample_minute',
    start_offset => interval '1 day', end_offset => interval '1 minute',
    schedule_interval => interval '1 minute');

alter table sample_wide set (timescaledb.compress,
    timescaledb.compress_segmentby = 'order_id',
    timescaledb.compress_orderby = 'time, task_id, position, attempt, seq');

select HOME.add_compression_policy('sample_wide', compress_after => interval '7 days');
