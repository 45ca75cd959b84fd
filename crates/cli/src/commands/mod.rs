//! One module per command.

mod chart;
mod delete;
mod down;
mod exec;
mod hidden;
mod host;
mod load;
mod logs;
mod migrate;
mod on_cluster;
mod on_server;
mod orders;
mod pipeline;
mod report;
mod run;
mod serve;
mod status;
mod terminate;
mod up;
mod watch;

use std::{future::Future, time::Duration};

use anyhow::{Context, Result};
use clap::CommandFactory;
use model::OrderId;
use store::{Migrations, OrderRow, ServerAddress, Store};

use crate::{
    args::{Cli, ClusterArgs, Command, CompletionsArgs, Global, Place},
    cluster::Cluster,
    data::DataFolder,
    exit::Code,
    load::Usage,
    logging, output, owner,
};

pub(crate) use on_cluster::{complete, row_of};

/// Does a command.
///
/// # Errors
/// What went wrong; [`crate::exit::code_of`] knows its exit code.
pub(crate) fn dispatch(cli: Cli) -> Result<Code> {
    let data = data(&cli.global)?;
    let (verbosity, named) = (cli.global.verbosity, cli.global.named);
    let database_url = cli.global.database_url;
    match cli.command.ok_or(Usage::NoCommand)? {
        Command::Runner => Ok(hidden::runner()),
        Command::ImageTask { task } => Ok(hidden::image_task(task)),
        Command::Completions(args) => completions(&args),
        command => {
            logging::start(verbosity);
            block_on(async {
                match command {
                    Command::Run(args) => run::run(args, data, verbosity.quiet).await,
                    Command::Exec(args) => exec::run(args, data, verbosity.quiet).await,
                    Command::Up(args) => up::run(args, database_url, verbosity.quiet).await,
                    Command::Down(args) => down::run(args, verbosity.quiet).await,
                    Command::Load(args) => load::run(args, named).await,
                    Command::Logs(args) => logs::run(args).await,
                    Command::Terminate(args) => {
                        terminate::run(&args, args.place.place(named)?, &data).await
                    }
                    Command::Orders(args) => match args.place.place(named)? {
                        Place::Server(server) => on_server::orders(&args, &server).await,
                        Place::Cluster(cluster) => on_cluster::orders(&args, cluster).await,
                        Place::Here => orders::run(&args, &data).await,
                    },
                    Command::Status(args) => match args.place.place(named)? {
                        Place::Server(server) => on_server::status(&args, &server).await,
                        Place::Cluster(cluster) => on_cluster::status(&args, cluster).await,
                        Place::Here => status::run(&args, &data).await,
                    },
                    Command::Chart(args) => match args.place.place(named)? {
                        Place::Server(server) => on_server::chart(&args, &server, &data).await,
                        Place::Cluster(cluster) => chart::run(&args, Some(cluster), &data).await,
                        Place::Here => chart::run(&args, None, &data).await,
                    },
                    Command::Report(args) => match args.place.place(named)? {
                        Place::Server(server) => on_server::report(&args, &server, &data).await,
                        Place::Cluster(cluster) => report::run(&args, Some(cluster), &data).await,
                        Place::Here => report::run(&args, None, &data).await,
                    },
                    Command::Watch(args) => {
                        watch::run(&args, args.place.place(named)?, &data).await
                    }
                    Command::Serve(args) => Box::pin(serve::run(args, data, verbosity.quiet)).await,
                    Command::Delete(args) => delete::run(&args, &data).await,
                    Command::Migrate(args) => migrate::run(&args, &data).await,
                    Command::Runner | Command::ImageTask { .. } | Command::Completions(_) => {
                        Ok(Code::DONE)
                    }
                }
            })?
        }
    }
}

/// The data folder, and where the store is.
fn data(global: &Global) -> Result<DataFolder> {
    let migrations = if global.no_migrate {
        Migrations::Expect
    } else {
        Migrations::Run
    };
    let url = global.database_url.as_deref().map(str::trim);
    let server = url.filter(|url| !url.is_empty());
    let server = server.map(str::parse::<ServerAddress>).transpose()?;
    Ok(DataFolder::new(&global.data, server, migrations))
}

fn block_on<T>(work: impl Future<Output = T>) -> Result<T> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    // The services wait more than they work, and every thread is taken from the tasks.
    let runtime = builder.worker_threads(2).enable_all().build();
    let runtime =
        runtime.context("no runtime can be made; check the limit on threads (ulimit -u)")?;
    let result = runtime.block_on(work);
    // Nothing that is still going on matters any more.
    runtime.shutdown_timeout(Duration::ZERO);
    Ok(result)
}

fn completions(args: &CompletionsArgs) -> Result<Code> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "podometer", &mut text);
    output::print(&String::from_utf8_lossy(&text))?;
    Ok(Code::DONE)
}

/// The store, for commands that only read: of a cluster, or here.
async fn open_either(data: &DataFolder, cluster: Option<&ClusterArgs>) -> Result<Store> {
    match cluster {
        Some(which) => Cluster::connect(which).await?.store().await,
        None => open(data).await,
    }
}

/// The store here, for commands that only read.
async fn open(data: &DataFolder) -> Result<Store> {
    let store = Store::open_existing(data.location()).await?;
    owner::tidy_if_possible(&store, data).await;
    Ok(store)
}

/// An order that must be there.
async fn order(store: &Store, data: &DataFolder, id: &OrderId) -> Result<OrderRow> {
    let unknown = || Usage::UnknownOrder {
        order: id.clone(),
        data: data.location().to_string(),
    };
    Ok(store.order(id).await?.ok_or_else(unknown)?)
}
