//! Both monitors as programs for one order, with real runners, Kafka and TimescaleDB: however often they
//! are killed, everything is stored once, and both end with the order.

#![allow(clippy::unwrap_used, reason = "a test")]

mod place;
mod program;

use std::time::{Duration, Instant};

use model::{Attempt, Position, Reason, Resource, Status};
use place::Place;
use tokio::time::sleep;

/// What the monitors may take to end after the order.
const PATIENCE: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_instant_they_go_on_and_end_with_the_order() {
    let Some(place) = Place::make().await else {
        return;
    };
    let (mut producer, mut consumer) = (place.producer(), place.consumer());
    let until = Instant::now() + Duration::from_secs(8);
    let attempts = async {
        let mut attempts = Vec::new();
        let mut position = 0;
        while Instant::now() < until {
            let script = "i=0; while [ $i -lt 150000 ]; do i=$((i+1)); done; sleep 1";
            attempts.push(place.attempt(position, script).await);
            attempts.push(place.attempt(position + 1, "true").await);
            position += 2;
        }
        attempts
    };
    let killing = async {
        // Each time at another instant of what they do.
        let mut pause = Duration::from_millis(190);
        while Instant::now() < until {
            sleep(pause).await;
            producer.kill_and_start();
            sleep(pause * 2).await;
            consumer.kill_and_start();
            pause = pause * 13 / 10;
        }
    };
    let (attempts, ()) = tokio::join!(attempts, killing);
    place.stop(&attempts).await;
    // Once more while the end is under way.
    for pause in [40, 300, 700] {
        sleep(Duration::from_millis(pause)).await;
        producer.kill_and_start();
        consumer.kill_and_start();
    }
    assert_eq!(consumer.ends(PATIENCE).await, 0, "{}", consumer.said());
    assert_eq!(producer.ends(PATIENCE).await, 0, "{}", producer.said());

    let order = place.store.order_by_uid(place.uid).await.unwrap().unwrap();
    assert_eq!(
        (order.status, order.storing_complete),
        (Status::Succeeded, true)
    );
    let runs = place.store.runs(&place.order).await.unwrap();
    assert_eq!(runs.len(), attempts.len());
    for (run, (log, position)) in runs.iter().zip(attempts.iter().zip(0..)) {
        assert_eq!(
            (run.position, run.reason),
            (Position(position), Some(Reason::Completed))
        );
        let samples = place
            .store
            .samples(&place.order, Position(position), Attempt(1));
        let samples = samples.await.unwrap();
        let seqs: Vec<_> = samples.iter().map(|sample| sample.seq).collect();
        assert_eq!(
            seqs,
            (0..=log.last_seq).collect::<Vec<_>>(),
            "none lost, none doubled"
        );
        assert_eq!(run.quality.missed_samples, 0);
        assert_eq!(run.quality.samples, samples.len() as u64);
        // The rates go on over a restart: they sum up to the total.
        let total = run.totals.cpu_seconds.unwrap();
        let mut sum = 0.0;
        for pair in samples.windows(2) {
            let step = pair[1].time.seconds_since(pair[0].time);
            sum += pair[1].values.get(Resource::Cpu).unwrap() * step;
        }
        assert!(
            (sum - total).abs() < 1e-6,
            "position {position}: {sum} of {total}"
        );
    }

    // Started again when all is over (an exit that nobody noticed), they end at once.
    let (mut producer, mut consumer) = (place.producer(), place.consumer());
    assert_eq!(consumer.ends(PATIENCE).await, 0, "{}", consumer.said());
    assert_eq!(producer.ends(PATIENCE).await, 0, "{}", producer.said());
}

#[tokio::test(flavor = "multi_thread")]
async fn terminated_before_the_order_is_over_they_say_so() {
    let Some(place) = Place::make().await else {
        return;
    };
    for mut program in [place.producer(), place.consumer()] {
        place.topics_exist().await;
        sleep(Duration::from_millis(300)).await;
        program.terminate();
        assert_eq!(program.ends(PATIENCE).await, 143, "{}", program.said());
    }
}
