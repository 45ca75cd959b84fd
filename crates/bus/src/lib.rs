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
//! Topics that many orders share are read by a [`GroupReader`], which shares them with the other
//! members of its group. [`Settings`] are the options that a person gives for a Kafka,
//! [`TopicSettings`] say how topics are made there.
//!
//! How to add a client option: decide in `config` whose it is (every client's, the services'
//! producer's, the runner's, the readers') and for which kind of broker it holds. One that a person
//! must not set goes into `settings::rules`, with the reason.

mod arrivals;
mod bus;
mod config;
mod context;
mod error;
mod event;
mod feed;
mod flow;
mod group;
mod health;
mod lag;
mod lanes;
mod partition;
mod progress;
mod publisher;
mod reader;
mod runner;
mod sender;
mod settings;
mod topics;
mod watching;

pub use bus::{Bus, DEAD_LETTER};
pub use error::Error;
pub use event::{Event, Incoming, Unreadable};
pub use group::{GroupEvent, GroupReader};
pub use lag::Lag;
pub use partition::partition_of;
pub use publisher::{Delivery, Publisher};
pub use reader::{Reader, Start};
pub use runner::RunnerProducer;
pub use settings::{Settings, VARIABLE_PREFIX};
pub use topics::TopicSettings;
pub use watching::Partition;
