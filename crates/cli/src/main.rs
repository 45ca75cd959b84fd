//! `podometer`: what people type. See the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    // The runner is started for every attempt, and its start-up is the task's delay: it goes first,
    // before arguments are parsed and before anything else exists.
    if std::env::args_os()
        .nth(1)
        .is_some_and(|word| word == "runner")
    {
        std::process::exit(task_runner::main_from_environment());
    }
    cli::main()
}
