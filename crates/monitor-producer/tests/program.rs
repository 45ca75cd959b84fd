//! The service as a program: what it says, and that it ends.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::process::Command;

fn run(arguments: &[&str], variables: &[(&str, &str)]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_monitor-producer"));
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
    let secret = ("PODOMETER_SECRET", "s");
    let said = [
        run(&[], &[]),
        run(&[], &[secret]),
        run(&["--secret-file", "/nowhere"], &[]),
        run(&["--bootstrap-servers", ":"], &[secret]),
    ];
    insta::assert_snapshot!(said.join("\n---\n"));
}

#[test]
fn what_one_order_needs_is_said() {
    let order = ("PODOMETER_ORDER", "leaf-1");
    let uid = (
        "PODOMETER_ORDER_UID",
        "0198c5d2-0000-7000-8000-000000000000",
    );
    let token = ("PODOMETER_TOKEN", "t");
    let said = [
        run(&[], &[order]),
        run(&[], &[("PODOMETER_ORDER", "Leaf"), uid]),
        run(&[], &[order, uid]),
        run(&[], &[order, uid, ("PODOMETER_TOKEN", " ")]),
        run(
            &[
                "--topic-replication",
                "0",
                "--bootstrap-servers",
                "127.0.0.1:9",
            ],
            &[order, uid, token],
        ),
    ];
    insta::assert_snapshot!(said.join("\n---\n"));
}
