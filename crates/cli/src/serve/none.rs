//! A server that shows orders and takes none.

use futures::{FutureExt, future::BoxFuture};
use model::{OrderId, attempt::Launcher};
use server::{Loaded, NotTerminated, Operate, Posted, Refused};

/// Takes no orders, and says where they are taken.
#[derive(Debug, Default)]
pub(crate) struct NoOrders {}

const WHY: &str = "this server shows orders and takes none; load orders with `podometer run ORDER.json` on its machine, \
                   or `podometer load ORDER.json` for a cluster, and end them there";

impl Operate for NoOrders {
    fn launcher(&self) -> Launcher {
        Launcher::Local
    }

    fn can_load(&self) -> bool {
        false
    }

    fn load(&self, _: Posted) -> BoxFuture<'_, Result<Loaded, Refused>> {
        async { Err(Refused::Unavailable(WHY.to_owned())) }.boxed()
    }

    fn terminate(&self, _: OrderId) -> BoxFuture<'_, Result<(), NotTerminated>> {
        async { Err(NotTerminated::Unavailable(WHY.to_owned())) }.boxed()
    }
}
