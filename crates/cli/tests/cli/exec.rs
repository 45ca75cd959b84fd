//! `podometer exec`.

use std::{fs, io::Write, process::Stdio};

use serde_json::Value;

use crate::harness::{Place, Running};

#[test]
fn output_and_exit_code_are_the_commands() {
    let place = Place::new();
    let said = place.run(&[
        "exec",
        "--no-charts",
        "--",
        "sh",
        "-c",
        "echo out; echo err >&2; exit 3",
    ]);
    assert_eq!(
        (said.code, said.out.as_str()),
        (Some(3), "out\n"),
        "{said:?}"
    );
    assert!(said.err.starts_with("err\n"), "{said:?}");
    for word in [
        "result   error, exit code 3",
        "CPU time",
        "memory",
        "disk",
        "samples",
    ] {
        assert!(said.err.contains(word), "{word}: {said:?}");
    }
}

#[test]
fn ends_by_signal_and_programs_that_are_not_there() {
    let place = Place::new();
    for (command, code) in [
        (&["sh", "-c", "kill -TERM $$"][..], 143),
        (&["sh", "-c", "kill -KILL $$"], 137),
        (&["/no/such/program"], 127),
        (&["true"], 0),
        (&["false"], 1),
    ] {
        let said = place.run(&[&["exec", "-q", "--no-charts", "--"][..], command].concat());
        assert_eq!(said.code, Some(code), "{command:?}: {said:?}");
    }
}

#[test]
fn input_and_folder_are_the_callers() {
    let place = Place::new();
    place.write("numbers", "3\n1\n2\n");
    let said = place.run(&["exec", "-q", "--no-charts", "--", "sort", "numbers"]);
    assert_eq!(said.out, "1\n2\n3\n", "{said:?}");
    let mut command = place.command(&["exec", "-q", "--no-charts", "--", "cat"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"through").unwrap();
    assert_eq!(child.wait_with_output().unwrap().stdout, b"through");
}

#[test]
fn a_chart_and_json_in_a_file() {
    let place = Place::new();
    let said = place.ok(&[
        "exec", "--json", "out.json", "--name", "nap", "--", "sleep", "0.1",
    ]);
    assert!(
        said.err.contains("data/exec-nap/charts/0-nap-1.svg"),
        "{said:?}"
    );
    let orders: Value = serde_json::from_slice(&fs::read(place.path("out.json")).unwrap()).unwrap();
    assert_eq!(orders[0]["id"], "exec-nap");
    assert_eq!(orders[0]["runs"][0]["task"], "nap");
    assert!(orders[0]["runs"][0]["duration_seconds"].as_f64().unwrap() >= 0.1);
    assert!(
        place
            .path(orders[0]["runs"][0]["charts"][0].as_str().unwrap())
            .is_file()
    );
}

#[test]
fn a_signal_ends_the_command() {
    let place = Place::new();
    let running = Running::start(place.command(&["exec", "--no-charts", "--", "sleep", "60"]));
    let log = place.data("exec-sleep/runs/0-sleep-1.end.json");
    crate::harness::until(
        "the command runs",
        std::time::Duration::from_secs(20),
        || fs::read_to_string(&log).is_ok_and(|text| text.contains("process_group\":")),
    );
    running.signal(nix::sys::signal::Signal::SIGTERM);
    let said = running.wait();
    assert_eq!(said.code, Some(130), "{said:?}");
    assert!(said.err.contains("terminated"), "{said:?}");
}

#[test]
fn a_command_has_the_terminal() {
    let place = Place::new();
    // The command reads as soon as it runs; again and again, because this was a race once.
    for round in 0..10 {
        let command = "read line; echo got $line; test -t 0";
        let program = env!("CARGO_BIN_EXE_podometer");
        let line = format!("{program} exec -q --no-charts -- sh -c '{command}'");
        let mut on_terminal = std::process::Command::new("script");
        on_terminal
            .args(["-qefc", &line, "/dev/null"])
            .stdin(Stdio::piped());
        on_terminal
            .current_dir(place.path(""))
            .env("PODOMETER_DATA", "data");
        let mut typing = None;
        let running = Running::start_with(on_terminal, |child| typing = child.stdin.take());
        let mut typing = typing.unwrap();
        typing.write_all(b"hello\n").unwrap();
        let said = running.wait();
        assert_eq!(said.code, Some(0), "round {round}: {said:?}");
        assert!(said.out.contains("got hello"), "round {round}: {said:?}");
    }
}
