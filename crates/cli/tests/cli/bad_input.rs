//! Bad invocations: one clear error, exit code 2, nothing started, nothing made.

use std::fmt::Write;

use crate::harness::Place;

const CAMERA: &str = r#"{"id": "a", "tasks": ["camera"]}"#;

/// A place with all that the invocations name.
fn place() -> Place {
    let place = Place::new();
    place.write("good.json", CAMERA);
    place.write("empty.json", "");
    place.write(
        "broken.json",
        "{\n  \"id\": \"a\",\n  \"tasks\": [\"camera\",]\n}",
    );
    place.write("latin1.json", b"{\n  \"id\": \"caf\xe9\" }");
    place.write(
        "unknown-task.json",
        r#"{"id": "a", "tasks": ["camera", "paint"]}"#,
    );
    place.write(
        "unknown-field.json",
        r#"{"id": "a", "tasks": [{"name": "camera", "cpu": 1}]}"#,
    );
    place.write("bad-id.json", r#"{"id": "Leaf 1", "tasks": ["camera"]}"#);
    place.write("no-tasks.json", r#"{"id": "a", "required_tasks": []}"#);
    place.write(
        "bad-time.json",
        "{\"id\": \"a\", \"tasks\": [\n{\"name\": \"camera\", \"timeout\": \"5 parsecs\"}]}",
    );
    place.write(
        "image-only.json",
        r#"{"id": "a", "tasks": [{"name": "x", "image": "x:1"}]}"#,
    );
    place.write(
        "missing-input.json",
        "{\"id\": \"a\",\n \"input\": \"nowhere.png\", \"tasks\": [\"resize\"]}",
    );
    place.write(
        "folder-input.json",
        r#"{"id": "a", "input": "folder", "tasks": ["resize"]}"#,
    );
    place.write(
        "broken-input.json",
        r#"{"id": "a", "input": "broken.png", "tasks": ["resize"]}"#,
    );
    place.write(
        "text-input.json",
        r#"{"id": "a", "input": "notes.txt", "tasks": ["resize"]}"#,
    );
    place.write(
        "cut-input.json",
        r#"{"id": "a", "input": "cut.png", "tasks": ["resize"]}"#,
    );
    place.write(
        "fake-jpg-input.json",
        r#"{"id": "a", "input": "fake.jpg", "tasks": [{"name": "cat", "local": ["cat"]}]}"#,
    );
    place.write("tasks.json", r#"{"camera": {"imagee": "x"}}"#);
    place.write("kubeconfig.yaml", KUBECONFIG);
    place.write("broken.yaml", format!("{KUBECONFIG}]"));
    place.write("list.json", "[1, 2]");
    place.write("broken.png", b"\x89PNG\r\n\x1a\nand then nothing");
    place.write("fake.jpg", "no picture at all");
    place.write("notes.txt", "notes");
    std::fs::create_dir(place.path("folder")).unwrap();
    // A picture whose end is missing.
    place.ok(&["--data", "other", "run", "good.json", "--no-charts", "-q"]);
    let whole = std::fs::read(place.path("other/a/workspace/0-camera.png")).unwrap();
    place.write("cut.png", &whole[..whole.len() / 2]);
    place
}

/// Of a cluster at a port where nobody listens.
const KUBECONFIG: &str = "\
apiVersion: v1
kind: Config
current-context: here
contexts: [{name: here, context: {cluster: here, user: me}}]
clusters: [{name: here, cluster: {server: 'https://127.0.0.1:1'}}]
users: [{name: me, user: {token: secret}}]
";

const BAD: &[&[&str]] = &[
    &[],
    &["fly"],
    &["run"],
    &["run", "nowhere.json"],
    &["run", "folder"],
    &["run", "empty.json"],
    &["run", "broken.json"],
    &["run", "latin1.json"],
    &["run", "list.json"],
    &["run", "unknown-task.json"],
    &["run", "unknown-field.json"],
    &["run", "bad-id.json"],
    &["run", "no-tasks.json"],
    &["run", "bad-time.json"],
    &["run", "image-only.json"],
    &["run", "missing-input.json"],
    &["run", "folder-input.json"],
    &["run", "broken-input.json"],
    &["run", "text-input.json"],
    &["run", "cut-input.json"],
    &["run", "fake-jpg-input.json"],
    &["run", "good.json", "broken.json"],
    &["run", "good.json", "--input"],
    &["run", "good.json", "--input", "nowhere.png"],
    &["run", "good.json", "--input", "folder"],
    &["run", "good.json", "--input", "broken.png"],
    &["run", "good.json", "--input", "notes.txt"],
    &["run", "good.json", "--catalog", "nowhere.json"],
    &["run", "good.json", "--catalog", "tasks.json"],
    &["run", "good.json", "--catalog", "list.json"],
    &["run", "good.json", "--parallel", "0"],
    &["run", "good.json", "--parallel", "many"],
    &["run", "good.json", "--period", "10ms"],
    &["run", "good.json", "--period", "2m"],
    &["run", "good.json", "--period", "soon"],
    &["run", "good.json", "--grace", "-1s"],
    &["run", "good.json", "--source", "dtrace"],
    &["run", "good.json", "--kafka-option", "acks"],
    &["run", "good.json", "--topic-prefix", "a/b"],
    &["run", "good.json", "--unknown"],
    &["run", "good.json", "-v", "-q"],
    &["exec"],
    &["exec", "--"],
    &["exec", "--name", "No Label", "--", "true"],
    &["orders"],
    &["status"],
    &["status", "A"],
    &["status", "leaf"],
    &["watch"],
    &["watch", "leaf"],
    &["orders", "--server", "127.0.0.1:7465"],
    &["orders", "--server", "ftp://127.0.0.1"],
    &["orders", "--server", "http://me:secret@127.0.0.1"],
    &["orders", "--server", "http://127.0.0.1:1", "--cluster"],
    &[
        "watch",
        "leaf",
        "--server",
        "http://127.0.0.1:1",
        "--database-url",
        "postgres://a/b",
    ],
    &[
        "orders",
        "--server",
        "http://127.0.0.1:1",
        "--token-file",
        "nowhere",
    ],
    &[
        "terminate",
        "leaf",
        "--server",
        "http://127.0.0.1:1",
        "--now",
    ],
    &[
        "load",
        "good.json",
        "--server",
        "http://127.0.0.1:1",
        "--grace",
        "1s",
    ],
    &["load", "broken.json", "--server", "http://127.0.0.1:1"],
    &["chart", "leaf", "--format", "gif"],
    &["chart", "leaf"],
    &["report", "leaf"],
    &["delete"],
    &["delete", "leaf", "--older-than", "30d"],
    &["delete", "--older-than", "30"],
    &["delete", "leaf"],
    &["completions", "tcsh"],
    &["up"],
    &["up", "--kubeconfig", "nowhere"],
    &["up", "--kubeconfig", "broken.yaml"],
    &[
        "up",
        "--kubeconfig",
        "kubeconfig.yaml",
        "--context",
        "other",
    ],
    &["up", "--namespace", "No Label"],
    &["up", "--overlay", "production"],
    &["up", "--overlay", "staging"],
    &["up", "--set", "NOPE=1"],
    &["up", "--set-image", "nope=1"],
    &["up", "--set-image", "kafka"],
    &["up", "--timeout", "soon"],
    &["down"],
    &["down", "--timeout", "0s"],
];

#[test]
fn bad_invocations_say_what_is_wrong() {
    let place = place();
    let mut all = String::new();
    for args in BAD {
        let said = place.run(args);
        assert_eq!(said.code, Some(2), "{args:?}: {said:?}");
        assert_eq!(said.out, "", "{args:?}");
        let text = place.redact(said.err.trim_end());
        // clap's own tip and usage lines are its business.
        let first = text.split("\n\n").next().unwrap_or_default();
        writeln!(all, "$ podometer {}\n{first}\n", args.join(" ")).unwrap();
        assert!(
            !place.path("data").exists(),
            "{args:?} has made the data folder"
        );
    }
    insta::assert_snapshot!(all);
}

#[test]
fn unknown_orders_and_tasks() {
    let place = Place::new();
    place.write("good.json", CAMERA);
    place.ok(&["run", "good.json", "--no-charts"]);
    let mut all = String::new();
    for args in [
        &["status", "b"][..],
        &["status", "b", "--follow"],
        &["chart", "b"],
        &["chart", "a", "--task", "resize"],
        &["report", "b"],
        &["delete", "a", "b"],
    ] {
        let said = place.run(args);
        assert_eq!(said.code, Some(2), "{args:?}: {said:?}");
        writeln!(all, "$ podometer {}\n{}", args.join(" "), said.err).unwrap();
    }
    insta::assert_snapshot!(all);
    place.ok(&["status", "a"]);
}

#[test]
fn a_kafka_that_is_not_there_is_exit_code_3() {
    let place = Place::new();
    place.write("good.json", CAMERA);
    let said = place.run(&["run", "good.json", "--bootstrap-servers", "127.0.0.1:1"]);
    assert_eq!(said.code, Some(3), "{said:?}");
    assert!(said.err.contains("127.0.0.1:1"), "{said:?}");
    assert_eq!(place.json(&["status", "a"], 0)["status"], "failed");
}

#[test]
fn a_server_that_does_not_answer_is_exit_code_3() {
    let place = Place::new();
    for command in [
        &["orders"][..],
        &["status", "a"],
        &["watch", "a"],
        &["terminate", "a"],
    ] {
        let said = place.run(&[command, &["--server", "http://127.0.0.1:1"]].concat());
        assert_eq!(said.code, Some(3), "{said:?}");
        assert!(
            said.err.contains("http://127.0.0.1:1/ can't be reached"),
            "{said:?}"
        );
        assert_eq!(said.err.lines().count(), 1, "{said:?}");
    }
    // The environment says the same, more weakly.
    let mut command = place.command(&["orders"]);
    command.env("PODOMETER_SERVER", "http://127.0.0.1:1");
    assert_eq!(crate::harness::Running::start(command).wait().code, Some(3));
    let mut command = place.command(&["orders", "--data", "other"]);
    command.env("PODOMETER_SERVER", "http://127.0.0.1:1");
    assert_eq!(crate::harness::Running::start(command).wait().code, Some(2));
}

#[test]
fn a_cluster_that_does_not_answer_is_exit_code_3() {
    let place = Place::new();
    place.write("kubeconfig.yaml", KUBECONFIG);
    for command in ["up", "down"] {
        let said = place.run(&[command, "--kubeconfig", "kubeconfig.yaml"]);
        assert_eq!(said.code, Some(3), "{said:?}");
        assert!(
            said.err.contains("context here, https://127.0.0.1:1:"),
            "{said:?}"
        );
        assert_eq!(said.err.lines().count(), 1, "{said:?}");
    }
}

#[test]
fn an_unknown_kafka_option_is_exit_code_2() {
    let place = Place::new();
    place.write("good.json", CAMERA);
    let said = place.run(&[
        "run",
        "good.json",
        "--bootstrap-servers",
        "127.0.0.1:1",
        "--kafka-option",
        "no.such=1",
    ]);
    assert_eq!(said.code, Some(2), "{said:?}");
    assert!(said.err.contains("no.such"), "{said:?}");
}

#[test]
fn a_data_folder_that_cannot_be_made_is_exit_code_4() {
    let place = Place::new();
    place.write("good.json", CAMERA);
    let file = place.write("file", "");
    let said = place.run(&[
        "run",
        "good.json",
        "--data",
        file.join("data").to_str().unwrap(),
    ]);
    assert_eq!(said.code, Some(4), "{said:?}");
    assert!(said.err.contains("--data"), "{said:?}");
}

#[test]
fn a_damaged_store_is_exit_code_4() {
    let place = Place::new();
    place.write("good.json", CAMERA);
    place.write(
        "data/podometer.db",
        "this is no database, whatever its name says".repeat(100),
    );
    for args in [&["run", "good.json"][..], &["orders"]] {
        let said = place.run(args);
        assert_eq!(said.code, Some(4), "{said:?}");
        assert!(said.err.contains("podometer.db"), "{said:?}");
    }
}
