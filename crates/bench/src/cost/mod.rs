//! What Podometer costs, beside what is aimed at and beside other tools.

mod aims;
mod drawing;
mod fixtures;
mod gaps;
mod readings;
mod runner;

use std::process::ExitCode;

use anyhow::Result;

use crate::args::{ChartArgs, CostArgs, GapArgs};
pub(crate) use aims::{Aims, Unit, absent, beside, median_and, median_and_p95};

/// Readings and the runner.
pub(crate) fn measuring(args: &CostArgs) -> Result<ExitCode> {
    let mut aims = Aims::begin("cost");
    readings::measure(&mut aims)?;
    runner::measure(args, &mut aims)?;
    Ok(aims.close())
}

/// Between tasks, and of small orders.
pub(crate) fn gap(args: &GapArgs) -> Result<ExitCode> {
    let mut aims = Aims::begin("gap");
    gaps::measure(args, &mut aims)?;
    Ok(aims.close())
}

/// Drawing.
pub(crate) fn chart(args: &ChartArgs) -> Result<ExitCode> {
    let mut aims = Aims::begin("chart");
    drawing::measure(args, &mut aims)?;
    Ok(aims.close())
}
