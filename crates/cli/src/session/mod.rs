//! All services on one broker, in this process, and orders taken through them.

mod batch;
mod connect;
mod control;
mod line;

use std::{sync::Arc, time::Duration};

use anyhow::{Error, Result};
use bus::Bus;
use model::{
    OrderHandle, OrderId, OrderTopics, OrderUid, Status,
    attempt::{Launcher, Token},
    order::Input,
};
use monitor_consumer::{Event, Finished, MonitorConsumer};
use monitor_producer::MonitorProducer;
use orchestrator::{
    Options, Orchestrator, OrderRequest, Outcome, Resume, Source, StdioPolicy, local::Local,
};
use store::{NewOrder, Store};
use tokio::{
    sync::{broadcast, mpsc},
    time::timeout,
};
use uuid::Uuid;

pub(crate) use batch::{Batch, run_all, run_as_they_come};
use control::Told;
pub(crate) use control::request as request_end;
pub(crate) use line::{Line, Registered, Waiting};

use crate::{
    args::{BusArgs, MeasureArgs, SourceArg},
    data::{DataFolder, OrderFolder},
    load::Prepared,
    metrics::Metrics,
    output::{self, progress::OrderProgress},
    owner::Owner,
    signals::Wish,
    time,
};

/// How long after its end an order's last rows may take to be stored where a server may be away, and
/// its pictures to be drawn.
const STORING: Duration = Duration::from_mins(5);
const DRAWING: Duration = Duration::from_mins(5);

/// What all sessions of one command have in common.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) data: DataFolder,
    pub(crate) store: Store,
    pub(crate) owner: Owner,
    pub(crate) launcher: Local,
    pub(crate) measure: MeasureArgs,
    pub(crate) bus: BusArgs,
    pub(crate) stdio: StdioPolicy,
    pub(crate) wish: Wish,
    pub(crate) metrics: Metrics,
}

impl Host {
    /// Gives the order its id, its folder and its secrets.
    ///
    /// # Errors
    /// If the id is taken and `again` isn't set; what the store and the folder say.
    pub(crate) async fn register(&self, order: Prepared, again: bool) -> Result<Registered> {
        let order_uid = OrderUid(Uuid::now_v7());
        let new = NewOrder {
            wanted: order.order.id.clone(),
            again,
            order_uid,
            launcher: Launcher::Local,
            created_at: time::now(),
            input: input_text(&order),
            definition: order.definition.clone(),
            tasks: order.order.tasks.len() as u32,
            owner: self.owner.name().to_owned(),
        };
        let id = self.store.register(new).await?;
        let folder = match self.data.create_order(&id) {
            Ok(folder) => folder,
            Err(error) => return Err(self.given_up(order_uid, error).await),
        };
        if let Some(moved) = &folder.moved {
            let (shown, moved) = (folder.shown.display(), moved.display());
            output::note(&format!("{shown} was there already and is now {moved}"));
        }
        let topics = OrderTopics::own(&self.bus.topic_prefix, &id);
        let token = Token(Uuid::new_v4().simple().to_string());
        let handle = OrderHandle {
            order: id,
            order_uid,
            topics,
            token,
        };
        Ok(Registered {
            order,
            handle,
            folder,
            period: None,
        })
    }

    /// Notes that an order which has its id is never going to run, and why; the same error.
    pub(crate) async fn given_up(&self, order_uid: OrderUid, error: Error) -> Error {
        let (failed, why) = (Status::Failed, format!("{error:#}"));
        let noted = self
            .store
            .set_status(order_uid, failed, Some(&why), time::now())
            .await;
        match noted {
            Ok(_) => error,
            Err(store) => error.context(store.to_string()),
        }
    }
}

/// The services.
struct Session {
    host: Arc<Host>,
    bus: Bus,
    producer: MonitorProducer,
    consumer: MonitorConsumer,
    orchestrator: Orchestrator<Local>,
}

/// An order that is over.
#[derive(Debug)]
pub(crate) struct Done {
    /// The id that it ran under.
    pub(crate) id: OrderId,
    /// Its folder.
    pub(crate) folder: OrderFolder,
    /// How it ended.
    pub(crate) outcome: Outcome,
    /// How far storing and drawing got.
    pub(crate) finished: Finished,
}

impl Session {
    /// Starts all services.
    ///
    /// # Errors
    /// If the broker or its clients can't be made.
    fn start(host: Arc<Host>) -> Result<Self> {
        let bus = connect::bus(&host.bus)?;
        let draw = !host.measure.no_charts;
        let options = monitor_consumer::Options {
            draw,
            shared: None,
            metrics: host.metrics.consumer.clone(),
        };
        let consumer = MonitorConsumer::start(&bus, host.store.clone(), options);
        let launcher = host.launcher.clone();
        // The embedded broker is never away.
        let spool = (!bus.is_embedded()).then(|| host.data.spool());
        let options = monitor_producer::Options {
            spool,
            metrics: host.metrics.producer.clone(),
            ..monitor_producer::Options::default()
        };
        Ok(Self {
            producer: MonitorProducer::start(&bus, options)?,
            consumer: consumer?,
            orchestrator: Orchestrator::new(bus.clone(), launcher, options_of(&host, &bus))?,
            bus,
            host,
        })
    }

    /// Whether it carries no more than some orders: its broker keeps what they said.
    fn is_embedded(&self) -> bool {
        self.bus.is_embedded()
    }

    /// Ends all services; no order is under way.
    async fn stop(self) {
        self.producer.stop().await;
        self.consumer.stop().await;
        connect::sweep(&self.host, &self.bus).await;
    }

    /// Gives an order of the command line its id, and says so if that isn't the one that it asks for.
    async fn named(&self, order: Prepared) -> Result<Registered> {
        let wanted = order.order.id.clone();
        let registered = self.host.register(order, true).await?;
        let id = &registered.handle.order;
        if *id != wanted && self.host.stdio == StdioPolicy::Files {
            output::note(&format!("order {wanted} exists already; this one is {id}"));
        }
        Ok(registered)
    }

    /// Takes an order through its tasks and waits until it is stored and drawn.
    ///
    /// # Errors
    /// Why it could not be begun; it then stands as failed.
    async fn run(&self, order: Waiting, mut progress: OrderProgress) -> Result<Done> {
        let order = match order {
            Waiting::New(order) => self.named(order).await?,
            Waiting::Registered(order) => *order,
        };
        let (handle, folder) = (order.handle.clone(), order.folder.clone());
        progress.named(&handle.order);
        let (uid, id) = (handle.order_uid, handle.order);
        let outcome = match self.walk(&order, &mut progress).await {
            Ok(outcome) => outcome,
            Err(error) => {
                let error = self.host.given_up(uid, error).await;
                return Err(error.context(format!("order {id}")));
            }
        };
        progress.ended(outcome.status, outcome.message.as_deref());
        let finished = self.finish(uid).await;
        self.settle(uid, &outcome).await?;
        Ok(Done {
            id,
            folder,
            outcome,
            finished,
        })
    }

    async fn walk(&self, one: &Registered, progress: &mut OrderProgress) -> Result<Outcome> {
        let (prepared, folder, handle) = (&one.order, &one.folder, one.handle.clone());
        let told = Told::new(&self.host.wish, &folder.absolute);
        self.bus.create_topics(&handle.topics).await?;
        self.producer.add(handle.clone()).await;
        self.consumer
            .add(handle.clone(), folder.absolute.clone())
            .await;
        let (events, mut happened) = mpsc::unbounded_channel();
        let mut samples = progress.wants_samples().then(|| self.consumer.events());
        let mut order = prepared.order.clone();
        order.id = handle.order.clone();
        let uid = handle.order_uid;
        let request = OrderRequest {
            handle,
            order,
            folder: folder.absolute.clone(),
            input: prepared.input.clone(),
            period: one.period.unwrap_or(self.host.measure.period),
            grace: self.host.measure.grace,
            stdio: self.host.stdio,
            source: source(self.host.measure.source),
            events: Some(events),
            refused: None,
            control: told.control.clone(),
            resume: Resume::default(),
        };
        let running = self.orchestrator.run(request);
        tokio::pin!(running);
        let outcome = loop {
            tokio::select! {
                outcome = &mut running => break outcome?,
                Some(event) = happened.recv() => progress.event(&event),
                Some(event) = next(&mut samples) => {
                    if let Event::Sample { key, values, .. } = event && key.order_uid == uid {
                        progress.sample(&key, &values);
                    }
                }
            }
        };
        while let Ok(event) = happened.try_recv() {
            progress.event(&event);
        }
        Ok(outcome)
    }

    /// Waits until all is stored and drawn, or until somebody has no more patience.
    async fn finish(&self, uid: OrderUid) -> Finished {
        let drawing = if self.host.measure.no_charts {
            Duration::ZERO
        } else {
            DRAWING
        };
        let patience = options_of(&self.host, &self.bus).storing_timeout + drawing;
        let mut wish = self.host.wish.clone();
        let finished = timeout(patience, self.consumer.finished(uid));
        tokio::select! {
            finished = finished => finished.unwrap_or_default(),
            () = wish.at_once() => Finished::default(),
        }
    }

    /// Sees to it that the order stands as ended, also if the monitors never heard of its end.
    async fn settle(&self, uid: OrderUid, outcome: &Outcome) -> Result<()> {
        let message = outcome.message.as_deref();
        let noted = self
            .host
            .store
            .set_status(uid, outcome.status, message, time::now());
        if noted.await? {
            tracing::warn!("the end of the order did not come through the monitors");
        }
        Ok(())
    }
}

/// Servers may be away for a while.
fn options_of(host: &Host, bus: &Bus) -> Options {
    let mut options = Options {
        metrics: host.metrics.orchestrator.clone(),
        ..Options::of(bus)
    };
    if !bus.is_embedded() || host.data.is_on_server() {
        options.storing_timeout = STORING;
    }
    options
}

fn input_text(order: &Prepared) -> Option<String> {
    let path = order.input.as_ref().map(|path| path.display().to_string());
    path.or_else(|| match &order.order.input {
        Some(Input::Path(text) | Input::Text(text)) => Some(text.clone()),
        None => None,
    })
}

fn source(arg: SourceArg) -> Source {
    match arg {
        SourceArg::Auto => Source::Auto,
        SourceArg::Cgroup => Source::Cgroup,
        SourceArg::ProcessTree => Source::ProcessTree,
    }
}

/// The next event; for ever none without a source. What was missed is gone.
async fn next(events: &mut Option<broadcast::Receiver<Event>>) -> Option<Event> {
    loop {
        let Some(receiver) = events else {
            return std::future::pending().await;
        };
        match receiver.recv().await {
            Ok(event) => return Some(event),
            Err(broadcast::error::RecvError::Lagged(_)) => {}
            Err(broadcast::error::RecvError::Closed) => *events = None,
        }
    }
}
