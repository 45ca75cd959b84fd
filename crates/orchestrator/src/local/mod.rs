//! The launcher for this machine: an attempt is a runner process with a task below it.
//!
//! Each runner leads a session of its own (a process group where it shares our terminal), stands in
//! a cgroup of its own where one can be made, and gets SIGTERM if this process dies. This process is
//! a child subreaper: when a runner is killed, what it leaves becomes ours, is killed and reaped. Exit
//! statuses of other children are never taken: only known processes are waited for.

mod cgroup;
mod environment;
mod error;
mod files;
mod pidfd;
mod processes;
mod running;
mod spawn;
mod spec;

use std::{
    env,
    fs::OpenOptions,
    process::{Child, Command, Stdio},
    sync::{Arc, OnceLock},
};

use model::{
    AttemptSpec,
    attempt::{BusAddress, SPEC_VARIABLE},
};
use nix::sys::prctl;

pub use cgroup::NoCgroup;
use cgroup::{Cgroups, Group};
pub use environment::MAX_PROGRESS_BYTES;
pub use error::LaunchError;
pub use files::AttemptFiles;
use processes::Marks;
use running::Remains;
pub use running::{Running, Signaller};
pub use spec::given_progress;

use crate::{
    OrderRequest, Source, StdioPolicy,
    clock::{self, Clock},
    plan::{At, Earlier},
};

/// How runners are started.
#[derive(Debug, Clone)]
pub struct LocalOptions {
    /// The runner's program and arguments; the running program with `runner` if `None`.
    pub runner: Option<Vec<String>>,
    /// What tells the time.
    pub clock: Clock,
}

impl Default for LocalOptions {
    fn default() -> Self {
        Self {
            runner: None,
            clock: clock::system,
        }
    }
}

/// The launcher for this machine. Clones are the same one.
#[derive(Debug, Clone)]
pub struct Local {
    runner: Vec<String>,
    /// The path of the running program.
    program: String,
    clock: Clock,
    cgroups: Arc<OnceLock<Result<Cgroups, NoCgroup>>>,
}

impl Local {
    /// Makes this process a child subreaper. Nothing is started.
    pub fn new(options: LocalOptions) -> Self {
        if let Err(error) = prctl::set_child_subreaper(true) {
            tracing::warn!("orphans of killed runners can't be reaped: {error}");
        }
        let program = env::current_exe().map_or_else(
            |_| "/proc/self/exe".to_owned(),
            |path| path.display().to_string(),
        );
        let own_runner = || vec![program.clone(), "runner".to_owned()];
        let runner = options
            .runner
            .filter(|argv| !argv.is_empty())
            .unwrap_or_else(own_runner);
        Self {
            runner,
            program,
            clock: options.clock,
            cgroups: Arc::default(),
        }
    }

    /// Why attempts can't have cgroups of their own here; `None` if they can.
    pub fn no_cgroup(&self) -> Option<&NoCgroup> {
        self.cgroups().as_ref().err()
    }

    pub(crate) fn clock(&self) -> Clock {
        self.clock
    }

    fn cgroups(&self) -> &Result<Cgroups, NoCgroup> {
        self.cgroups.get_or_init(Cgroups::find)
    }

    /// Starts the runner of an attempt.
    ///
    /// # Errors
    /// Why there is no runner; nothing is left then.
    pub async fn start(
        &self,
        request: &OrderRequest,
        at: At,
        earlier: &[Earlier],
        bus: Option<BusAddress>,
    ) -> Result<Running, LaunchError> {
        let task = &request.order.tasks[at.0.0 as usize].name;
        let files = AttemptFiles::new(&request.folder, at, task);
        files.clear();
        let mut spec = spec::build(request, at, earlier, &files, bus, &self.program)?;
        let (mut group, mut no_cgroup) = match self.make_group(request, at) {
            Ok(group) => (Some(group), None),
            Err(why) => (None, Some(why)),
        };
        let child = loop {
            if let (Source::Cgroup, Some(why)) = (request.source, &no_cgroup) {
                return Err(LaunchError::Cgroup(why.clone()));
            }
            spec.own_cgroup = group.is_some();
            match self.spawn(request, &spec, &files, group.as_ref()).await {
                Ok(child) => break child,
                // Perhaps it is the cgroup that it can't join; without one the error is plain.
                Err(LaunchError::Runner { source, .. }) if group.is_some() => {
                    group = None;
                    no_cgroup = Some(NoCgroup::NotJoined(source.to_string()));
                }
                Err(error) => return Err(error),
            }
        };
        let runner = child.id() as i32;
        let marks = Marks {
            runner,
            runner_start: processes::start_of(runner).unwrap_or(0),
            own_session: request.stdio == StdioPolicy::Files,
            group: None,
            output: files.output.clone(),
        };
        let remains = Remains { marks, group };
        let mut running = Running::new(child, remains, files, spec.key, self.clock);
        running.no_cgroup = no_cgroup.map(|why| why.to_string());
        Ok(running)
    }

    fn make_group(&self, request: &OrderRequest, at: At) -> Result<Group, NoCgroup> {
        if request.source == Source::ProcessTree {
            return Err(NoCgroup::NotWanted);
        }
        let cgroups = self.cgroups().as_ref().map_err(NoCgroup::clone)?;
        // The end of the UUID is its random part.
        let uid = request.handle.order_uid.0.simple().to_string();
        let short = &uid[uid.len() - 12..];
        cgroups.make(&format!("{}-{}-{}-{short}", request.order.id, at.0, at.1))
    }

    async fn spawn(
        &self,
        request: &OrderRequest,
        spec: &AttemptSpec,
        files: &AttemptFiles,
        group: Option<&Group>,
    ) -> Result<Child, LaunchError> {
        let runner_error = |source| LaunchError::Runner {
            program: self.runner[0].clone(),
            source,
        };
        let too_long = |bytes| LaunchError::TooLong {
            task: spec.task.clone(),
            bytes,
        };
        let (text, beside) = environment::encode(spec.clone()).map_err(too_long)?;
        let mut command = Command::new(&self.runner[0]);
        command.args(&self.runner[1..]).env_clear();
        command.envs(env::vars_os().filter(|(name, _)| environment::inherits(name)));
        command.envs(beside).env(SPEC_VARIABLE, text);
        if request.stdio == StdioPolicy::Files {
            let said = OpenOptions::new()
                .create(true)
                .append(true)
                .open(&files.runner);
            command.stdin(Stdio::null()).stdout(Stdio::null());
            command.stderr(said.map_err(LaunchError::file(&files.runner))?);
        }
        let entrances = group
            .map(Group::entrances)
            .transpose()
            .map_err(runner_error)?;
        let setup = spawn::Setup {
            cgroup: entrances.unwrap_or_default(),
            // A session of its own would cut the task off from the terminal that it is to share.
            own_session: request.stdio == StdioPolicy::Files,
        };
        spawn::spawn(command, setup).await.map_err(runner_error)
    }
}
