//! What the server can't do by itself: drawing, taking orders and ending them, here or on a cluster.

mod draw;
mod here;
mod keep_up;
mod on_cluster;
mod posted;
mod start;

pub(crate) use draw::StoreDrawer;
pub(crate) use here::Here;
pub(crate) use keep_up::keep_up;
pub(crate) use on_cluster::OnCluster;
pub(crate) use start::{Ready, Source, bind, token};

use model::{OrderError, OrderId};
use server::Refused;

use crate::{load::Usage, output};

/// Why an order isn't taken.
fn refused(error: &anyhow::Error) -> Refused {
    let words = output::one_line(error);
    let any = |is: fn(&(dyn std::error::Error + 'static)) -> bool| error.chain().any(is);
    if let Some(id) = error.chain().find_map(taken) {
        Refused::Exists(format!(
            "the id {id} was used before: give the order another one, or post it with again=true, and it takes the \
             next free one"
        ))
    } else if any(|cause| {
        cause.is::<Usage>() || cause.is::<OrderError>() || cause.is::<image_tasks::Error>()
    }) {
        Refused::Invalid(words)
    } else {
        Refused::Unavailable(words)
    }
}

/// The id that was used, if that is what is wrong.
fn taken<'a>(cause: &'a (dyn std::error::Error + 'static)) -> Option<&'a OrderId> {
    if let Some(store::Error::Exists { order }) = cause.downcast_ref() {
        return Some(order);
    }
    match cause.downcast_ref() {
        Some(Usage::Taken { order, .. }) => Some(order),
        _ => None,
    }
}
