//! The service as a program: what it says, and that it ends.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::process::Command;

fn run(arguments: &[&str], variables: &[(&str, &str)]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_monitor-consumer"));
    command
        .args(arguments)
        .env_clear()
        .envs(variables.iter().copied());
    let output = command.output().unwrap();
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    format!("{}\n{out}{err}", output.status.code().unwrap_or(-1))
}

#[test]
fn help() {
    insta::assert_snapshot!(run(&["--help"], &[]));
}

#[test]
fn what_is_missing_or_wrong_is_said() {
    let database = ("DATABASE_URL", "postgres://podometer@127.0.0.1:9/podometer");
    let wrong = ("DATABASE_URL", "mysql://db");
    let said = [
        run(&[], &[database]),
        run(&[], &[("BOOTSTRAP_SERVERS", "127.0.0.1:9")]),
        run(&[], &[("BOOTSTRAP_SERVERS", "127.0.0.1:9"), wrong]),
        run(&["--bootstrap-servers", "a b"], &[database]),
        run(&["--order", "leaf-1"], &[database]),
    ];
    insta::assert_snapshot!(said.join("\n---\n"));
}
