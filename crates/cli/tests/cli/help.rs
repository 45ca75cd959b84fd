//! What the program says of itself.

use std::fmt::Write;

use crate::harness::Place;

#[test]
fn help_of_every_command() {
    let place = Place::new();
    let mut all = String::new();
    for command in [
        &["--help"][..],
        &["run", "--help"],
        &["exec", "--help"],
        &["orders", "--help"],
        &["status", "--help"],
        &["watch", "--help"],
        &["terminate", "--help"],
        &["load", "--help"],
        &["chart", "--help"],
        &["report", "--help"],
        &["serve", "--help"],
        &["delete", "--help"],
        &["completions", "--help"],
        &["up", "--help"],
        &["down", "--help"],
    ] {
        let text = place.ok(command).out;
        assert!(text.contains("Example"), "{command:?} has no example");
        writeln!(all, "$ podometer {}\n{text}", command.join(" ")).unwrap();
    }
    insta::assert_snapshot!(all);
    assert!(!place.path("data").exists());
}

#[test]
fn completions_of_every_shell() {
    let place = Place::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = place.ok(&["completions", shell]).out;
        assert!(
            script.contains("completions") && script.contains("bootstrap-servers"),
            "{shell}"
        );
    }
    assert!(!place.path("data").exists());
}

#[test]
fn a_reader_that_goes_is_no_error() {
    use std::process::Stdio;
    let place = Place::new();
    let mut child = place
        .command(&["completions", "zsh"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert!(child.wait().unwrap().success());
}
