//! `podometer migrate`.

use anyhow::Result;
use store::{Location, Migrations, Options, Store};

use crate::{args::MigrateArgs, data::DataFolder, exit::Code, output};

pub(super) async fn run(args: &MigrateArgs, data: &DataFolder) -> Result<Code> {
    if let Location::File(_) = data.location() {
        data.create()?;
    }
    let mut options = Options::from(Migrations::Run);
    if let Some(interval) = args.chunk_interval {
        options.chunk_interval = interval.0;
    }
    let place = data.location();
    if let Some(version) = args.down {
        let store = Store::open_existing(place).await?;
        store.migrate_down(version).await?;
        store.close().await;
        output::print(&format!(
            "{place}: the tables are those of version {version}\n"
        ))?;
        return Ok(Code::DONE);
    }
    let store = Store::open(place, options).await?;
    let abilities = store.abilities();
    store.close().await;
    output::print(&format!(
        "{place}: the tables are up to date. {abilities}\n"
    ))?;
    Ok(Code::DONE)
}
