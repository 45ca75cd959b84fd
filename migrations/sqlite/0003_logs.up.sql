-- Offsets are kept for each log: a partition of a topic, of one generation of that topic. What was
-- stored so far came from orders' own topics, which have one partition and live as long as the order.

create table ingest_offset_of_logs (
    bus text not null,
    topic text not null,
    partition integer not null,
    generation text not null,
    next_offset integer not null,
    primary key (bus, topic, partition, generation)
) strict, without rowid;

insert into ingest_offset_of_logs (bus, topic, partition, generation, next_offset)
select bus, topic, 0, order_uid, next_offset from ingest_offset;

drop table ingest_offset;

alter table ingest_offset_of_logs rename to ingest_offset;

create index ingest_offset_by_generation on ingest_offset (generation);
