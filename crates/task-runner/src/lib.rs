//! task-runner
