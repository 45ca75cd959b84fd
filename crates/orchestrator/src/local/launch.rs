//! This machine's processes as a [`Launcher`].

use std::{fs, path::PathBuf};

use model::{Reason, attempt::BusAddress};

use super::{AttemptFiles, Local, Prepared};
use crate::{
    OrderRequest,
    clock::Clock,
    launcher::{self, Decision, Launcher, NotBegun, NotStarted, Started, Superseded},
    plan::{At, Earlier, Seen},
};

impl launcher::Prepared for Prepared {
    fn at(&self) -> At {
        self.at
    }
}

impl Launcher for Local {
    type Prepared = Prepared;

    fn clock(&self) -> Clock {
        self.clock
    }

    async fn begin(&self, request: &OrderRequest) -> Result<(), NotBegun> {
        for path in [request.workspace(), request.folder.join("runs")] {
            fs::create_dir_all(&path).map_err(|source| {
                NotBegun(anyhow::anyhow!(
                    "can't make the folder {}: {source}; check that its parent is yours and the disk has room",
                    path.display()
                ))
            })?;
        }
        Ok(())
    }

    /// Processes end with this one, so there is nothing that a later one could take over.
    async fn note(&self, _: &OrderRequest, _: Decision<'_>) -> Result<(), Superseded> {
        Ok(())
    }

    async fn start(
        &self,
        request: &OrderRequest,
        at: At,
        earlier: &[Earlier],
        bus: BusAddress,
        prepared: Option<Prepared>,
    ) -> Result<Started, NotStarted> {
        let started = self
            .start_runner(request, at, earlier, Some(bus), prepared)
            .await;
        let running = started.map_err(|error| NotStarted {
            reason: Reason::Error,
            message: error.to_string(),
        })?;
        let (signaller, clock) = (running.signaller(), self.clock);
        Ok(Started {
            pid: Some(running.pid()),
            no_cgroup: running.no_cgroup().map(str::to_owned),
            signal: Box::new(move |hard| signaller.signal(hard)),
            end: Box::pin(async move {
                match running.wait().await {
                    Ok((exit, cleaning)) => (Seen::Exited { at, exit }, Some(cleaning)),
                    Err(error) => {
                        let lost = Seen::LaunchFailed {
                            at,
                            reason: Reason::Error,
                            message: format!("its runner was lost sight of: {error}"),
                            ended_at: clock(),
                        };
                        (lost, None)
                    }
                }
            }),
        })
    }

    fn prepare(&self, request: &OrderRequest, at: At, _: BusAddress) -> Option<Prepared> {
        self.prepare_runner(request, at)
    }

    fn undelivered(&self, request: &OrderRequest, at: At) -> Option<PathBuf> {
        let task = &request.order.tasks[at.0.0 as usize].name;
        Some(AttemptFiles::new(&request.folder, at, task).undelivered)
    }
}
