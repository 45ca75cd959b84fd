//! The time between two steps on a Kubernetes cluster on which Podometer is up, beside bare Jobs, and what the
//! services of an order use.

mod bare;
mod orders;
mod usage;

use std::process::ExitCode;

use anyhow::Result;
use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};

use crate::{
    args::StepsArgs,
    cost::{Aims, Unit, beside, median_and_p95},
};
use bare::{Follow, bare};
use orders::Orders;

/// The gap with a pod that was made ready ahead, seconds.
const AHEAD_AIM: f64 = 0.1;
/// How much longer than bare Jobs Podometer may take.
const BARE_AIM: f64 = 1.1;
/// Of one core, for both monitors and the runner.
const CPU_AIM: f64 = 0.01;
const MEMORY_AIM: f64 = 30.0 * 1024.0 * 1024.0;

/// Measures all ways, one after the other.
pub(crate) fn run(args: &StepsArgs) -> Result<ExitCode> {
    let mut aims = Aims::begin("steps");
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(measure(args, &mut aims))?;
    Ok(aims.close())
}

async fn measure(args: &StepsArgs, aims: &mut Aims) -> Result<()> {
    let client = connect(args).await?;
    let seconds = args.seconds;
    println!("{} gaps between steps of {seconds} s each", args.steps);
    let say = |what: &str, gaps: Vec<f64>| {
        let (median, p95) = median_and_p95(gaps);
        beside(&format!("{what}, median"), Unit::Seconds, median);
        beside("  95 % below", Unit::Seconds, p95);
        median
    };
    let complete = bare(&client, args, Follow::Complete, false).await?;
    say("bare Jobs, each made when the last is Complete", complete);
    let ended = bare(&client, args, Follow::PodEnded, false).await?;
    let ended = say(
        "bare Jobs, each made when the last one's pod has ended",
        ended,
    );
    let with_init = bare(&client, args, Follow::PodEnded, true).await?;
    say("  the same with an init container", with_init);
    let orders = Orders::new(args)?;
    let plain = orders.run("plain", &["true".into()], false).await?.gaps()?;
    let (median, p95) = median_and_p95(plain);
    aims.aimed("Podometer, median", Unit::Seconds, median, BARE_AIM * ended);
    beside("  95 % below", Unit::Seconds, p95);
    let sleep = ["sleep".into(), seconds.to_string()];
    let watch = usage::Watch::start(&client, &args.namespace);
    let ahead = orders.run("ahead", &sleep, true).await?;
    let used = watch.stop().await;
    let (median, p95) = median_and_p95(ahead.gaps()?);
    aims.aimed(
        "Podometer with prewarm, median",
        Unit::Seconds,
        median,
        AHEAD_AIM,
    );
    beside("  95 % below", Unit::Seconds, p95);
    used.say(aims, &ahead, CPU_AIM, MEMORY_AIM);
    Ok(())
}

async fn connect(args: &StepsArgs) -> Result<Client> {
    let config = match &args.kubeconfig {
        Some(file) => {
            let options = KubeConfigOptions::default();
            Config::from_custom_kubeconfig(Kubeconfig::read_from(file)?, &options).await?
        }
        None => Config::infer().await?,
    };
    Ok(Client::try_from(config)?)
}
