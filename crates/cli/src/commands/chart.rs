//! `podometer chart`.

use std::{collections::BTreeSet, fs, path::PathBuf};

use anyhow::{Context, Result};
use chart::Format;
use monitor_consumer::drawing::Drawable;

use super::{open_either, order};
use crate::{
    args::{ChartArgs, ClusterArgs, PictureFormat},
    data::DataFolder,
    exit::Code,
    load::Usage,
    output,
};

pub(super) async fn run(
    args: &ChartArgs,
    cluster: Option<&ClusterArgs>,
    data: &DataFolder,
) -> Result<Code> {
    let store = open_either(data, cluster).await?;
    let row = order(&store, data, &args.order).await?;
    let drawable = Drawable::read(&store, &args.order).await?;
    store.close().await;
    let wanted = wanted(args, &drawable)?;
    if drawable.runs.is_empty() {
        return Err(Usage::NoRuns {
            order: row.name,
            status: row.status,
        }
        .into());
    }
    let folder = args
        .output
        .clone()
        .unwrap_or_else(|| data.order(&args.order).join("charts"));
    fs::create_dir_all(&folder)
        .with_context(|| format!("the folder {} can't be made", folder.display()))?;
    let (format, ending) = match args.format {
        PictureFormat::Svg => (Format::Svg, "svg"),
        PictureFormat::Png => (Format::Png, "png"),
    };
    let mut drawn = Vec::new();
    if args.task.is_none() {
        drawn.push(write(
            folder.join(format!("order.{ending}")),
            &drawable.order_chart(format)?,
        )?);
    }
    for index in wanted {
        let name = format!("{}.{ending}", Drawable::file_stem(&drawable.runs[index].0));
        drawn.push(write(
            folder.join(name),
            &drawable.run_chart(index, format)?,
        )?);
    }
    output::print(&output::lines(drawn.iter().map(|path| path.display())))?;
    Ok(Code::DONE)
}

/// Which runs, by their place in the list.
fn wanted(args: &ChartArgs, drawable: &Drawable) -> Result<Vec<usize>> {
    let runs = drawable.runs.iter().map(|(run, _)| run).enumerate();
    let Some(task) = &args.task else {
        return Ok(runs.map(|(index, _)| index).collect());
    };
    let found: Vec<_> = runs
        .filter(|(_, run)| run.task == *task)
        .map(|(index, _)| index)
        .collect();
    if found.is_empty() {
        let known: BTreeSet<_> = drawable
            .runs
            .iter()
            .map(|(run, _)| run.task.as_str())
            .collect();
        let known = known.into_iter().collect::<Vec<_>>().join(", ");
        return Err(Usage::UnknownTask {
            order: args.order.clone(),
            task: task.clone(),
            known,
        }
        .into());
    }
    Ok(found)
}

fn write(path: PathBuf, picture: &[u8]) -> Result<PathBuf> {
    fs::write(&path, picture).with_context(|| format!("{} can't be written", path.display()))?;
    Ok(path)
}
