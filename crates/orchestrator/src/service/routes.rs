//! Which message concerns which order.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use model::{
    Envelope, Message, OrderHandle, OrderId, OrderUid,
    message::Sender,
    text::{self, TextMessage},
};
use tokio::sync::mpsc;
use tracing::{debug, info};

use crate::plan::{At, Seen};

/// The orders under way, by execution.
#[derive(Debug, Default)]
pub(super) struct Routes(Mutex<HashMap<OrderUid, Target>>);

#[derive(Debug)]
struct Target {
    order: OrderId,
    inbox: mpsc::UnboundedSender<Seen>,
    /// What progress plain-text attempts were given.
    given: HashMap<At, String>,
}

/// One order's entry; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct Route {
    routes: Arc<Routes>,
    uid: OrderUid,
}

impl Routes {
    fn lock(&self) -> MutexGuard<'_, HashMap<OrderUid, Target>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a route; `None` if the id is taken, for plain-text tasks name their order by it.
    pub(super) fn open(
        self: &Arc<Self>,
        handle: &OrderHandle,
    ) -> Option<(Route, mpsc::UnboundedReceiver<Seen>)> {
        let (sender, inbox) = mpsc::unbounded_channel();
        let mut targets = self.lock();
        if targets.values().any(|target| target.order == handle.order) {
            return None;
        }
        let target = Target {
            order: handle.order.clone(),
            inbox: sender,
            given: HashMap::new(),
        };
        targets.insert(handle.order_uid, target);
        drop(targets);
        Some((
            Route {
                routes: Arc::clone(self),
                uid: handle.order_uid,
            },
            inbox,
        ))
    }

    /// Hands a message to its order. One of another execution concerns nobody here.
    pub(super) fn message(&self, envelope: Envelope) {
        let uid = envelope.header.order_uid;
        let at = envelope
            .header
            .attempt
            .as_ref()
            .map(|(position, attempt, _)| (*position, *attempt));
        let seen = match (envelope.message, at) {
            (Message::Progress(progress), Some(at)) => Seen::Progress {
                at,
                output: progress.output,
                ended_at: progress.ended_at,
            },
            (Message::Halt(halt), Some(at)) if halt.from == Sender::Runner => Seen::Halt {
                at,
                end: halt.end,
                output: halt.output,
            },
            (Message::Terminate(_), _) => Seen::Terminated,
            _ => return,
        };
        if let Some(target) = self.lock().get(&uid) {
            // An order that is over has closed its inbox.
            let _ = target.inbox.send(seen);
        }
    }

    /// Reads what a plain-text task says.
    pub(super) fn text(&self, key: &[u8], value: &[u8]) {
        let targets = self.lock();
        let target = |order: &OrderId| targets.values().find(|target| target.order == *order);
        let message = text::parse(Some(key), value, |order, position, attempt| {
            target(order)?.given.get(&(position, attempt)).cloned()
        });
        match message {
            Some(TextMessage::Progress {
                order,
                position,
                attempt,
                output,
            }) => {
                if let Some(target) = target(&order) {
                    let at = (position, attempt);
                    let _ = target.inbox.send(Seen::TextOutput { at, output });
                } else {
                    debug!("a text PROGRESS for {order}, which is not under way here");
                }
            }
            Some(other) => info!("a plain-text task says {other:?}, which changes nothing"),
            None => {}
        }
    }
}

impl Route {
    /// Notes what progress an attempt is given, so that its echo can be told from its output.
    pub(super) fn given(&self, at: At, progress: String) {
        if let Some(target) = self.routes.lock().get_mut(&self.uid) {
            target.given.insert(at, progress);
        }
    }
}

impl Drop for Route {
    fn drop(&mut self) {
        self.routes.lock().remove(&self.uid);
    }
}
