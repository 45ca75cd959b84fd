//! `podometer exec`.

use std::path::PathBuf;

use clap::Args;
use model::TaskName;

use super::{BusArgs, MeasureArgs};

const EXAMPLES: &str = "\
Examples:
  podometer exec -- make -j4
  podometer exec --period 100ms -- python3 train.py --epochs 3
  podometer exec --name sort -- sh -c 'sort big.txt > sorted.txt'";

/// Measure one command, like `time`, with a chart
///
/// The command's input, output and exit code are its own; what was measured goes to standard error
/// when it has ended.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ExecArgs {
    /// What the task is called [default: the program's name]
    #[arg(long)]
    pub(crate) name: Option<TaskName>,
    /// Write what was measured to this file, as `run --json` prints it
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) measure: MeasureArgs,
    #[command(flatten)]
    pub(crate) bus: BusArgs,
    /// The command and its arguments
    #[arg(required = true, last = true, value_name = "COMMAND")]
    pub(crate) command: Vec<String>,
}
