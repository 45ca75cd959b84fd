//! From a sample's instant to the moment at which others see it in the database.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};

use super::{
    World, consumer,
    fill::{Orders, now_us},
};
use crate::{
    args::IngestArgs,
    cost::{Aims, Unit, beside, median_and},
};

const A_SECOND: u64 = 1000;

pub(super) fn measure(world: &World, args: &IngestArgs, aims: &mut Aims) -> Result<()> {
    let samples = A_SECOND * args.seconds;
    let mut orders = Orders::new("late", 1)?;
    let uid = orders.all[0].1;
    let mut consumer = consumer::program(
        world.stack.folder(),
        &world.stack.bootstrap_servers,
        &world.database_url(),
    )?;
    consumer.start()?;
    let (bus, topics, seconds) = (world.bus.clone(), world.topics.clone(), args.seconds);
    // The group gives the consumer its partitions first.
    thread::sleep(Duration::from_secs(6));
    let sending = world
        .runtime
        .spawn(async move { orders.trickle(&bus, &topics, A_SECOND, seconds).await });
    let (mut delays, mut seen) = (Vec::new(), 0);
    let give_up = Instant::now() + Duration::from_secs(args.seconds + 60);
    while seen < samples {
        // The order is alone in its numbers: so many are there, and these are the first.
        let count = world.runtime.block_on(world.store.sample_count(uid))?;
        let now = now_us();
        if count > seen {
            let times = world.times(uid, seen)?;
            delays.extend(times.iter().map(|time| (now - time) as f64 / 1e6));
            seen += times.len() as u64;
        }
        if Instant::now() > give_up {
            bail!("{seen} of {samples} were seen:\n{}", consumer.last_words());
        }
        thread::sleep(Duration::from_millis(5));
    }
    world.runtime.block_on(sending)??;
    consumer.end();
    let (median, p99) = median_and(delays, 0.99);
    beside(
        "from a sample to its row at 1,000 a second, median",
        Unit::Milliseconds,
        median,
    );
    aims.aimed("  99 % below", Unit::Milliseconds, p99, 1.0);
    Ok(())
}

impl World {
    /// The times of an order's samples from one on, microseconds.
    fn times(&self, uid: model::OrderUid, from: u64) -> Result<Vec<i64>> {
        let rows = self.psql.run(&format!(
            "select (extract(epoch from time) * 1000000)::bigint from podometer.sample_wide \
             where order_id = (select id from podometer.orders where order_uid::text = '{uid}') \
             and seq >= {from} order by seq"
        ))?;
        Ok(rows.lines().filter_map(|line| line.parse().ok()).collect())
    }
}
