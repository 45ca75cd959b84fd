//! Samples written apart from all others, as one transaction, to see how long that takes.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use uuid::Uuid;

use super::{copy, insert, samples::SampleRow};
use crate::{
    Error, Location, Migrations, Options,
    columns::Sql,
    database::{Database, Transaction},
};

/// Writes rows as a batch is written: on a server into a table of their own, which then goes, else into a
/// new file beside the store's. How long the transaction took.
pub(crate) async fn write(database: &Database, rows: &[SampleRow<'_>]) -> Result<Duration, Error> {
    let doing = "writing samples as one batch";
    match database.path() {
        Some(path) => in_a_file(path, rows, doing).await,
        None => on_a_server(database, rows)
            .await
            .map_err(database.failed(doing)),
    }
}

async fn in_a_file(
    store: &Path,
    rows: &[SampleRow<'_>],
    doing: &'static str,
) -> Result<Duration, Error> {
    let folder = store.parent().unwrap_or(Path::new("."));
    let folder = tempfile::tempdir_in(folder).map_err(|source| Error::Folder {
        path: folder.to_owned(),
        source,
    })?;
    let location = Location::from(folder.path().join("apart.db"));
    let file = Database::open(&location, &Options::from(Migrations::Run)).await?;
    let took = async {
        let began = Instant::now();
        let mut to = file.begin().await?;
        insert::insert(&mut to, rows).await?;
        to.commit().await?;
        Ok(began.elapsed())
    };
    let took = took.await.map_err(file.failed(doing));
    file.close().await;
    took
}

async fn on_a_server(database: &Database, rows: &[SampleRow<'_>]) -> Sql<Duration> {
    let table = format!("podometer.apart_{}", Uuid::new_v4().simple());
    // A table that is made where it is filled need not be logged row by row.
    let mut to = database.begin().await?;
    let like = "(like podometer.sample_wide including indexes)";
    to.script(format!("create table {table} {like}")).await?;
    to.commit().await?;
    let took = fill(database, &table, rows).await;
    let mut to = database.begin().await?;
    to.script(format!("drop table {table}")).await?;
    to.commit().await?;
    took
}

async fn fill(database: &Database, table: &str, rows: &[SampleRow<'_>]) -> Sql<Duration> {
    let began = Instant::now();
    let mut to = database.begin().await?;
    if let Transaction::Postgres(to) = &mut to {
        copy::copy_to(to, table, rows).await?;
    }
    to.commit().await?;
    Ok(began.elapsed())
}
