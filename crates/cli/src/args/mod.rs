//! What can be typed.

mod cluster;
mod exec;
mod load;
mod place;
mod read;
mod run;
mod serve;
mod up;
mod values;
mod watch;

use std::path::PathBuf;

use clap::{
    ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand, parser::ValueSource,
};
use image_tasks::ImageTask;

pub(crate) use cluster::{ClusterArgs, MaybeClusterArgs};
pub(crate) use exec::ExecArgs;
pub(crate) use load::{LoadArgs, LogsArgs, TerminateArgs};
pub(crate) use place::{Named, Place, PlaceArgs, Server, ServerArgs};
pub(crate) use read::{
    ChartArgs, CompletionsArgs, DeleteArgs, MigrateArgs, OrdersArgs, PictureFormat, ReportArgs,
    StatusArgs,
};
pub(crate) use run::{BusArgs, MeasureArgs, RunArgs, SourceArg};
pub(crate) use serve::ServeArgs;
pub(crate) use up::{DownArgs, Overlay, UpArgs};
pub(crate) use values::Age;
pub(crate) use watch::WatchArgs;

const EXAMPLES: &str = "\
Examples:
  podometer run orders/leaf.json         run an order here, measure and draw each of its tasks
  podometer exec -- make -j4             measure one command
  podometer orders                       what was run
  podometer status leaf                  how an order stands
  podometer watch leaf                   live charts of it, in the terminal
  podometer serve                        a page in the browser with live charts
  podometer up                           bring Podometer to a cluster

Exit codes: 0 done, 1 an order failed, 2 bad input or usage, 3 a service could not be reached,
4 anything else, 130 terminated by Ctrl-C; `exec` ends as its command ended.";

/// Runs orders of image-processing tasks, and measures what each task really uses.
#[derive(Debug, Parser)]
#[command(name = "podometer", version, max_term_width = 100, after_help = EXAMPLES)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    // Not required by clap, whose error would name the hidden ones as well.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

impl Cli {
    /// What was typed; ends the program where that is no command.
    pub(crate) fn from_command_line() -> Self {
        let matches = Self::command().get_matches();
        let cli = Self::from_arg_matches(&matches);
        let mut cli = cli.unwrap_or_else(|error| error.format(&mut Self::command()).exit());
        // What all commands take is known to the one that was typed as well.
        let typed = matches.subcommand().map_or(&matches, |(_, typed)| typed);
        cli.global.named = Named {
            data: is_typed(typed, "data"),
            database: is_typed(typed, "database_url"),
        };
        cli
    }
}

fn is_typed(matches: &ArgMatches, id: &str) -> bool {
    let known = matches.try_contains_id(id).unwrap_or(false);
    known && matches.value_source(id) == Some(ValueSource::CommandLine)
}

/// Where help lists what every command takes.
const EVERYWHERE: &str = "Options of all commands";

/// What every command takes.
#[derive(Debug, Clone, Args)]
pub(crate) struct Global {
    /// The folder that holds the store and a folder for each order
    #[arg(long, global = true, value_name = "DIR", env = "PODOMETER_DATA")]
    #[arg(help_heading = EVERYWHERE)]
    #[arg(default_value = "podometer-data", hide_env_values = true)]
    pub(crate) data: PathBuf,
    /// Keep orders, runs and samples in this PostgreSQL instead, best with TimescaleDB
    #[arg(
        long,
        global = true,
        value_name = "postgres://...",
        env = "PODOMETER_DATABASE_URL"
    )]
    #[arg(help_heading = EVERYWHERE, hide_env_values = true)]
    pub(crate) database_url: Option<String>,
    /// Take the tables there as they are; `podometer migrate` brings them up to date
    #[arg(long, global = true, help_heading = EVERYWHERE)]
    pub(crate) no_migrate: bool,
    #[command(flatten)]
    pub(crate) verbosity: Verbosity,
    /// Which of these stand on the command line itself.
    #[arg(skip)]
    pub(crate) named: Named,
}

/// How much is said on standard error.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Verbosity {
    /// Say more of what happens (-vv: even more); `PODOMETER_LOG` says it in detail
    #[arg(short, long, global = true, help_heading = EVERYWHERE, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Say nothing but results and errors
    #[arg(short, long, global = true, help_heading = EVERYWHERE, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Run(RunArgs),
    Exec(ExecArgs),
    Up(UpArgs),
    Down(DownArgs),
    Load(LoadArgs),
    Orders(OrdersArgs),
    Status(StatusArgs),
    Watch(WatchArgs),
    Logs(LogsArgs),
    Terminate(TerminateArgs),
    Chart(ChartArgs),
    Report(ReportArgs),
    Serve(ServeArgs),
    Delete(DeleteArgs),
    Migrate(MigrateArgs),
    Completions(CompletionsArgs),
    /// Wrap the command of one attempt; started by a launcher
    #[command(hide = true)]
    Runner,
    /// Do one of the example tasks
    #[command(hide = true)]
    ImageTask {
        #[command(subcommand)]
        task: ImageTask,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }
}
