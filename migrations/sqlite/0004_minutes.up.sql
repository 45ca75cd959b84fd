-- Means and peaks of each minute of an attempt.
create view sample_minute as
select
    order_id, task_id, position, attempt,
    time - time % 60000000 as minute,
    count(*) as samples,
    avg(cpu) as cpu_mean, max(cpu) as cpu_max,
    avg(memory) as memory_mean, max(memory) as memory_max,
    avg(memory_anon) as memory_anon_mean, max(memory_anon) as memory_anon_max,
    avg(disk_read) as disk_read_mean, max(disk_read) as disk_read_max,
    avg(disk_write) as disk_write_mean, max(disk_write) as disk_write_max
from sample_wide
group by order_id, task_id, position, attempt, time - time % 60000000;
