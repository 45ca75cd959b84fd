//! A place of its own for each test, and the real program in it, with a time limit.

use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;
use tempfile::TempDir;

/// Longer than anything takes on a busy machine; a test that comes here has hung.
const LIMIT: Duration = Duration::from_mins(1);

/// A temporary folder with a data folder in it that isn't made yet.
pub(crate) struct Place {
    dir: TempDir,
}

/// What a command said and how it ended.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn data(&self, name: &str) -> PathBuf {
        self.path("data").join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// The program, with nothing of this process's surroundings that it would heed.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_podometer"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("PODOMETER_") {
                command.env_remove(name);
            }
        }
        command
            .args(args)
            .current_dir(self.dir.path())
            .stdin(Stdio::null());
        command
            .env("PODOMETER_DATA", "data")
            .env("COLUMNS", "100")
            .env("NO_COLOR", "1")
            // Never a cluster that somebody works with.
            .env("KUBECONFIG", "no-kubeconfig")
            .env_remove("KUBERNETES_SERVICE_HOST");
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Said {
        Running::start(self.command(args)).wait()
    }

    /// Runs, and wants it to succeed.
    pub(crate) fn ok(&self, args: &[&str]) -> Said {
        let said = self.run(args);
        assert_eq!(said.code, Some(0), "{args:?}: {said:?}");
        said
    }

    /// Runs with `--json`, and reads what comes.
    pub(crate) fn json(&self, args: &[&str], code: i32) -> Value {
        let said = self.run(&[args, &["--json"]].concat());
        assert_eq!(said.code, Some(code), "{args:?}: {said:?}");
        serde_json::from_str(&said.out).unwrap_or_else(|e| panic!("{e}: {said:?}"))
    }

    /// A text without this place's path, for snapshots.
    pub(crate) fn redact(&self, text: &str) -> String {
        text.replace(self.dir.path().to_str().unwrap(), "[DIR]")
    }
}

type Collected = thread::JoinHandle<String>;

/// A program that runs; it is killed if it takes too long, or if nobody waits for it.
pub(crate) struct Running {
    child: Child,
    out: Option<Collected>,
    err: Option<Collected>,
}

impl Running {
    pub(crate) fn start(command: Command) -> Self {
        Self::start_with(command, |_| {})
    }

    /// Starts, and hands the child over for a moment.
    pub(crate) fn start_with(mut command: Command, look: impl FnOnce(&mut Child)) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        look(&mut child);
        let out = collect(child.stdout.take().unwrap());
        let err = collect(child.stderr.take().unwrap());
        Self {
            child,
            out: Some(out),
            err: Some(err),
        }
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id() as i32)
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).unwrap();
    }

    pub(crate) fn wait(self) -> Said {
        self.wait_for(LIMIT)
    }

    /// Waits for the end of what may take long; panics if it takes longer.
    pub(crate) fn wait_for(mut self, limit: Duration) -> Said {
        let deadline = Instant::now() + limit;
        let mut in_time = true;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if in_time && Instant::now() > deadline {
                in_time = false;
                self.child.kill().unwrap();
            }
            thread::sleep(Duration::from_millis(5));
        };
        let text = |thread: &mut Option<Collected>| thread.take().unwrap().join().unwrap();
        let (out, err) = (text(&mut self.out), text(&mut self.err));
        let said = Said {
            code: status.code(),
            out,
            err,
        };
        assert!(in_time, "took longer than {limit:?}: {said:?}");
        said
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Nothing happens to one that was waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn collect(mut from: impl Read + Send + 'static) -> Collected {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = from.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// Waits until something holds.
pub(crate) fn until(what: &str, limit: Duration, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + limit;
    while !holds() {
        assert!(Instant::now() < deadline, "not within {limit:?}: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// The processes whose environment or arguments hold a text, this one excepted.
pub(crate) fn processes_with(mark: &str) -> Vec<(i32, String)> {
    let holds = |path: &Path| {
        let text = fs::read(path).unwrap_or_default();
        text.windows(mark.len())
            .any(|window| window == mark.as_bytes())
    };
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse::<i32>().ok())
        else {
            continue;
        };
        if pid == std::process::id() as i32 {
            continue;
        }
        if holds(&entry.path().join("environ")) || holds(&entry.path().join("cmdline")) {
            let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            found.push((pid, String::from_utf8_lossy(&line).replace('\0', " ")));
        }
    }
    found
}
