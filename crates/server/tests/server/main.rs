//! The server's behaviour, over HTTP on a loopback port, with a real store.

#![allow(clippy::unwrap_used, reason = "a test that can't go on stops")]
#![allow(missing_docs, reason = "tests say by their names what they show")]

mod given;

mod events;
mod export;
mod load;
mod orders;
mod security;
