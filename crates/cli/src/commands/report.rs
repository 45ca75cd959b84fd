//! `podometer report`.

use std::fs;

use anyhow::{Context, Result};
use monitor_consumer::drawing::Drawable;

use super::{open_either, order, pipeline};
use crate::{
    args::{ClusterArgs, ReportArgs},
    data::DataFolder,
    exit::Code,
    load::Usage,
    output,
};

pub(super) async fn run(
    args: &ReportArgs,
    cluster: Option<&ClusterArgs>,
    data: &DataFolder,
) -> Result<Code> {
    let store = open_either(data, cluster).await?;
    let row = order(&store, data, &args.order).await?;
    if args.pipeline {
        let said = pipeline::run(&store, &row, args.json).await;
        store.close().await;
        return said;
    }
    let drawable = Drawable::read(&store, &args.order).await?;
    store.close().await;
    if drawable.runs.is_empty() {
        return Err(Usage::NoRuns {
            order: row.name,
            status: row.status,
        }
        .into());
    }
    let folder = data.order(&args.order);
    let file = args
        .output
        .clone()
        .unwrap_or_else(|| folder.join("report.html"));
    if let Some(parent) = file.parent() {
        fs::create_dir_all(parent)
            .with_context(|| format!("the folder {} can't be made", parent.display()))?;
    }
    fs::write(&file, drawable.report(&folder)?)
        .with_context(|| format!("{} can't be written", file.display()))?;
    output::print(&format!("{}\n", file.display()))?;
    Ok(Code::DONE)
}
