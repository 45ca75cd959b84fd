-- Means and peaks of each minute of an attempt, where there are no continuous aggregates. The same
-- columns as in community.sql; the store keeps it up to date.
create table if not exists sample_minute (
    minute timestamptz not null,
    samples bigint not null,
    order_id integer not null,
    task_id integer not null,
    position integer not null,
    attempt integer not null,
    cpu_mean double precision, cpu_max double precision,
    memory_mean double precision, memory_max double precision,
    memory_anon_mean double precision, memory_anon_max double precision,
    disk_read_mean double precision, disk_read_max double precision,
    disk_write_mean double precision, disk_write_max double precision,
    primary key (order_id, minute, task_id, position, attempt)
);
