//! All of Kafka: topics, the codec between records and messages, publishing, reading, and the
//! embedded broker.
//!
//! Invariant: no other crate knows of rdkafka, and this one knows neither SQL nor Kubernetes nor
//! cgroups.
//!
//! A [`Bus`] stands for one broker. [`Bus::embedded`] starts librdkafka's own in-memory broker on
//! a loopback port (the real protocol, so that runners and tasks in any language can talk to it);
//! [`Bus::external`] is a Kafka that somebody runs. Services publish by a [`Publisher`] and read by
//! a [`Reader`], both made for tokio; a runner, which has no runtime, sends by a [`RunnerProducer`].
//!
//! How to add a client option: decide in `config` whose it is (every client's, the services'
//! producer's, the runner's, the readers') and for which kind of broker it holds.

mod arrivals;
mod bus;
mod config;
mod context;
mod error;
mod event;
mod feed;
mod flow;
mod publisher;
mod reader;
mod runner;
mod topics;

pub use bus::Bus;
pub use error::Error;
pub use event::{Event, Incoming, Unreadable};
pub use publisher::{DEAD_LETTER, Delivery, Publisher};
pub use reader::{Reader, Start};
pub use runner::RunnerProducer;
