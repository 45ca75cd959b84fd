//! The services as programs of their own, as they run on a cluster: each serves its metrics.

use std::{
    fs::{self, File},
    net::SocketAddr,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use crate::{
    harness::{Place, until},
    prometheus::{Ending, get, programs, promtool, sum},
    servers::{Database, free_port, kafka, unique},
};

const LIMIT: Duration = Duration::from_mins(1);

/// A service that was built with this test, with what `podometer-config` and the Secret say.
struct Service {
    command: Command,
    log: std::path::PathBuf,
}

impl Service {
    fn new(place: &Place, name: &str, settings: &[(&str, &str)]) -> Self {
        let path = Path::new(env!("CARGO_BIN_EXE_podometer")).with_file_name(name);
        assert!(path.is_file(), "{name} is missing: build with --workspace");
        let log = place.path(&unique(name));
        let file = File::create(&log).unwrap();
        let mut command = Command::new(path);
        command.env_clear().envs(settings.iter().copied());
        command.stdout(file.try_clone().unwrap()).stderr(file);
        command.stdin(Stdio::null());
        Self { command, log }
    }

    fn said(log: &Path) -> String {
        fs::read_to_string(log).unwrap()
    }
}

/// A cluster that nobody answers for.
const NO_CLUSTER: &str = "apiVersion: v1
kind: Config
current-context: nobody
clusters: [{ name: nobody, cluster: { server: 'http://127.0.0.1:9' } }]
contexts: [{ name: nobody, context: { cluster: nobody, user: nobody } }]
users: [{ name: nobody, user: {} }]
";

/// The orchestrator in one of its modes, without a cluster, and where it serves.
pub(crate) fn orchestrator(place: &Place, mode: &str, kafka: &str) -> (Ending, SocketAddr) {
    let config = place.write("no-cluster", NO_CLUSTER).display().to_string();
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let settings = [
        ("KUBECONFIG", config.as_str()),
        ("BOOTSTRAP_SERVERS", kafka),
        ("PODOMETER_SECRET", "secret"),
        ("METRICS_LISTEN", &address.to_string()),
    ];
    let mut service = Service::new(place, "orchestrator", &settings);
    service.command.arg(mode);
    (Ending::start(service.command), address)
}

#[test]
fn the_orchestrator_serves_its_metrics_whether_the_cluster_answers_or_not() {
    let (Some(programs), Some(kafka)) = (programs(), kafka()) else {
        return;
    };
    let place = Place::new();
    for (mode, metric, least) in [
        ("queue", "podometer_queue_failures_total", 2.0),
        ("serve", "podometer_orchestrator_orders", 0.0),
    ] {
        let (_running, address) = orchestrator(&place, mode, &kafka);
        let mut text = String::new();
        until(&format!("{mode} serves {metric}"), LIMIT, || {
            text = get(address, "/metrics").unwrap_or_default();
            !text.is_empty() && sum(&text, metric) >= least
        });
        assert_eq!(promtool(&programs, &text), "");
    }
}

#[test]
fn each_monitor_serves_its_metrics_and_only_an_orders_own_does_without() {
    let (Some(programs), Some(kafka), Some(database)) = (programs(), kafka(), Database::make())
    else {
        return;
    };
    let (place, prefix) = (Place::new(), unique("served"));
    for (name, metric) in [
        (
            "monitor-producer",
            "podometer_producer_samples_collected_total",
        ),
        (
            "monitor-consumer",
            "podometer_consumer_samples_stored_total",
        ),
    ] {
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let listen = address.to_string();
        let settings = [
            ("BOOTSTRAP_SERVERS", kafka.as_str()),
            ("DATABASE_URL", &database.url),
            ("TOPIC_PREFIX", &prefix),
            ("PODOMETER_SECRET", "secret"),
            ("METRICS_LISTEN", &listen),
        ];
        let one = Service::new(&place, name, &settings);
        let _one = Ending::start(one.command);
        let mut text = None;
        until(&format!("{name} serves"), LIMIT, || {
            text = get(address, "/metrics");
            text.is_some()
        });
        let text = text.unwrap();
        assert_eq!(promtool(&programs, &text), "");
        assert_eq!(sum(&text, metric), 0.0);
        assert!(sum(&text, "process_open_fds") > 3.0, "{text}");

        // Another one of a Deployment says that it can't, one of a single order goes on.
        let mut other = Service::new(&place, name, &settings);
        let code = other.command.status().unwrap().code();
        let said = Service::said(&other.log);
        assert!(code == Some(2) && said.contains(&listen), "{code:?} {said}");
        let order = [
            ("PODOMETER_ORDER", "leaf-1"),
            (
                "PODOMETER_ORDER_UID",
                "0198c5d2-0000-7000-8000-000000000000",
            ),
            ("PODOMETER_TOKEN", "token"),
        ];
        let own = Service::new(&place, name, &[&settings[..], &order[..]].concat());
        let mut running = Ending::start(own.command);
        until(&format!("{name} warns"), LIMIT, || {
            let said = Service::said(&own.log);
            assert!(running.0.try_wait().unwrap().is_none(), "{said}");
            said.contains("WARN") && said.contains(&listen)
        });
    }
}
