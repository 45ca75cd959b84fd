//! Nodes of a test's own, which die with it.

use std::{
    net::TcpListener,
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU16, Ordering},
    time::Duration,
};

use bus::{Bus, Settings, TopicSettings};
use nix::sys::{prctl::set_pdeathsig, signal::Signal};
use tempfile::TempDir;

use crate::server::how;

/// A cluster whose nodes are started and killed one by one.
pub(crate) struct Cluster {
    folder: TempDir,
    brokers: Vec<u16>,
    controllers: Vec<u16>,
    options: Vec<String>,
    format: String,
    nodes: Vec<Option<Child>>,
}

impl Cluster {
    /// Starts a cluster; further lines of its `server.properties` are made of the ports.
    pub(crate) fn start(count: usize, options: impl Fn(u16, u16) -> Vec<String>) -> Self {
        Self::start_formatted(count, "", options)
    }

    /// The same, with more arguments for the formatter of its data.
    pub(crate) fn start_formatted(
        count: usize,
        format: &str,
        options: impl Fn(u16, u16) -> Vec<String>,
    ) -> Self {
        let ports = free_ports(2 * count);
        let (brokers, controllers) = ports.split_at(count);
        let mut cluster = Self {
            folder: tempfile::tempdir().unwrap(),
            options: options(brokers[0], controllers[0]),
            format: format.to_owned(),
            brokers: brokers.to_vec(),
            controllers: controllers.to_vec(),
            nodes: (0..count).map(|_| None).collect(),
        };
        for node in 0..count {
            cluster.start_node(node);
        }
        cluster
    }

    /// Starts a node, which goes on with its data. Nodes count from 0.
    pub(crate) fn start_node(&mut self, node: usize) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/stack/kafka.sh");
        let list = |ports: &[u16]| {
            let ports: Vec<_> = ports.iter().map(u16::to_string).collect();
            ports.join(",")
        };
        let mut command = Command::new("bash");
        command.arg(script).arg("run");
        command.arg(self.folder.path().join(node.to_string()));
        command.arg((node + 1).to_string());
        command.args([list(&self.brokers), list(&self.controllers)]);
        command.args(&self.options).stdin(Stdio::null());
        command.env("KAFKA_FORMAT", &self.format);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        // SAFETY: one system call, which allocates nothing.
        unsafe { command.pre_exec(|| Ok(set_pdeathsig(Signal::SIGKILL)?)) };
        self.nodes[node] = Some(command.spawn().unwrap());
    }

    /// Kills a node at once (SIGKILL).
    pub(crate) fn kill(&mut self, node: usize) {
        if let Some(mut child) = self.nodes[node].take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// The node that listens on a port.
    pub(crate) fn node_at(&self, port: u16) -> usize {
        self.brokers.iter().position(|p| *p == port).unwrap()
    }

    /// All of its addresses.
    pub(crate) fn servers(&self) -> String {
        let names = self.brokers.iter().map(|port| format!("127.0.0.1:{port}"));
        names.collect::<Vec<_>>().join(",")
    }

    /// Waits until it serves, and makes the topics of one order, with so many brokers to keep them.
    pub(crate) async fn ready(&self, settings: &Settings) -> (Bus, model::OrderTopics) {
        let how = TopicSettings {
            replication: -1,
            ..how()
        };
        let topics = model::OrderTopics::own(&how.prefix, &"leaf-1".parse().unwrap());
        for _ in 0..12 {
            let bus = Bus::external(settings, how.clone()).unwrap();
            match bus.create_topics(&topics).await {
                Ok(()) => return (bus, topics),
                Err(error) => println!("not yet: {error}"),
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        panic!("the cluster does not serve");
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for node in 0..self.nodes.len() {
            self.kill(node);
        }
    }
}

/// From below the ports that the kernel gives out by itself: a client that tries to reach a node that is
/// away must not be given its port.
fn free_ports(count: usize) -> Vec<u16> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = 14_000 + (std::process::id() % 10_000) as u16;
    let next = || start + NEXT.fetch_add(1, Ordering::Relaxed);
    let free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    std::iter::repeat_with(next)
        .filter(free)
        .take(count)
        .collect()
}
