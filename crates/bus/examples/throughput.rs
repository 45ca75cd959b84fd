//! Prints how fast samples are read from a Kafka, and what that costs: start one by
//! `tests/stack/kafka.sh`, then run
//! `cargo run --release -p bus --example throughput 127.0.0.1:PORT [RECORDS]`.

use std::{
    env,
    error::Error,
    fs,
    process::Command,
    time::{Duration, Instant},
};

use bus::{Bus, Settings, Start, TopicSettings};
use model::{
    Attempt, AttemptKey, Envelope, Message, OrderTopics, OrderUid, Position, Reading, Resource,
    Sample, Timestamp, Values,
    message::Header,
    reading::{Counters, Gauges},
};
use rdkafka::{
    ClientConfig, Message as _, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
};
use uuid::Uuid;

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// A sample as a cgroup of version 2 gives it.
fn sample(uid: Uuid, n: u64) -> Outcome<Envelope> {
    let key = AttemptKey {
        order_uid: OrderUid(uid),
        position: Position((n % 7) as u32),
        attempt: Attempt(1),
    };
    let counters = Counters {
        cpu_usage_nsec: Some(n * 731_873_111),
        cpu_user_nsec: Some(n * 700_113_903),
        cpu_system_nsec: Some(n * 31_759_208),
        throttled_usec: Some(n * 11),
        io_read_bytes: Some(n * 4096),
        io_write_bytes: Some(n * 40_960),
        read_chars: Some(n * 1_048_611),
        write_chars: Some(n * 10_485),
        cpu_pressure_usec: Some(n * 1200),
        memory_pressure_usec: Some(0),
        io_pressure_usec: Some(n * 33),
        major_faults: Some(3),
        oom_kill: Some(0),
        monitor_cpu_nsec: Some(n * 1_001_733),
        ..Counters::default()
    };
    let gauges = Gauges {
        memory_bytes: Some(187_334_656 + n % 977 * 4096),
        memory_anon_bytes: Some(153_280_512 + n % 977 * 4096),
        memory_file_bytes: Some(30_670_848),
        swap_bytes: Some(0),
        memory_kernel_peak_bytes: Some(201_392_128),
        processes: Some(3),
        threads: Some(12),
        monitor_memory_bytes: Some(2_613_248),
    };
    let mut values = Values::default();
    for resource in Resource::ALL {
        let value = (n % 1013) as f64 / 7.0 * (1.0 + f64::from(resource.id()));
        let network = matches!(resource, Resource::NetRx | Resource::NetTx);
        values.set(*resource, (!network).then_some(value));
    }
    let message = Message::Sample(Box::new(Sample {
        reading: Reading {
            seq: n,
            time_us: Timestamp(1_790_000_000_000_000 + n as i64 * 1_000_137),
            step_us: 1_000_137,
            counters,
            gauges,
            ..Reading::default()
        },
        values,
        missed_before: 0,
    }));
    let header = Header::attempt("leaf-1".parse()?, key, "resize".parse()?);
    Ok(Envelope { header, message })
}

/// Processor time of this process, seconds.
fn cpu() -> Outcome<f64> {
    let text = fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<_> = text.rsplit(") ").next().unwrap_or("").split(' ').collect();
    let ticks: u64 = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
    Ok(ticks as f64 / 100.0)
}

/// Resident memory and its peak, MB.
fn memory() -> Outcome<String> {
    let text = fs::read_to_string("/proc/self/status")?;
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or("").trim().to_owned()
    };
    Ok(format!("{} (peak {})", field("VmRSS:"), field("VmHWM:")))
}

struct Clock(&'static str, Instant, f64);

impl Clock {
    fn start(what: &'static str) -> Outcome<Self> {
        Ok(Self(what, Instant::now(), cpu()?))
    }

    fn stop(self, records: u64) -> Outcome {
        let Self(what, start, before) = self;
        let (seconds, cpu) = (start.elapsed().as_secs_f64(), cpu()? - before);
        let millions = records as f64 / 1e6;
        println!(
            "{what:<14} {:>9.0} records/s {:>6.2} CPU s a million  memory {}",
            records as f64 / seconds,
            cpu / millions,
            memory()?
        );
        Ok(())
    }
}

fn encode_and_decode(uid: Uuid) -> Outcome {
    let records: Vec<_> = (0..10_000)
        .map(|n| Ok(sample(uid, n)?.encode()?))
        .collect::<Outcome<_>>()?;
    let bytes: usize = records.iter().map(|record| record.value.len()).sum();
    println!("a sample has {} bytes", bytes / records.len());
    let clock = Clock::start("decode only")?;
    for _ in 0..50 {
        for record in &records {
            let key = Some(record.key.as_bytes());
            std::hint::black_box(Envelope::decode(key, &record.value)?);
        }
    }
    clock.stop(500_000)
}

async fn publish(bus: &Bus, topic: &str, uid: Uuid, records: u64) -> Outcome {
    let publisher = bus.publisher()?;
    let clock = Clock::start("publish")?;
    let mut last = None;
    for n in 0..records {
        last = Some(publisher.enqueue(topic, &sample(uid, n)?).await?);
    }
    if let Some(last) = last {
        last.await?;
    }
    clock.stop(records)
}

fn plain(servers: &str, topic: &str, records: u64) -> Outcome {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", servers)
        .set("group.id", "throughput")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("queued.max.messages.kbytes", "8192")
        .set("fetch.message.max.bytes", "262144")
        .set("fetch.max.bytes", "1048576")
        .create()?;
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, 0, Offset::Beginning)?;
    consumer.incremental_assign(&list)?;
    let clock = Clock::start("read only")?;
    let (mut seen, mut bytes) = (0, 0);
    while seen < records {
        if let Some(record) = consumer.poll(Duration::from_secs(10)) {
            bytes += record?.payload().map_or(0, <[u8]>::len);
            seen += 1;
        }
    }
    std::hint::black_box(bytes);
    clock.stop(records)
}

async fn decoded(bus: &Bus, topic: &str, records: u64) -> Outcome {
    let reader = bus.reader("throughput")?;
    reader.add(topic, Start::Earliest)?;
    let clock = Clock::start("read, decode")?;
    let mut seen = 0;
    while seen < records {
        let batch = reader.recv_batch(2000).await?;
        seen += std::hint::black_box(batch).len() as u64;
    }
    clock.stop(records)
}

#[tokio::main]
async fn main() -> Outcome {
    let mut words = env::args().skip(1);
    let servers = words.next().ok_or("give the address of a Kafka")?;
    let records = words.next().map_or(Ok(1_000_000), |text| text.parse())?;
    if let Some(topic) = words.next() {
        println!("{:<14} memory {}", "a fresh reader", memory()?);
        let bus = Bus::external(&Settings::new(&servers)?, TopicSettings::default())?;
        return decoded(&bus, &topic, records).await;
    }
    let uid = Uuid::now_v7();
    let how = TopicSettings {
        prefix: format!("throughput-{}-", uid.simple()),
        ..TopicSettings::default()
    };
    let topics = OrderTopics::own(&how.prefix, &"leaf-1".parse()?);
    let bus = Bus::external(&Settings::new(&servers)?, how)?;
    bus.create_topics(&topics).await?;
    encode_and_decode(uid)?;
    publish(&bus, &topics.resource, uid, records).await?;
    plain(&servers, &topics.resource, records)?;
    decoded(&bus, &topics.resource, records).await?;
    // Once more in a process that has done nothing else, whose memory is the reader's.
    let words = [servers, records.to_string(), topics.resource.clone()];
    Command::new(env::current_exe()?).args(words).status()?;
    bus.delete_topics(&topics).await?;
    Ok(())
}
