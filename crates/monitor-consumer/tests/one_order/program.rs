//! A program that is started, killed and started again.

use std::{
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::time::sleep;

/// One that was built with this test.
pub(crate) fn built(name: &str) -> PathBuf {
    let consumer = PathBuf::from(env!("CARGO_BIN_EXE_monitor-consumer"));
    let path = consumer.with_file_name(name);
    assert!(
        path.is_file(),
        "{} is missing: build with --workspace",
        path.display()
    );
    path
}

pub(crate) struct Program {
    path: PathBuf,
    environment: Vec<(&'static str, String)>,
    log: tempfile::NamedTempFile,
    child: Child,
}

impl Program {
    pub(crate) fn start(name: &str, environment: Vec<(&'static str, String)>) -> Self {
        let (path, log) = (built(name), tempfile::NamedTempFile::new().unwrap());
        let child = spawn(&path, &environment, &log);
        Self {
            path,
            environment,
            log,
            child,
        }
    }

    pub(crate) fn kill_and_start(&mut self) {
        let _ = self.child.kill();
        self.child.wait().unwrap();
        self.child = spawn(&self.path, &self.environment, &self.log);
    }

    pub(crate) fn terminate(&self) {
        kill(Pid::from_raw(self.child.id() as i32), Signal::SIGTERM).unwrap();
    }

    /// Its exit code.
    pub(crate) async fn ends(&mut self, patience: Duration) -> i32 {
        let until = Instant::now() + patience;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code().unwrap_or(-1);
            }
            assert!(
                Instant::now() < until,
                "{} goes on:\n{}",
                self.path.display(),
                self.said()
            );
            sleep(Duration::from_millis(10)).await;
        }
    }

    pub(crate) fn said(&self) -> String {
        let text = std::fs::read(self.log.path()).unwrap();
        String::from_utf8_lossy(&text).into_owned()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(path: &PathBuf, environment: &[(&str, String)], log: &tempfile::NamedTempFile) -> Child {
    let log = std::fs::OpenOptions::new()
        .append(true)
        .open(log.path())
        .unwrap();
    Command::new(path)
        .env_clear()
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap()
}
