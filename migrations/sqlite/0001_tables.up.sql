-- The tables that Podometer writes. Times are whole microseconds since 1970-01-01T00:00:00Z (UTC),
-- memory and traffic bytes, processor time seconds. Ids are append-only; 0 means unknown.

create table orders (
    id integer primary key autoincrement,
    name text not null unique,
    order_uid text not null unique,
    status text not null,
    message text,
    created_at integer not null,
    started_at integer,
    ended_at integer,
    launcher text not null,
    input text,
    definition text not null, -- JSON: the order as it was loaded
    tasks integer not null,
    storing_complete integer not null default 0,
    owner text not null
) strict;

create index orders_by_status on orders (status);

create table task (
    id integer primary key autoincrement,
    name text not null unique
) strict;

insert into task (id, name) values (0, 'unknown');

create table resource (
    id integer primary key,
    name text not null unique,
    unit text not null
) strict;

insert into resource (id, name, unit) values
    (0, 'unknown', ''),
    (1, 'cpu', 'cores'),
    (2, 'cpu_user', 'cores'),
    (3, 'cpu_system', 'cores'),
    (4, 'cpu_throttled', 'share'),
    (5, 'memory', 'bytes'),
    (6, 'memory_anon', 'bytes'),
    (7, 'memory_file', 'bytes'),
    (8, 'swap', 'bytes'),
    (9, 'disk_read', 'bytes/s'),
    (10, 'disk_write', 'bytes/s'),
    (11, 'read_chars', 'bytes/s'),
    (12, 'write_chars', 'bytes/s'),
    (13, 'net_rx', 'bytes/s'),
    (14, 'net_tx', 'bytes/s'),
    (15, 'processes', 'count'),
    (16, 'threads', 'count'),
    (17, 'cpu_pressure', 'share'),
    (18, 'memory_pressure', 'share'),
    (19, 'io_pressure', 'share'),
    (20, 'major_faults', '1/s');

create table machine (
    id integer primary key autoincrement,
    facts text not null unique, -- JSON: what makes two machines the same one
    hostname text,
    processor text,
    cores integer,
    memory_bytes integer,
    kernel text,
    os text,
    architecture text
) strict;

insert into machine (id, facts) values (0, '');

-- One row per attempt of a task.
create table run (
    order_id integer not null references orders (id),
    position integer not null,
    attempt integer not null,
    task_id integer not null references task (id),
    machine_id integer not null default 0 references machine (id),
    -- what it was given; null until its start was reported
    launcher text,
    source text,
    period_seconds real,
    image text,
    image_digest text,
    command text, -- JSON: a list of texts
    requested_cpu real, -- cores
    requested_memory_bytes integer,
    limit_cpu real, -- cores
    limit_memory_bytes integer,
    input_bytes integer,
    input_width integer,
    input_height integer,
    input_channels integer,
    input_bit_depth integer,
    input_format text,
    -- how it went; ended_at, reason and censored are null while it runs
    started_at integer,
    ended_at integer,
    exit_code integer,
    signal integer,
    reason text,
    message text,
    censored integer,
    output text,
    -- what it used
    duration_seconds real,
    cpu_seconds real,
    cpu_user_seconds real,
    cpu_system_seconds real,
    cpu_throttled_seconds real,
    cpu_lower_bound integer not null default 0,
    memory_peak_bytes integer,
    memory_anon_peak_bytes integer,
    memory_anon_peak_exact integer not null default 0,
    disk_read_bytes integer,
    disk_write_bytes integer,
    read_chars integer,
    write_chars integer,
    net_rx_bytes integer,
    net_tx_bytes integer,
    major_faults integer,
    oom_kills integer,
    leftover_processes integer,
    monitor_cpu_seconds real,
    monitor_memory_bytes integer,
    -- how well it was measured
    samples integer not null default 0,
    missed_samples integer not null default 0,
    largest_gap_seconds real,
    -- out of its samples, once it has ended: processor weighted by time, memory by sample
    stored_samples integer,
    cpu_p50 real,
    cpu_p95 real,
    cpu_max real,
    memory_p50 real,
    memory_p95 real,
    memory_max real,
    primary key (order_id, position, attempt)
) strict, without rowid;

create index run_by_task on run (task_id);

-- One row per sample. The key is that of the other database (order, time, task, position, attempt,
-- sequence) in the order in which this one is read: an attempt's samples lie side by side. It has
-- no foreign keys, for speed: whoever deletes an order deletes its samples.
create table sample_wide (
    order_id integer not null,
    task_id integer not null,
    position integer not null,
    attempt integer not null,
    seq integer not null,
    time integer not null,
    cpu real,
    cpu_user real,
    cpu_system real,
    cpu_throttled real,
    memory real,
    memory_anon real,
    memory_file real,
    swap real,
    disk_read real,
    disk_write real,
    read_chars real,
    write_chars real,
    net_rx real,
    net_tx real,
    processes real,
    threads real,
    cpu_pressure real,
    memory_pressure real,
    io_pressure real,
    major_faults real,
    cpu_lower_bound integer not null,
    is_final integer not null,
    missed_before integer not null,
    primary key (order_id, position, attempt, seq, time, task_id)
) strict, without rowid;

-- Up to where the records of a topic are stored: the offset of the next one.
create table ingest_offset (
    bus text not null,
    topic text not null,
    order_uid text not null,
    next_offset integer not null,
    primary key (bus, topic, order_uid)
) strict, without rowid;

create index ingest_offset_by_order on ingest_offset (order_uid);
