//! The loop from the resource topics to the store.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use bus::{Bus, Publisher, Reader, Start};
use model::{
    Envelope, Message, OrderHandle, OrderUid,
    message::{Header, Terminate},
};
use store::{Ingested, Store};
use tokio::{
    sync::mpsc,
    time::{sleep, sleep_until},
};
use tokio_util::task::TaskTracker;

use crate::{
    Options, drawing,
    events::{Board, Event, Finished},
    pending::{self, Pending},
};

/// A batch is stored when it has so many items, or when its first has waited so long.
const BATCH: usize = 5000;
const PATIENCE: Duration = Duration::from_millis(200);
/// The first and the longest pause before a store that failed is tried again.
const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// The loop's state.
pub(crate) struct Ingest {
    bus: Bus,
    reader: Reader,
    publisher: Arc<Publisher>,
    store: Store,
    options: Options,
    board: Board,
    tasks: TaskTracker,
    orders: HashMap<OrderUid, Pending>,
    flush_at: Option<Instant>,
}

impl Ingest {
    pub(crate) fn new(
        bus: &Bus,
        store: Store,
        options: Options,
        board: Board,
        tasks: TaskTracker,
    ) -> Result<Self, bus::Error> {
        Ok(Self {
            reader: bus.reader("monitor-consumer")?,
            publisher: Arc::new(bus.publisher()?),
            bus: bus.clone(),
            store,
            options,
            board,
            tasks,
            orders: HashMap::new(),
            flush_at: None,
        })
    }

    pub(crate) async fn run(mut self, mut added: mpsc::Receiver<(OrderHandle, PathBuf)>) {
        loop {
            let flush_at = self.flush_at;
            tokio::select! {
                order = added.recv() => match order {
                    Some((handle, folder)) => self.add(handle, folder).await,
                    None => return,
                },
                incoming = self.reader.recv() => match incoming {
                    Ok(incoming) => self.take(incoming).await,
                    Err(error) => tracing::warn!(%error, "reading resource topics"),
                },
                () = sleep_until(flush_at.unwrap_or_else(Instant::now).into()),
                    if flush_at.is_some() => self.flush_all().await,
            }
        }
    }

    async fn add(&mut self, handle: OrderHandle, folder: PathBuf) {
        let (topic, uid) = (handle.topics.resource.clone(), handle.order_uid);
        let log = pending::log(self.bus.instance(), &handle);
        let offset = match self.store.offsets(&[log]).await {
            Ok(offsets) => offsets.into_iter().next().flatten(),
            Err(error) => return self.give_up(uid, &error.to_string()),
        };
        if let Err(error) = self
            .reader
            .add(&topic, offset.map_or(Start::Earliest, Start::Offset))
        {
            return self.give_up(uid, &error.to_string());
        }
        self.orders
            .insert(uid, Pending::new(handle, folder, offset));
    }

    async fn take(&mut self, incoming: bus::Incoming) {
        let offset = incoming.offset;
        match incoming.event {
            bus::Event::Message(envelope) => {
                let uid = envelope.header.order_uid;
                // Another execution's message on a topic of the same name is none of ours.
                let Some(pending) = self.orders.get_mut(&uid) else {
                    return;
                };
                let key = envelope.header.key();
                let of = key.zip(envelope.header.attempt.map(|(_, _, task)| task));
                pending.take(of, envelope.message, offset);
                if pending.stop.is_some() || pending.len() >= BATCH {
                    self.flush(uid).await;
                } else {
                    self.flush_at
                        .get_or_insert_with(|| Instant::now() + PATIENCE);
                }
            }
            bus::Event::Text { .. } => {}
            bus::Event::Unreadable(unreadable) => {
                self.publisher.bury(&incoming.topic, &unreadable).await;
            }
        }
    }

    async fn flush_all(&mut self) {
        self.flush_at = None;
        let due = self.orders.iter().filter(|(_, pending)| pending.is_due());
        for uid in due.map(|(uid, _)| *uid).collect::<Vec<_>>() {
            self.flush(uid).await;
        }
    }

    /// Stores what waits of an order; after its STOP also ends it.
    async fn flush(&mut self, uid: OrderUid) {
        if !self.write(uid).await {
            return;
        }
        let Some(pending) = self.orders.get_mut(&uid) else {
            return;
        };
        let Some((stop, _)) = pending.stop.clone() else {
            return;
        };
        let terminate = Message::Terminate(Terminate {
            samples: pending.samples,
        });
        let header = Header::order(pending.handle.order.clone(), uid);
        let (topic, envelope) = (
            pending.handle.topics.task.clone(),
            Envelope {
                header,
                message: terminate,
            },
        );
        pending.over();
        if let Err(error) = self.publisher.publish(&topic, &envelope).await {
            tracing::warn!(%error, "TERMINATE could not be sent; the order will be seen as incomplete");
        }
        self.write(uid).await;
        if let Some(pending) = self.orders.remove(&uid) {
            self.forget_topic(&pending.handle.topics.resource);
            self.board.tell(Event::Stored {
                order_uid: uid,
                status: stop.status,
            });
            self.finish(pending);
        }
    }

    /// Writes one batch, again and again until the store takes it. Returns whether the order is
    /// still ours.
    async fn write(&mut self, uid: OrderUid) -> bool {
        let Some(pending) = self.orders.get_mut(&uid) else {
            return false;
        };
        let batch = pending.batch(self.bus.instance());
        let Some(advance) = batch.advances.first() else {
            return false;
        };
        let mut pause = RETRY.0;
        loop {
            match self.store.ingest(&batch).await {
                Ok(Ingested::Stored {
                    samples,
                    duplicates,
                    refused,
                }) => {
                    for (_, why) in refused {
                        tracing::warn!(order_uid = %uid, "a record is not stored: {why}");
                    }
                    pending.samples += samples + duplicates;
                    self.reader.stored(&advance.log.topic, 0, advance.next);
                    pending
                        .stored(advance.next)
                        .into_iter()
                        .for_each(|e| self.board.tell(e));
                    return true;
                }
                Ok(Ingested::Fenced { logs }) => {
                    let stored_next = logs.first().map_or(-1, |(_, next)| *next);
                    self.lose(
                        uid,
                        &format!("another consumer stores it (at offset {stored_next})"),
                    );
                    return false;
                }
                Err(error) => {
                    tracing::warn!(%error, "storing failed; trying again");
                    sleep(pause).await;
                    pause = (pause * 2).min(RETRY.1);
                }
            }
        }
    }

    fn finish(&self, pending: Pending) {
        let uid = pending.handle.order_uid;
        if !self.options.draw {
            return self.board.finish(
                uid,
                Finished {
                    stored: true,
                    ..Finished::default()
                },
            );
        }
        let (store, board) = (self.store.clone(), self.board.clone());
        self.tasks.spawn(async move {
            let drawn = drawing::draw_order(&store, &pending.handle.order, &pending.folder).await;
            let (report, draw_error) = match drawn {
                Ok(drawn) => (Some(drawn.report), None),
                Err(error) => (None, Some(error.to_string())),
            };
            let (told, error) = (report.clone(), draw_error.clone());
            board.tell(Event::Drawn {
                order_uid: uid,
                report: told,
                error,
            });
            board.finish(
                uid,
                Finished {
                    stored: true,
                    report,
                    draw_error,
                },
            );
        });
    }

    /// An order that isn't ours any more.
    fn lose(&mut self, uid: OrderUid, why: &str) {
        if let Some(pending) = self.orders.remove(&uid) {
            self.forget_topic(&pending.handle.topics.resource);
        }
        self.give_up(uid, why);
    }

    fn give_up(&self, uid: OrderUid, why: &str) {
        tracing::error!(order_uid = %uid, "the order is not stored here: {why}");
        self.board.finish(uid, Finished::default());
    }

    fn forget_topic(&self, topic: &str) {
        if !self
            .orders
            .values()
            .any(|other| other.handle.topics.resource == topic)
        {
            self.reader.remove(topic);
            self.bus.close_topic(topic);
        }
    }
}
