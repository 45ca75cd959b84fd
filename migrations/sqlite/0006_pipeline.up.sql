-- What it took to carry an order's samples from the broker to here, counted by whoever stored its end.
create table pipeline (
    order_id integer primary key references orders (id),
    messages integer not null, -- records on the order's resource topic
    bytes integer not null, -- their keys and values, before compression
    batches integer not null, -- transactions that held some of them
    samples integer not null, -- samples among them, with those that came twice
    -- from the instant of a sample to the end of the transaction that stored it
    delay_p50_seconds real,
    delay_p99_seconds real,
    delay_max_seconds real
);
