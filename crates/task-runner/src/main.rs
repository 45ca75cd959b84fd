//! `task-runner`: wraps the command of one attempt. See the library.

fn main() {
    std::process::exit(task_runner::main_from_environment());
}
