//! The launcher for this machine: an attempt is a runner process with a task below it.
//!
//! Each runner leads a session of its own (a process group where it shares our terminal), stands in
//! a cgroup of its own where one can be made, and gets SIGTERM if this process dies. This process is
//! a child subreaper: when a runner is killed, what it leaves becomes ours, is killed and reaped. Exit
//! statuses of other children are never taken: only known processes are waited for.

mod cgroup;
pub(crate) mod environment;
mod error;
mod files;
mod launch;
mod pidfd;
mod processes;
mod running;
mod seed;
mod spec;

use std::{
    env, io,
    sync::{Arc, OnceLock},
};

use model::{
    AttemptSpec,
    attempt::{BusAddress, SPEC_VARIABLE},
};
use nix::{sys::prctl, unistd::Pid};

use cgroup::NoCgroup;
use cgroup::{Cgroups, Group};
pub use environment::MAX_PROGRESS_BYTES;
pub use error::LaunchError;
pub use files::AttemptFiles;
use processes::Marks;
use running::Remains;
pub use running::{Running, Signaller};
use seed::{Failed, Image, Seed};
pub use spec::given_progress;
pub(crate) use spec::key;

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

    fn cgroups(&self) -> &Result<Cgroups, NoCgroup> {
        self.cgroups.get_or_init(Cgroups::find)
    }

    /// Makes ready what takes time: the cgroup of an attempt, and a process in it that waits to
    /// become its runner. `None` if there is no cgroup to be made.
    pub fn prepare_runner(&self, request: &OrderRequest, at: At) -> Option<Prepared> {
        let mut prepared = self.begin(request, at);
        prepared.group.as_ref()?;
        // Without it the start says what is wrong.
        prepared.seed = prepared.plant(request).ok();
        Some(prepared)
    }

    fn begin(&self, request: &OrderRequest, at: At) -> Prepared {
        let (group, no_cgroup) = match self.make_group(request, at) {
            Ok(group) => (Some(group), None),
            Err(why) => (None, Some(why)),
        };
        Prepared {
            at,
            seed: None,
            group,
            no_cgroup,
        }
    }

    /// Starts the runner of an attempt, out of what was prepared for it if there is such.
    ///
    /// # Errors
    /// Why there is no runner; nothing is left then.
    pub async fn start_runner(
        &self,
        request: &OrderRequest,
        at: At,
        earlier: &[Earlier],
        bus: Option<BusAddress>,
        prepared: Option<Prepared>,
    ) -> Result<Running, LaunchError> {
        let task = &request.order.tasks[at.0.0 as usize].name;
        let files = AttemptFiles::new(&request.folder, at, task);
        files.clear();
        let mut spec = spec::build(request, at, earlier, &files, bus, &self.program)?;
        let matching = prepared.filter(|prepared| prepared.at == at);
        let mut prepared = matching.unwrap_or_else(|| self.begin(request, at));
        let mut waiting = prepared.seed.is_some();
        let pid = loop {
            if let (Source::Cgroup, Some(why)) = (request.source, &prepared.no_cgroup) {
                return Err(LaunchError::Cgroup(why.clone()));
            }
            spec.own_cgroup = prepared.group.is_some();
            let image = self.image(request, &spec, &files)?;
            match prepared.grow(request, image).await {
                Ok(pid) => break pid,
                // What waited may have been killed meanwhile.
                Err(Failed::Setup(_)) if waiting => waiting = false,
                // Without the cgroup it may do, else the error is plain.
                Err(Failed::Setup(source)) if prepared.group.take().is_some() => {
                    prepared.no_cgroup = Some(NoCgroup::NotJoined(source.to_string()));
                }
                Err(Failed::Setup(source) | Failed::Execute(source)) => {
                    return Err(self.runner_error(source));
                }
            }
        };
        let marks = Marks {
            runner: pid.as_raw(),
            runner_start: processes::start_of(pid.as_raw()).unwrap_or(0),
            own_session: request.stdio == StdioPolicy::Files,
            group: None,
            output: files.output.clone(),
        };
        let remains = Remains {
            marks,
            group: prepared.group.take(),
        };
        let mut running = Running::new(pid, remains, files, spec.key, self.clock);
        running.no_cgroup = prepared.no_cgroup.take().map(|why| why.to_string());
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

    fn image(
        &self,
        request: &OrderRequest,
        spec: &AttemptSpec,
        files: &AttemptFiles,
    ) -> Result<Image, LaunchError> {
        let too_long = |bytes| LaunchError::TooLong {
            task: spec.task.clone(),
            bytes,
        };
        let (text, beside) = environment::encode(spec.clone()).map_err(too_long)?;
        let inherited = env::vars_os().filter(|(name, _)| environment::inherits(name));
        let ours = [(SPEC_VARIABLE.into(), text.into())];
        let env = inherited.filter(|(name, _)| !beside.iter().any(|(own, _)| own == name));
        let env: Vec<_> = env.chain(beside.clone()).chain(ours).collect();
        let stdio = match request.stdio {
            StdioPolicy::Inherit => None,
            StdioPolicy::Files => Some(files.of_runner()?),
        };
        Image::new(&self.runner, env, stdio).map_err(|source| self.runner_error(source))
    }

    fn runner_error(&self, source: io::Error) -> LaunchError {
        LaunchError::Runner {
            program: self.runner[0].clone(),
            source,
        }
    }
}

/// What was made ready for an attempt.
#[derive(Debug)]
pub struct Prepared {
    at: At,
    // Before the group: dropped first, so that the group is empty sooner.
    seed: Option<Seed>,
    group: Option<Group>,
    no_cgroup: Option<NoCgroup>,
}

impl Prepared {
    fn plant(&self, request: &OrderRequest) -> io::Result<Seed> {
        let entrances = self.group.as_ref().map(Group::entrances).transpose()?;
        // A session of its own would cut the task off from the terminal that it is to share.
        let own_session = request.stdio == StdioPolicy::Files;
        Seed::new(entrances.unwrap_or_default(), own_session)
    }

    async fn grow(&mut self, request: &OrderRequest, image: Image) -> Result<Pid, Failed> {
        let seed = match self.seed.take() {
            Some(seed) => seed,
            None => self.plant(request).map_err(Failed::Setup)?,
        };
        seed.execute(image).await
    }
}
