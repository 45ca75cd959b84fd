//! The vocabulary of Podometer: ids, orders, the task catalogue, resources, samples, runs, and the
//! messages that carry them, with their wire forms.
//!
//! Nothing here does I/O, reads the environment or asks for the current time: every function is a
//! pure one, so that every crate may depend on this one and nothing comes along with it.
//!
//! How to add a resource: add it to the table in [`resource`], fill it in `monitor-producer`'s
//! rates, and add a column by a new migration in the store.

pub mod attempt;
pub mod catalogue;
pub mod duration;
pub mod facts;
pub mod ids;
pub mod message;
pub mod order;
pub mod quantity;
pub mod reading;
pub mod resource;
pub mod run;
pub mod sample;
pub mod state;
pub mod stream;
pub mod termination;
pub mod text;
pub mod time;

pub use attempt::{AttemptSpec, OrderHandle, OrderTopics, Resources};
pub use catalogue::Catalogue;
pub use duration::HumanDuration;
pub use facts::{InputFacts, MachineFacts};
pub use ids::{Attempt, AttemptKey, OrderId, OrderUid, Position, TaskName};
pub use message::{Envelope, Message};
pub use order::{Order, OrderError, Task};
pub use quantity::{ByteQuantity, CpuQuantity};
pub use reading::Reading;
pub use resource::Resource;
pub use run::{Run, Totals};
pub use sample::{Sample, Values};
pub use state::{Reason, Status};
pub use termination::TerminationLog;
pub use time::Timestamp;
