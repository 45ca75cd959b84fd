create table ingest_offset_of_orders (
    bus text not null,
    topic text not null,
    order_uid text not null,
    next_offset integer not null,
    primary key (bus, topic, order_uid)
) strict, without rowid;

-- The logs of shared topics are no order's, and have no place in the earlier form.
insert into ingest_offset_of_orders (bus, topic, order_uid, next_offset)
select bus, topic, generation, next_offset from ingest_offset
where partition = 0 and generation in (select order_uid from orders);

drop table ingest_offset;

alter table ingest_offset_of_orders rename to ingest_offset;

create index ingest_offset_by_order on ingest_offset (order_uid);
