//! The store's behaviour, on real files.

#![allow(clippy::unwrap_used, reason = "a test that can't go on stops")]
#![allow(missing_docs, reason = "tests say by their names what they show")]

mod given;
mod server;

mod batches;
mod broken_files;
mod forgetting;
mod ingest;
mod ingest_properties;
mod interrupted;
mod migrations;
mod on_a_server;
mod order_ids;
mod plain_server;
mod processes;
mod queries;
mod views;
mod watching;
