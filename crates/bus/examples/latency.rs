//! Prints what the embedded broker costs in time: run it by
//! `cargo run --release -p bus --example latency`.

use std::{
    error::Error,
    fs,
    time::{Duration, Instant},
};

use bus::{Bus, Publisher, Reader, RunnerProducer, Start};
use model::{
    Attempt, AttemptKey, Envelope, Message, OrderTopics, OrderUid, Position, Timestamp,
    message::{Header, Progress},
};
use uuid::Uuid;

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

fn message() -> Outcome<Envelope> {
    let key = AttemptKey {
        order_uid: OrderUid(Uuid::now_v7()),
        position: Position(0),
        attempt: Attempt(1),
    };
    Ok(Envelope {
        header: Header::attempt("leaf-1".parse()?, key, "resize".parse()?),
        message: Message::Progress(Progress {
            output: "out".to_owned(),
            ended_at: Timestamp(0),
        }),
    })
}

fn print(what: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |share: usize| times[(times.len() - 1) * share / 100].as_secs_f64() * 1e3;
    println!(
        "{what:<52} median {:8.3} ms  p95 {:8.3} ms  most {:8.3} ms",
        at(50),
        at(95),
        at(100)
    );
}

fn timed<T>(times: &mut Vec<Duration>, action: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = action();
    times.push(start.elapsed());
    result
}

/// Processor time of this process, seconds.
fn cpu() -> Outcome<f64> {
    let mut nanoseconds = 0u64;
    for task in fs::read_dir("/proc/self/task")? {
        let line = fs::read_to_string(task?.path().join("schedstat"))?;
        nanoseconds += line.split(' ').next().unwrap_or("0").parse::<u64>()?;
    }
    Ok(nanoseconds as f64 / 1e9)
}

async fn runners(bus: &Bus, reader: &Reader, topics: &OrderTopics) -> Outcome {
    let [mut connect, mut delivered, mut seen, mut end] = [const { Vec::new() }; 4];
    for _ in 0..20 {
        let start = Instant::now();
        let runner = timed(&mut connect, || {
            RunnerProducer::connect(&bus.address(topics))
        })?;
        runner.send(&topics.orchestrator, &message()?)?;
        let left = tokio::task::block_in_place(|| runner.flush(Duration::from_secs(5)));
        assert_eq!(left, 0, "a message was not delivered");
        delivered.push(start.elapsed());
        reader.recv().await?;
        seen.push(start.elapsed());
        tokio::task::block_in_place(|| timed(&mut end, || drop(runner)));
    }
    print("runner: connect() returns", connect);
    print("runner: connect() to first delivery", delivered);
    print("runner: connect() to read by the orchestrator", seen);
    print("runner: drop", end);
    Ok(())
}

async fn round_trips(publisher: &Publisher, reader: &Reader, topics: &OrderTopics) -> Outcome {
    let [mut published, mut seen] = [const { Vec::new() }; 2];
    for _ in 0..200 {
        let start = Instant::now();
        publisher.publish(&topics.orchestrator, &message()?).await?;
        published.push(start.elapsed());
        reader.recv().await?;
        seen.push(start.elapsed());
        tokio::time::sleep(Duration::from_micros(
            u64::from(start.elapsed().subsec_micros()) % 7919,
        ))
        .await;
    }
    print("publisher: publish", published);
    print("publisher: publish to read", seen);
    Ok(())
}

async fn new_orders(bus: &Bus, publisher: &Publisher, reader: &Reader) -> Outcome {
    let [mut create, mut add, mut published, mut seen] = [const { Vec::new() }; 4];
    for n in 0..20 {
        let topics = OrderTopics::own("", &format!("order-{n}").parse()?);
        let start = Instant::now();
        bus.create_topics(&topics).await?;
        create.push(start.elapsed());
        timed(&mut add, || reader.add(&topics.task, Start::Earliest))?;
        let start = Instant::now();
        publisher.publish(&topics.task, &message()?).await?;
        published.push(start.elapsed());
        reader.recv().await?;
        seen.push(start.elapsed());
    }
    print("order: create_topics", create);
    print("order: add", add);
    print("order: first publish", published);
    print("order: first publish to read", seen);
    Ok(())
}

#[tokio::main]
async fn main() -> Outcome {
    let [mut start, mut make, mut end] = [const { Vec::new() }; 3];
    let bus = timed(&mut start, Bus::embedded)?;
    let topics = OrderTopics::own("", &"leaf-1".parse()?);
    bus.create_topics(&topics).await?;
    let publisher = bus.publisher()?;
    let mut readers = Vec::new();
    for name in ["orchestrator", "producer", "consumer"] {
        let reader = timed(&mut make, || bus.reader(name))?;
        readers.push(reader);
    }
    print("Bus::embedded", start);
    print("Bus::reader", make);
    let first = Instant::now();
    readers[0].add(&topics.orchestrator, Start::Earliest)?;
    readers[1].add(&topics.task, Start::Earliest)?;
    readers[2].add(&topics.resource, Start::Earliest)?;
    publisher.publish(&topics.orchestrator, &message()?).await?;
    print("cold: add and first publish", vec![first.elapsed()]);
    readers[0].recv().await?;
    print("cold: add, first publish to read", vec![first.elapsed()]);

    round_trips(&publisher, &readers[0], &topics).await?;
    runners(&bus, &readers[0], &topics).await?;
    new_orders(&bus, &publisher, &readers[0]).await?;

    let before = cpu()?;
    tokio::time::sleep(Duration::from_secs(5)).await;
    println!(
        "idle with 3 readers: {:.3} % of a core",
        (cpu()? - before) / 5.0 * 100.0
    );
    let reader = readers.pop();
    timed(&mut end, || drop(reader));
    drop(readers);
    print("drop of a reader", end);
    let ended = Instant::now();
    drop((publisher, bus));
    print("drop of the rest", vec![ended.elapsed()]);
    Ok(())
}
