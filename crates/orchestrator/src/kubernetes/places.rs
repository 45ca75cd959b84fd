//! Where things stand in the containers of an order.

/// Where the runner is.
pub(super) const BIN: &str = "/podometer/bin";
/// The runner.
pub(super) const RUNNER: &str = "/podometer/bin/task-runner";
/// The folder that the tasks of an order share.
pub(super) const WORKSPACE: &str = "/podometer/workspace";
/// What belongs to one attempt.
pub(super) const RUN: &str = "/podometer/run";
/// Where a task may write its output.
pub(super) const OUTPUT: &str = "/podometer/run/output";
/// The folder of [`PROGRESS`].
pub(super) const PROGRESS_FOLDER: &str = "/podometer/progress";
/// The input in chunks, in the container that puts them together.
pub(super) const INPUT: &str = "/podometer/input";
/// The earlier outputs, where they are long.
pub(super) const PROGRESS: &str = "/podometer/progress/progress.json";
/// In the orchestrator's container: the logins of registries, as Docker's `config.json`.
pub(super) const REGISTRY: &str = "/podometer/registry";
/// There too: `ca.crt`, the authority of registries that have one of their own.
pub(super) const REGISTRY_CA: &str = "/podometer/registry-ca";
/// The volume of the workspace, whole, in the orchestrator's container.
pub(super) const VOLUME: &str = "/podometer/volume";
