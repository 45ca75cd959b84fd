//! The services' side of publishing.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use model::Envelope;
use tokio::sync::oneshot;

use crate::{Error, Unreadable, lanes::Outgoing, sender::Sender};

/// The longest reason that a dead letter carries, bytes.
const MAX_REASON: usize = 1024;

/// Publishes messages, in order on each topic of one order. Clones share the connection.
///
/// Bounds: on a Kafka all publishers of a bus together keep 32 MiB of records that the broker hasn't
/// confirmed, each counted with 512 bytes beside what it holds, so some 16,000 samples of the largest
/// kind; on the embedded broker 8 MiB a topic. Who publishes more waits, at most until what is before it
/// is given up on.
///
/// A broker that is away is waited for: a record is given up on `message.timeout.ms` (5 minutes
/// unless set, 0: never) after it was handed to the client, which on each topic takes 2 MiB at a
/// time. What is given up on is an error that [`Error::is_retriable`]; the record may still be in
/// the topic, so whoever sends it again must reckon with two of it.
#[derive(Clone)]
pub struct Publisher {
    sender: Arc<Sender>,
}

impl Publisher {
    pub(crate) fn new(sender: Arc<Sender>) -> Self {
        Self { sender }
    }

    /// Publishes a message and waits until the broker has it.
    pub async fn publish(&self, topic: &str, envelope: &Envelope) -> Result<(), Error> {
        self.enqueue(topic, envelope).await?.await
    }

    /// Puts a message in line, for which it waits while the line is full; what comes back becomes
    /// ready when the broker has it. A delivery that is dropped is still published.
    pub async fn enqueue(&self, topic: &str, envelope: &Envelope) -> Result<Delivery, Error> {
        self.send(topic, outgoing(topic, envelope)?).await
    }

    /// Puts a message in line at once, full or not: for those who themselves bound how many of their
    /// deliveries are on the way.
    pub fn enqueue_now(&self, topic: &str, envelope: &Envelope) -> Result<Delivery, Error> {
        Ok(self.sender.send(topic, outgoing(topic, envelope)?, None))
    }

    async fn send(&self, topic: &str, outgoing: Outgoing) -> Result<Delivery, Error> {
        let room = self.sender.room(topic, &outgoing).await?;
        Ok(self.sender.send(topic, outgoing, Some(room)))
    }

    /// Sends a record that says nothing.
    pub(crate) fn hello(&self, topic: &str) -> Delivery {
        self.sender.send(topic, Outgoing::default(), None)
    }

    /// Puts what a reader could not read among the dead letters, and says so in the log: it stops
    /// nobody.
    pub async fn bury(&self, incoming_topic: &str, unreadable: &Unreadable) {
        let reason = unreadable.error.to_string();
        tracing::warn!(
            topic = incoming_topic,
            reason,
            "a message can't be read; it goes to the dead letters"
        );
        let (key, value) = (unreadable.key.as_deref(), &unreadable.value);
        if let Err(error) = self.dead_letter(incoming_topic, key, value, &reason).await {
            tracing::warn!(topic = incoming_topic, %error, "the dead letter could not be sent");
        }
    }

    /// Puts a record that can't be read onto the topic of dead letters ([`crate::DEAD_LETTER`] behind
    /// the prefix), as it came, with the topic it came from and the reason as headers.
    pub async fn dead_letter(
        &self,
        incoming_topic: &str,
        key: Option<&[u8]>,
        value: &[u8],
        reason: &str,
    ) -> Result<(), Error> {
        let end = reason.floor_char_boundary(MAX_REASON);
        let outgoing = Outgoing {
            key: key.map(<[u8]>::to_vec),
            value: value.to_vec(),
            headers: vec![
                ("topic", incoming_topic.to_owned()),
                ("reason", reason[..end].to_owned()),
            ],
            of: None,
        };
        let topic = self.sender.dead_letters().to_owned();
        self.send(&topic, outgoing).await?.await
    }
}

fn outgoing(topic: &str, envelope: &Envelope) -> Result<Outgoing, Error> {
    let record = envelope
        .encode()
        .map_err(|source| Error::encode(topic, source))?;
    Ok(Outgoing {
        key: Some(record.key.as_bytes().to_vec()),
        value: record.value,
        headers: record.headers,
        of: Some(envelope.header.order_uid),
    })
}

/// Becomes ready when the broker has confirmed a record, or won't.
#[derive(Debug)]
#[must_use = "only the delivery says whether the broker has the record"]
pub struct Delivery {
    topic: String,
    reply: oneshot::Receiver<Result<(), Error>>,
}

impl Delivery {
    pub(crate) fn new(topic: &str, reply: oneshot::Receiver<Result<(), Error>>) -> Self {
        Self {
            topic: topic.to_owned(),
            reply,
        }
    }
}

impl Future for Delivery {
    type Output = Result<(), Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let reply = std::task::ready!(Pin::new(&mut self.reply).poll(cx));
        Poll::Ready(reply.unwrap_or_else(|_| Err(Error::closed(&self.topic))))
    }
}
