//! `podometer down`.

use anyhow::Result;

use crate::{
    args::DownArgs,
    cluster::{Cluster, remove},
    exit::Code,
    output::{self, Waiting},
};

pub(super) async fn run(args: DownArgs, quiet: bool) -> Result<Code> {
    let cluster = Cluster::connect(&args.cluster).await?;
    let mut progress = Waiting::new(quiet);
    progress.line(&format!("podometer down: {}", cluster.place()));
    let orders = remove::under_way(&cluster).await?;
    if !orders.is_empty() {
        progress.line(&format!(
            "orders under way, which end with it: {}",
            orders.join(", ")
        ));
    }
    let mut removal = remove::Removal::new(&cluster, args.timeout, &mut progress);
    let removed = removal.services(!args.delete_data).await?;
    let folders = if args.delete_data {
        removal.data().await?
    } else {
        Vec::new()
    };
    for folder in folders {
        progress.line(&format!(
            "{folder} keeps its files: empty it before Podometer comes there again"
        ));
    }
    drop(progress);
    let place = cluster.place();
    let said = match (args.delete_data, removed) {
        (true, _) => format!("Podometer is gone, with its data: {place}\n"),
        (false, 0) => format!("Podometer isn't there: {place}\n"),
        (false, _) => format!(
            "Podometer is down: {place}\ndata and passwords stay; `podometer up` goes on with them, `podometer down \
             --delete-data` deletes them\n"
        ),
    };
    output::print(&said)?;
    Ok(Code::DONE)
}
