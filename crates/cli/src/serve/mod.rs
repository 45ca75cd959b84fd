//! What the server can't do by itself: drawing, taking orders and ending them, here or on a cluster.

mod draw;
mod here;
mod on_cluster;
mod posted;
mod start;

pub(crate) use draw::StoreDrawer;
pub(crate) use here::Here;
pub(crate) use on_cluster::OnCluster;
pub(crate) use start::{Ready, Source, bind, token};

use model::OrderError;
use server::Refused;

use crate::load::Usage;

/// Why an order isn't taken.
fn refused(error: &anyhow::Error) -> Refused {
    let words = format!("{error:#}");
    let any = |is: fn(&(dyn std::error::Error + 'static)) -> bool| error.chain().any(is);
    if any(is_taken) {
        Refused::Exists(words)
    } else if any(|cause| {
        cause.is::<Usage>() || cause.is::<OrderError>() || cause.is::<image_tasks::Error>()
    }) {
        Refused::Invalid(words)
    } else {
        Refused::Unavailable(words)
    }
}

fn is_taken(cause: &(dyn std::error::Error + 'static)) -> bool {
    let store = cause.downcast_ref::<store::Error>();
    let usage = cause.downcast_ref::<Usage>();
    matches!(store, Some(store::Error::Exists { .. })) || matches!(usage, Some(Usage::Taken { .. }))
}
