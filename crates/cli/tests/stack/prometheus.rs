//! What a scraper sees: the program serving metrics, `promtool`, and a real Prometheus.

use std::{
    fs::{self, File},
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use nix::{
    sys::{
        prctl,
        signal::{Signal, kill},
    },
    unistd::Pid,
};
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    harness::{Place, until},
    servers::{free_port, variable},
};

const LIMIT: Duration = Duration::from_mins(1);

/// The text behind a path, if there is one.
pub(crate) fn get(address: SocketAddr, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(LIMIT)).ok()?;
    // HTTP/1.0: nothing comes in chunks.
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    head.contains(" 200 OK").then(|| body.to_owned())
}

/// A process that ends with this.
pub(crate) struct Ending(pub(crate) Child);

impl Ending {
    pub(crate) fn start(mut command: Command) -> Self {
        // SAFETY: the closure makes one system call and allocates nothing.
        unsafe {
            command.pre_exec(|| Ok(prctl::set_pdeathsig(Signal::SIGKILL)?));
        }
        Self(command.stdin(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// `podometer run ... --metrics-listen` that is under way.
pub(crate) struct Served {
    program: Ending,
    pub(crate) address: SocketAddr,
}

impl Served {
    /// Starts it; it has said where it serves.
    pub(crate) fn start(place: &Place, args: &[&str]) -> Self {
        let said = place.path("said");
        let args = [args, &["--metrics-listen", "127.0.0.1:0"]].concat();
        let mut command = place.command(&args);
        command.stdout(Stdio::null());
        command.stderr(File::create(&said).unwrap());
        let program = Ending::start(command);
        let mut address = None;
        until("it says where it serves", LIMIT, || {
            let said = fs::read_to_string(&said).unwrap();
            let at = said
                .lines()
                .find_map(|l| l.strip_prefix("metrics: http://"));
            address = at.and_then(|at| at.strip_suffix("/metrics")?.parse().ok());
            address.is_some()
        });
        let address = address.unwrap();
        Self { program, address }
    }

    pub(crate) fn text(&self) -> String {
        get(self.address, "/metrics").unwrap()
    }

    /// Ends it in good form; its exit code.
    pub(crate) fn end(mut self) -> Option<i32> {
        let child = &mut self.program.0;
        kill(Pid::from_raw(child.id() as i32), Signal::SIGINT).unwrap();
        let mut code = None;
        until("it ends", LIMIT, || {
            code = child.try_wait().unwrap().map(|status| status.code());
            code.is_some()
        });
        code.unwrap()
    }
}

/// The sum of a metric's values over all of its labels.
pub(crate) fn sum(text: &str, name: &str) -> f64 {
    let value = |line: &str| {
        let rest = line.strip_prefix(name)?;
        if !rest.starts_with(['{', ' ']) {
            return None;
        }
        rest.rsplit_once(' ')?.1.parse::<f64>().ok()
    };
    let mut values = text.lines().filter_map(value).peekable();
    assert!(values.peek().is_some(), "{name} is not in\n{text}");
    values.sum()
}

/// The folder with Debian's programs.
pub(crate) fn programs() -> Option<String> {
    variable("PODOMETER_TEST_PROMETHEUS")
}

/// What `promtool check metrics` has against a text.
pub(crate) fn promtool(programs: &str, text: &str) -> String {
    let mut command = Command::new(Path::new(programs).join("promtool"));
    command.args(["check", "metrics"]).stdin(Stdio::piped());
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It reads all before it says anything.
    let written = child.stdin.take().unwrap().write_all(text.as_bytes());
    written.unwrap();
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(output.status.success(), "{said}");
    said
}

/// A Prometheus of the test's own.
pub(crate) struct Prometheus {
    _program: Ending,
    _folder: TempDir,
    address: SocketAddr,
}

impl Prometheus {
    /// One that scrapes these places twice a second, and is ready.
    pub(crate) fn start(programs: &str, targets: &[SocketAddr]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = format!(
            "global:\n  scrape_interval: 500ms\nscrape_configs:\n  - job_name: podometer\n    static_configs:\n      - \
             targets: {:?}\n",
            targets
                .iter()
                .map(SocketAddr::to_string)
                .collect::<Vec<_>>()
        );
        let file = folder.path().join("prometheus.yml");
        fs::write(&file, config).unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let mut command = Command::new(Path::new(programs).join("prometheus"));
        command
            .arg(format!("--config.file={}", file.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                folder.path().join("data").display()
            ))
            .arg(format!("--web.listen-address={address}"))
            .stdout(Stdio::null())
            .stderr(File::create(folder.path().join("log")).unwrap());
        let mut program = Ending::start(command);
        until("Prometheus is ready", LIMIT, || {
            let ended = program.0.try_wait().unwrap();
            let log = folder.path().join("log");
            assert!(ended.is_none(), "{}", fs::read_to_string(log).unwrap());
            get(address, "/-/ready").is_some()
        });
        Self {
            _program: program,
            _folder: folder,
            address,
        }
    }

    /// What an API of it answers: its `data`.
    fn ask(&self, path: &str) -> Value {
        let answer = get(self.address, path).unwrap_or_else(|| panic!("no answer: {path}"));
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer["status"], "success", "{path}: {answer}");
        answer["data"].clone()
    }

    /// The states of all that it scrapes.
    pub(crate) fn targets(&self) -> Vec<String> {
        let data = self.ask("/api/v1/targets?state=active");
        let targets = data["activeTargets"].as_array().unwrap().iter();
        targets
            .map(|target| target["health"].as_str().unwrap().to_owned())
            .collect()
    }

    /// The series of a query over the last seconds, a point a second.
    pub(crate) fn series(&self, query: &str, seconds: f64) -> Vec<Value> {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let now = now.unwrap().as_secs_f64();
        let (query, start) = (encoded(query), now - seconds);
        let path = format!("/api/v1/query_range?query={query}&start={start}&end={now}&step=1");
        self.ask(&path)["result"].as_array().unwrap().clone()
    }
}

/// Percent-encoded.
fn encoded(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}
