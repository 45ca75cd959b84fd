//! `task-runner`: wraps the command of one attempt. See the library.

fn main() {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    std::process::exit(task_runner::main_from_arguments(&arguments));
}
