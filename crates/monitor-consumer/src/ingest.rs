//! The loop from the resource topics to the store.
//!
//! Reading goes on while a batch is written, up to a bound: then reading waits, however long the
//! database is away.

use std::{
    collections::{HashMap, HashSet},
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use bus::{Bus, Incoming, Publisher};
use model::{OrderHandle, OrderUid, message::Header};
use store::{Item, Log, Store};
use tokio::{
    sync::mpsc,
    task::{JoinHandle, yield_now},
    time::{MissedTickBehavior, interval, sleep_until, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    Options, Shared,
    events::{Board, Event, Finished},
    finish,
    gather::{Gather, LogKey, Whose},
    metrics::{Behind, Metrics},
    source::{Heard, Source},
    writer::{self, Written},
};

/// A batch is stored when it has so many items, or when its first has waited so long.
const BATCH: usize = 5000;
const PATIENCE: Duration = Duration::from_millis(200);
/// Nothing more is read while so many items wait. An item takes about 1 KB.
const FULL: usize = 2 * BATCH;
/// How long a group isn't heard while there is no room, before its partitions are paused and it is heard
/// again. Not at once: a pause throws away what was fetched ahead.
const DEAF: Duration = Duration::from_secs(5);
/// How long the last batch may take when the service ends.
const LAST: Duration = Duration::from_secs(5);
/// How often it is seen how far behind it is.
const SEE: Duration = Duration::from_secs(1);

/// What happens beside reading.
enum Beside {
    /// Where the store stands with a log.
    Begun(LogKey, Log, Option<i64>),
    /// An order's TERMINATE is sent.
    Terminated(OrderUid),
    /// A log of a shared topic is to be begun anew.
    Assigned(LogKey),
}

/// The loop's state.
pub(crate) struct Ingest {
    bus: Bus,
    source: Source,
    publisher: Publisher,
    store: Store,
    options: Options,
    board: Board,
    /// Drawing: it is waited for when the service ends. What tries until a server is back is not.
    tasks: TaskTracker,
    gather: Gather,
    /// The orders that were added, with the folders for their pictures.
    added: HashMap<OrderUid, (OrderHandle, PathBuf)>,
    /// The logs that are ours to read.
    ours: HashSet<LogKey>,
    writing: Option<JoinHandle<Written>>,
    flush_at: Option<Instant>,
    /// Since when there is no room.
    full_since: Option<Instant>,
    paused: bool,
    tell: mpsc::UnboundedSender<Beside>,
    told: mpsc::UnboundedReceiver<Beside>,
}

impl Ingest {
    pub(crate) fn new(
        bus: &Bus,
        store: Store,
        options: Options,
        board: Board,
        tasks: TaskTracker,
    ) -> Result<Self, bus::Error> {
        let (source, whose) = match &options.shared {
            Some(Shared { topics, group }) => {
                let reader = bus.group_reader(group, &[&topics.resource])?;
                (Source::Shared(reader), Whose::All)
            }
            None => (Source::Own(bus.reader("monitor-consumer")?), Whose::Added),
        };
        let (tell, told) = mpsc::unbounded_channel();
        Ok(Self {
            source,
            publisher: bus.publisher()?,
            bus: bus.clone(),
            store,
            options,
            board,
            tasks,
            gather: Gather::new(whose),
            added: HashMap::new(),
            ours: HashSet::new(),
            writing: None,
            flush_at: None,
            full_since: None,
            paused: false,
            tell,
            told,
        })
    }

    pub(crate) async fn run(
        mut self,
        mut added: mpsc::Receiver<(OrderHandle, PathBuf)>,
        stopping: CancellationToken,
    ) {
        let (mut see, mut behind) = (interval(SEE), Behind::default());
        see.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            if self.write_what_is_due() {
                // A task that was just spawned is run by this thread alone, and only when this one pauses:
                // without a word it would wait until reading has filled the next batch.
                yield_now().await;
            }
            self.pause_or_resume();
            let flush_at = self.flush_at.filter(|_| self.writing.is_none());
            let listen = self.full_since.is_none() || self.paused;
            let pause_at = self
                .full_since
                .filter(|_| self.source.must_be_heard() && !self.paused);
            tokio::select! {
                biased;
                () = stopping.cancelled() => return self.last_words().await,
                Some(written) = finished(&mut self.writing) => self.written(written).await,
                _ = see.tick() => self.see(&mut behind),
                Some(beside) = self.told.recv() => self.beside(beside),
                order = added.recv() => match order {
                    Some((handle, folder)) => self.add(handle, folder),
                    None => return self.last_words().await,
                },
                heard = self.source.recv(), if listen => match heard {
                    Ok(heard) => self.heard(heard).await,
                    Err(error) => {
                        tracing::error!(%error, "reading resource topics");
                        tokio::time::sleep(Duration::from_secs(1)).await;
                    }
                },
                () = sleep_until(flush_at.unwrap_or_else(Instant::now).into()), if flush_at.is_some() => {}
                () = sleep_until((pause_at.unwrap_or_else(Instant::now) + DEAF).into()),
                    if pause_at.is_some() => {}
            }
        }
    }

    fn see(&self, behind: &mut Behind) {
        let (items, writing) = (self.gather.len(), self.writing.is_some());
        behind.see(&self.options.metrics, self.source.unread(), items, writing);
    }

    /// Takes part in an order with topics of its own.
    fn add(&mut self, handle: OrderHandle, folder: PathBuf) {
        let log = own_log(&self.bus, &handle);
        let key = (log.topic.as_str().into(), log.partition);
        self.added.insert(handle.order_uid, (handle, folder));
        self.look_up(key, log);
    }

    /// A log of a shared topic is ours.
    fn assigned(&mut self, key: LogKey) {
        self.ours.insert(key.clone());
        let (bus, store, tell) = (self.bus.clone(), self.store.clone(), self.tell.clone());
        let metrics = self.options.metrics.clone();
        tokio::spawn(async move {
            let log = Log {
                bus: bus.instance().to_owned(),
                topic: key.0.to_string(),
                partition: key.1,
                generation: finish::generation(&bus, &key.0).await,
            };
            begun(store, tell, key, log, metrics).await;
        });
    }

    /// Asks the store where it stands with a log.
    fn look_up(&mut self, key: LogKey, log: Log) {
        self.ours.insert(key.clone());
        let (store, tell) = (self.store.clone(), self.tell.clone());
        let metrics = self.options.metrics.clone();
        tokio::spawn(begun(store, tell, key, log, metrics));
    }

    fn beside(&mut self, beside: Beside) {
        match beside {
            Beside::Begun(key, log, stored) => self.begin(&key, log, stored),
            Beside::Terminated(uid) => {
                self.gather.release(uid);
                self.flush_at = Some(Instant::now());
            }
            Beside::Assigned(key) => self.assigned(key),
        }
    }

    fn begin(&mut self, key: &LogKey, log: Log, stored: Option<i64>) {
        if !self.ours.contains(key) {
            return;
        }
        self.gather.begin(key.clone(), log, stored);
        for (uid, (handle, _)) in &self.added {
            if *handle.topics.resource == *key.0 {
                self.gather.add(*uid, handle.order.clone(), key.clone());
            }
        }
        if let Err(error) = self.source.begin(key, stored) {
            tracing::error!(%error, "the topic can't be read");
            self.lose(key, &error.to_string());
        }
    }

    async fn heard(&mut self, heard: Heard) {
        match heard {
            Heard::Records(records) => {
                for record in records {
                    self.take(record).await;
                }
                if self.gather.is_due() {
                    self.flush_at
                        .get_or_insert_with(|| Instant::now() + PATIENCE);
                }
            }
            Heard::Assigned(logs) => logs.into_iter().for_each(|key| self.assigned(key)),
            Heard::Revoked(logs) => {
                for key in logs {
                    self.ours.remove(&key);
                    self.gather.forget(&key);
                }
            }
        }
    }

    async fn take(&mut self, incoming: Incoming) {
        let key = (incoming.topic, incoming.partition);
        match incoming.event {
            bus::Event::Message(envelope) => {
                let tell = self.board.is_heard();
                self.gather.take(&key, incoming.offset, envelope, tell);
            }
            bus::Event::Text { .. } => {
                self.gather.pass(&key, incoming.offset);
            }
            bus::Event::Unreadable(unreadable) => {
                if self.gather.pass(&key, incoming.offset) {
                    self.options.metrics.dead_letters.inc();
                    self.publisher.bury(&key.0, &unreadable).await;
                }
            }
        }
    }

    /// Whether it began to write.
    fn write_what_is_due(&mut self) -> bool {
        let waited = self.flush_at.is_some_and(|at| Instant::now() >= at);
        let due = waited || self.gather.is_urgent() || self.gather.len() >= BATCH;
        if self.writing.is_some() || !due {
            return false;
        }
        self.flush_at = None;
        if self.gather.is_due() {
            let gathered = self.gather.gathered();
            let store = self.store.clone();
            let metrics = self.options.metrics.clone();
            self.writing = Some(tokio::spawn(writer::write(store, gathered, metrics)));
        }
        self.writing.is_some()
    }

    fn pause_or_resume(&mut self) {
        if self.gather.len() >= FULL {
            self.full_since.get_or_insert_with(Instant::now);
        } else {
            self.full_since = None;
        }
        let long = self.full_since.is_some_and(|since| since.elapsed() >= DEAF);
        let room = self.gather.len() < BATCH;
        if (long && !self.paused && self.source.must_be_heard()) || (room && self.paused) {
            self.paused = !self.paused;
            let ours: Vec<_> = self.ours.iter().cloned().collect();
            self.source.pause(&ours, self.paused);
        }
    }

    async fn written(&mut self, written: Written) {
        let Written {
            gathered,
            lost,
            refused,
        } = written;
        for (place, reason) in &refused {
            if let Some(item) = gathered.batch.items.get(*place) {
                self.bury(item, &gathered.of_items[*place], reason).await;
            }
        }
        for (key, advance) in gathered.logs.iter().zip(&gathered.batch.advances) {
            self.source.stored(key, advance.next);
        }
        for event in gathered.events {
            self.board.tell(event);
        }
        for (uid, _) in &gathered.stops {
            self.terminate(*uid, &gathered.batch.orders[uid]);
        }
        for key in lost {
            self.lose(&key, "another consumer stores it");
        }
        self.finish_what_is_stored();
        if self.gather.is_due() {
            self.flush_at
                .get_or_insert_with(|| Instant::now() + PATIENCE);
        }
    }

    /// Puts what no database takes among the dead letters.
    async fn bury(&self, item: &Item, (topic, _): &LogKey, reason: &str) {
        self.options.metrics.dead_letters.inc();
        tracing::warn!(%topic, reason, "a message can't be stored; it goes to the dead letters");
        let value = format!("{item:?}");
        let buried = self
            .publisher
            .dead_letter(topic, None, value.as_bytes(), reason);
        if let Err(error) = buried.await {
            tracing::warn!(%topic, %error, "the dead letter could not be sent");
        }
    }

    /// Says TERMINATE, however long the broker is away.
    fn terminate(&self, uid: OrderUid, order: &model::OrderId) {
        let topics = self.added.get(&uid).map(|(handle, _)| &handle.topics);
        let shared = self.options.shared.as_ref().map(|shared| &shared.topics);
        let Some(topics) = topics.or(shared) else {
            return;
        };
        let (publisher, store, tell) = (
            self.publisher.clone(),
            self.store.clone(),
            self.tell.clone(),
        );
        let (topic, header) = (topics.task.clone(), Header::order(order.clone(), uid));
        tokio::spawn(async move {
            finish::terminate(&publisher, &store, &topic, header).await;
            let _ = tell.send(Beside::Terminated(uid));
        });
    }

    /// Ends the part of this service in orders all of whose records are noted as stored.
    fn finish_what_is_stored(&mut self) {
        for (uid, status) in self.gather.stored() {
            self.gather.over(uid);
            let finished = &self.options.metrics.orders_finished;
            finished.get_or_create(&[("status", status.as_str())]).inc();
            self.board.tell(Event::Stored {
                order_uid: uid,
                status,
            });
            if let Some((handle, folder)) = self.added.remove(&uid) {
                self.forget_topic(&handle.topics.resource);
                let folder = self.options.draw.then_some(folder);
                let (store, board) = (self.store.clone(), self.board.clone());
                self.tasks.spawn(finish::draw(store, board, handle, folder));
            }
        }
    }

    /// A log that somebody else stores, or that can't be read. Orders with topics of their own are
    /// given up; a shared log that is still ours is begun anew where the store stands.
    fn lose(&mut self, key: &LogKey, why: &str) {
        self.gather.forget(key);
        let here = |handle: &OrderHandle| *handle.topics.resource == *key.0;
        let orders = self.added.iter().filter(|(_, (handle, _))| here(handle));
        for uid in orders.map(|(uid, _)| *uid).collect::<Vec<_>>() {
            tracing::error!(order_uid = %uid, "the order is not stored here: {why}");
            self.board.finish(uid, Finished::default());
            if let Some((handle, _)) = self.added.remove(&uid) {
                self.forget_topic(&handle.topics.resource);
            }
        }
        if self.options.shared.is_some() && self.ours.contains(key) {
            let _ = self.tell.send(Beside::Assigned(key.clone()));
        }
    }

    fn forget_topic(&mut self, topic: &str) {
        if !self
            .added
            .values()
            .any(|(other, _)| other.topics.resource == topic)
        {
            let key = (Arc::from(topic), 0);
            self.ours.remove(&key);
            self.gather.forget(&key);
            self.source.end(&key.0);
            self.bus.close_topic(topic);
        }
    }

    /// Stores what is gathered before the service ends, unless the database is away.
    async fn last_words(mut self) {
        let all = async {
            if let Some(writing) = self.writing.take() {
                let _ = writing.await;
            }
            if self.gather.is_due() {
                let gathered = self.gather.gathered();
                writer::write(self.store.clone(), gathered, self.options.metrics.clone()).await;
            }
        };
        // What isn't stored now will be read again.
        let _ = timeout(LAST, all).await;
        self.source.close().await;
    }
}

/// The log of an order that has topics of its own.
pub(crate) fn own_log(bus: &Bus, handle: &OrderHandle) -> Log {
    Log {
        bus: bus.instance().to_owned(),
        topic: handle.topics.resource.clone(),
        partition: 0,
        generation: handle.order_uid.to_string(),
    }
}

async fn begun(
    store: Store,
    tell: mpsc::UnboundedSender<Beside>,
    key: LogKey,
    log: Log,
    metrics: Metrics,
) {
    let stored = writer::offsets(&store, std::slice::from_ref(&log), &metrics).await;
    let stored = stored.into_iter().next().flatten();
    let _ = tell.send(Beside::Begun(key, log, stored));
}

/// The end of a write that is under way; never without one.
async fn finished(writing: &mut Option<JoinHandle<Written>>) -> Option<Written> {
    let Some(handle) = writing else {
        return std::future::pending().await;
    };
    let written = handle.await;
    *writing = None;
    written
        .inspect_err(|error| tracing::error!(%error, "a write was cut off; it will be read again"))
        .ok()
}
