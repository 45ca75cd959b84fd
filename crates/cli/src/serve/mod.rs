//! What the server can't know by itself: how a store is drawn, and how orders are loaded and ended.

mod draw;
mod none;

pub(crate) use draw::StoreDrawer;
pub(crate) use none::NoOrders;
