//! Orders whose messages come on topics that all orders share. The partitions are divided among the
//! producers of a consumer group; whoever gets one makes the state of its orders from their messages.
//!
//! There is no spool here: what one producer had on its disk would be missed by the one that takes over.
//! Runners keep their readings until Kafka has them.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use anyhow::Result;
use bus::{Bus, Event, GroupEvent, GroupReader, Incoming, Partition, Publisher, Start};
use model::{Envelope, Message, OrderHandle, OrderTopics, OrderUid, attempt::Token};
use tokio::{
    sync::mpsc,
    time::{MissedTickBehavior, interval, sleep},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{INBOX, Inbound, Metrics, READ_AGAIN, open::Open, order};

/// How many records are taken at a time.
const AT_A_TIME: usize = 500;
/// How often it is noted in Kafka how far everything is.
const NOTE: Duration = Duration::from_secs(1);
/// Of how many orders that are over it is remembered that they are.
const REMEMBERED: usize = 10_000;

/// How shared topics are read.
#[derive(Debug, Clone)]
pub struct Shared {
    /// The topics.
    pub topics: OrderTopics,
    /// The consumer group whose services divide the partitions among them.
    pub group: String,
    /// What the tokens of all orders are [derived](Token::derived) from.
    pub secret: Token,
    /// What it counts.
    pub metrics: Metrics,
}

/// Hands each message to its order.
pub(crate) struct Shares {
    shared: Shared,
    reader: Arc<GroupReader>,
    publisher: Arc<Publisher>,
    open: Open,
    inboxes: HashMap<OrderUid, Inbox>,
    serial: u64,
    over: Over,
    tasks: TaskTracker,
    stopping: CancellationToken,
}

/// The way to an order's task, with its number: one that ends late must not be taken for its successor.
struct Inbox {
    sender: mpsc::Sender<Inbound>,
    serial: u64,
}

impl Shares {
    pub(crate) fn new(
        bus: &Bus,
        shared: Shared,
        tasks: TaskTracker,
        stopping: CancellationToken,
    ) -> Result<Self> {
        Ok(Self {
            reader: Arc::new(bus.group_reader(&shared.group, &[&shared.topics.task])?),
            publisher: Arc::new(bus.publisher()?),
            shared,
            open: Open::default(),
            inboxes: HashMap::new(),
            serial: 0,
            over: Over::default(),
            tasks,
            stopping,
        })
    }

    pub(crate) async fn run(mut self) {
        let (ended, mut finished) = mpsc::unbounded_channel();
        let (begin, mut begun) = mpsc::unbounded_channel();
        let mut notes = interval(NOTE);
        notes.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = self.stopping.cancelled() => break,
                Some((uid, serial)) = finished.recv() => self.ended(uid, serial),
                Some((partition, from)) = begun.recv() => self.begin(&partition, from),
                _ = notes.tick() => self.note(),
                event = self.reader.recv_batch(AT_A_TIME) => match event {
                    Ok(GroupEvent::Records(records)) => {
                        for record in records {
                            self.route(record, &ended).await;
                        }
                    }
                    Ok(GroupEvent::Assigned(partitions)) => self.look_up(partitions, begin.clone()),
                    Ok(GroupEvent::Revoked(partitions)) => {
                        for partition in partitions {
                            for uid in self.open.revoked(&partition) {
                                self.inboxes.remove(&uid);
                            }
                        }
                    }
                    Err(error) => {
                        tracing::warn!(%error, "reading shared task topics; trying again");
                        sleep(READ_AGAIN.0).await;
                    }
                },
            }
        }
        if let Some(reader) = Arc::into_inner(self.reader) {
            reader.close().await;
        }
    }

    /// Asks Kafka how far a predecessor was, however long it is away.
    fn look_up(
        &self,
        partitions: Vec<Partition>,
        begin: mpsc::UnboundedSender<(Partition, Option<i64>)>,
    ) {
        let (reader, stopping) = (Arc::clone(&self.reader), self.stopping.clone());
        let ask = async move {
            loop {
                match reader.committed(&partitions).await {
                    Ok(offsets) => {
                        for place in partitions.into_iter().zip(offsets) {
                            let _ = begin.send(place);
                        }
                        return;
                    }
                    Err(error) => tracing::warn!(%error, "asking where to begin; trying again"),
                }
                sleep(READ_AGAIN.0).await;
            }
        };
        self.tasks.spawn(async move {
            tokio::select! {
                () = ask => {}
                () = stopping.cancelled() => {}
            }
        });
    }

    fn begin(&self, (topic, partition): &Partition, from: Option<i64>) {
        let start = from.map_or(Start::Earliest, Start::Offset);
        if let Err(error) = self.reader.begin(topic, *partition, start) {
            tracing::error!(%error, "a partition can't be read");
        }
    }

    async fn route(&mut self, record: Incoming, ended: &mpsc::UnboundedSender<(OrderUid, u64)>) {
        let partition = (record.topic, record.partition);
        match record.event {
            Event::Message(envelope) => {
                let uid = envelope.header.order_uid;
                if self.over.contains(uid) || !self.is_wanted(&envelope) {
                    return self.open.pass(&partition, record.offset);
                }
                if self.open.read(&partition, record.offset, uid) {
                    self.start(&envelope, ended.clone());
                }
                let key = envelope.header.key();
                let task = envelope.header.attempt.map(|(_, _, task)| task);
                if let Some(inbox) = self.inboxes.get(&uid) {
                    let _ = inbox.sender.send((key.zip(task), envelope.message)).await;
                }
            }
            Event::Text { .. } => self.open.pass(&partition, record.offset),
            Event::Unreadable(unreadable) => {
                self.open.pass(&partition, record.offset);
                self.shared.metrics.dead_letters.inc();
                self.publisher.bury(&partition.0, &unreadable).await;
            }
        }
    }

    /// The end of an order of which nothing else is known begins none.
    fn is_wanted(&self, envelope: &Envelope) -> bool {
        let known = self.inboxes.contains_key(&envelope.header.order_uid);
        known || !matches!(envelope.message, Message::Terminate(_))
    }

    fn start(&mut self, envelope: &Envelope, ended: mpsc::UnboundedSender<(OrderUid, u64)>) {
        let (uid, serial) = (envelope.header.order_uid, self.serial);
        let handle = OrderHandle {
            order: envelope.header.order.clone(),
            order_uid: uid,
            topics: self.shared.topics.clone(),
            token: Token::derived(&self.shared.secret.0, uid),
        };
        let (sender, inbox) = mpsc::channel(INBOX);
        self.inboxes.insert(uid, Inbox { sender, serial });
        self.serial += 1;
        let (publisher, stopping) = (Arc::clone(&self.publisher), self.stopping.clone());
        let metrics = self.shared.metrics.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                _ = order::serve(handle, publisher, None, metrics, inbox) => {}
                () = stopping.cancelled() => {}
            }
            let _ = ended.send((uid, serial));
        });
    }

    fn ended(&mut self, uid: OrderUid, serial: u64) {
        if self
            .inboxes
            .get(&uid)
            .is_some_and(|inbox| inbox.serial == serial)
        {
            self.inboxes.remove(&uid);
            self.open.over(uid);
            self.over.add(uid);
        }
    }

    fn note(&mut self) {
        for ((topic, partition), from) in self.open.news() {
            self.reader.commit(&topic, partition, from);
        }
    }
}

/// Orders that are over, the latest ones: what still comes of them concerns nobody.
#[derive(Default)]
struct Over {
    all: HashSet<OrderUid>,
    line: VecDeque<OrderUid>,
}

impl Over {
    fn add(&mut self, uid: OrderUid) {
        if self.all.insert(uid) {
            self.line.push_back(uid);
        }
        if self.line.len() > REMEMBERED
            && let Some(oldest) = self.line.pop_front()
        {
            self.all.remove(&oldest);
        }
    }

    fn contains(&self, uid: OrderUid) -> bool {
        self.all.contains(&uid)
    }
}
