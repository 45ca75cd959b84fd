-- What changed since the means of minutes were last worked out: one row per batch that was stored.
create table sample_stale (
    id bigint generated always as identity primary key,
    earliest timestamptz not null,
    latest timestamptz not null,
    order_ids integer[] not null
);

-- The table (or, with the community licence, the continuous aggregate) sample_minute is made by the
-- store after the migrations, because which one it is depends on the server.
