//! Where what is shown comes from.

mod server;
mod store;

use std::future::Future;

use anyhow::Result;
use tokio::sync::mpsc::Sender;

use super::data::Update;

pub(crate) use server::ServerSource;
pub(crate) use store::StoreSource;

/// What tells of an order.
pub(crate) trait Source: Clone + Send + Sync + 'static {
    /// Tells how the order stands and what is measured, until it has ended; whoever has heard that it ended has
    /// heard all else before.
    ///
    /// # Errors
    /// If there is no such order, or it can't be read at the start. Later troubles are told, and gone through.
    fn follow(self, to: Sender<Update>) -> impl Future<Output = Result<()>> + Send;

    /// Tells the order to end; what to say of that.
    ///
    /// # Errors
    /// If it can't be told.
    fn terminate(&self) -> impl Future<Output = Result<String>> + Send;
}
