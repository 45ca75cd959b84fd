//! The tasks as an order runs them: separate processes that know one another only through
//! the environment and the workspace.

#![allow(clippy::unwrap_used, reason = "a test may")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;

/// An order's workspace and what its tasks have said.
struct Order {
    workspace: TempDir,
    progress: Vec<Value>,
    input: Option<PathBuf>,
}

impl Order {
    fn new() -> Self {
        Self {
            workspace: TempDir::new().unwrap(),
            progress: Vec::new(),
            input: None,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.workspace.path().join(name)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_image-tasks"));
        command
            .args(args)
            .env_clear()
            .env("PODOMETER_WORKSPACE", self.workspace.path())
            .env(
                "PODOMETER_PROGRESS",
                Value::from(self.progress.clone()).to_string(),
            );
        if let Some(input) = &self.input {
            command.env("PODOMETER_INPUT", input);
        }
        command
    }

    /// Runs the next task and notes its output, the way the orchestrator does.
    fn task(&mut self, args: &[&str]) -> Value {
        let position = self.progress.len();
        let small = self.path(&format!("output-{position}"));
        let mut command = self.command(args);
        command
            .env("PODOMETER_POSITION", position.to_string())
            .env("PODOMETER_OUTPUT", &small);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", stderr(&output));
        let line = std::fs::read_to_string(small).unwrap();
        let stdout = String::from_utf8(output.stdout).unwrap();
        assert_eq!(
            stdout.lines().last(),
            Some(line.trim_end()),
            "output and standard output"
        );
        self.progress.push(
            json!({"position": position, "task": args[0], "attempt": 1, "output": line.trim_end()}),
        );
        serde_json::from_str(&line).unwrap()
    }

    fn picture(&self, output: &Value, field: &str) -> image::RgbImage {
        image_tasks::load(&self.path(output[field].as_str().unwrap())).unwrap()
    }
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn share(output: &Value, field: &str) -> f64 {
    output[field].as_f64().unwrap()
}

const CAMERA: [&str; 9] = [
    "camera",
    "--width",
    "640",
    "--height",
    "480",
    "--seed",
    "3",
    "--diseased",
    "0.3",
];

#[test]
fn a_whole_order_finds_the_truth() {
    let mut order = Order::new();
    let photo = order.task(&CAMERA);
    assert_eq!(photo["image"], "0-camera.png");
    let resized = order.task(&["resize", "--max-side", "400"]);
    assert_eq!(
        (&resized["width"], &resized["height"]),
        (&json!(400), &json!(300))
    );
    let clean = order.task(&["denoise", "--method", "bilateral"]);
    assert_eq!(clean["image"], "2-denoise.png");
    let segmented = order.task(&["segment"]);
    assert_eq!(
        (&segmented["image"], &segmented["mask"]),
        (&clean["image"], &json!("3-segment.png"))
    );
    let found = order.task(&["diagnose"]);
    let error = share(&found, "diseased_share") - share(&photo, "true_diseased_share");
    assert!(error.abs() < 0.02, "{error}");
    let annotated = order.task(&["annotate"]);
    assert_eq!(annotated["diseased_share"], found["diseased_share"]);
    assert_eq!(annotated["annotates"], clean["image"]);
    assert_ne!(
        order.picture(&annotated, "image"),
        order.picture(&clean, "image")
    );
    let left: Vec<String> = std::fs::read_dir(order.workspace.path())
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .filter(|name| Path::new(name).extension().is_some_and(|e| e == "part"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn an_order_with_its_own_picture_starts_from_it() {
    let mut order = Order::new();
    let photo = order.task(&[&CAMERA[..], &["--output", "photo.jpg"]].concat());
    order.progress.clear();
    order.input = Some(order.path("photo.jpg"));
    let found = order.task(&["diagnose"]);
    assert!((share(&found, "diseased_share") - share(&photo, "true_diseased_share")).abs() < 0.02);
    assert_eq!(found["image"], order.path("photo.jpg").to_str().unwrap());
}

#[test]
fn any_sequence_and_a_task_twice_work() {
    let mut order = Order::new();
    let photo = order.task(&CAMERA);
    let truth = share(&photo, "true_diseased_share");
    let near = |output: &Value| (share(output, "diseased_share") - truth).abs() < 0.02;
    assert!(
        near(&order.task(&["annotate"])),
        "annotate makes its own diagnosis"
    );
    assert!(
        near(&order.task(&["diagnose"])),
        "diagnose looks behind the annotation"
    );
    order.task(&["segment"]);
    let first = order.task(&["resize", "--max-side", "300"]);
    let second = order.task(&["resize", "--max-side", "200"]);
    assert_ne!(first["image"], second["image"]);
    assert_eq!(order.picture(&first, "image").width(), 300);
    assert_eq!(order.picture(&second, "image").width(), 200);
    order.task(&["annotate"]);
    let thumbnail = order.task(&["resize", "--width", "64"]);
    assert_eq!(
        (&thumbnail["width"], &thumbnail["height"]),
        (&json!(64), &json!(48))
    );
}

#[test]
fn a_second_camera_makes_earlier_masks_and_diagnoses_void() {
    let mut order = Order::new();
    order.task(&CAMERA);
    order.task(&["segment"]);
    order.task(&["diagnose"]);
    let other = [
        "camera",
        "--width",
        "640",
        "--height",
        "480",
        "--seed",
        "9",
        "--diseased",
        "0",
    ];
    order.task(&other);
    let annotated = order.task(&["annotate"]);
    assert!(share(&annotated, "diseased_share") < 0.02);
}

#[test]
fn tasks_by_hand_find_the_newest_picture() {
    let order = Order::new();
    for task in [
        &CAMERA[..],
        &["resize", "--max-side", "320"],
        &["denoise"],
        &["diagnose"],
    ] {
        let mut command = order.command(task);
        let output = command.env_remove("PODOMETER_PROGRESS").output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
    }
    assert_eq!(
        image_tasks::load(&order.path("diagnose.png"))
            .unwrap()
            .width(),
        320
    );
}

#[test]
fn outputs_of_other_peoples_tasks_are_passed_over() {
    let mut order = Order::new();
    order.task(&CAMERA);
    for output in [
        json!("3a5f  photo.png"),
        json!(null),
        json!("[1]"),
        json!("{\"image\": 7}"),
    ] {
        let position = order.progress.len();
        order.progress.push(
            json!({"position": position, "task": "hash", "attempt": 1, "output": output, "x": 1}),
        );
    }
    let found = order.task(&["diagnose"]);
    assert_eq!(
        (&found["image"], &found["map"]),
        (&json!("0-camera.png"), &json!("5-diagnose.png"))
    );
}

#[test]
fn a_long_progress_comes_in_a_file() {
    let mut order = Order::new();
    order.task(&CAMERA);
    let file = order.path("progress.json");
    std::fs::write(&file, Value::from(order.progress.clone()).to_string()).unwrap();
    let mut command = order.command(&["segment"]);
    command
        .env_remove("PODOMETER_PROGRESS")
        .env("PODOMETER_PROGRESS_FILE", &file);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    // Without PODOMETER_POSITION it follows from the progress.
    assert!(order.path("1-segment.png").is_file());
}

/// One line that begins like this, and exit code 2.
fn refused(command: &mut Command, text: &str) {
    let output = command.output().unwrap();
    let error = stderr(&output);
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(error.contains(text), "{error:?} lacks {text:?}");
    assert!(
        text.contains("Usage") || error.trim_end().lines().count() == 1,
        "{error}"
    );
    assert!(!error.contains("panicked"), "{error}");
}

#[test]
fn bad_input_is_one_clear_line_and_exit_code_2() {
    let order = Order::new();
    std::fs::write(order.path("text.png"), "no picture").unwrap();
    std::fs::write(order.path("empty.png"), "").unwrap();
    let grey = image::GrayImage::from_pixel(60, 40, image::Luma([128]));
    grey.save(order.path("grey.png")).unwrap();
    let whole = std::fs::read(order.path("grey.png")).unwrap();
    std::fs::write(order.path("cut.png"), &whole[..whole.len() / 2]).unwrap();
    refused(
        &mut order.command(&["resize"]),
        "begin the order with `camera`",
    );
    let cases = [
        ("gone.jpg", "is not there"),
        ("text.png", "is not a JPEG, PNG, WebP or TIFF picture"),
        ("empty.png", "is not a JPEG, PNG, WebP or TIFF picture"),
        (".", "is not a JPEG, PNG, WebP or TIFF picture"),
        ("cut.png", "is damaged"),
        ("grey.png/x", "is not there"),
    ];
    for task in ["resize", "denoise", "segment", "diagnose", "annotate"] {
        for (name, text) in cases {
            refused(&mut order.command(&[task, "--input", name]), text);
        }
    }
    for task in ["segment", "diagnose", "annotate"] {
        refused(
            &mut order.command(&[task, "--input", "grey.png"]),
            "no leaf found",
        );
    }
    refused(
        &mut order.command(&["camera", "--diseased", "0.95"]),
        "a share from 0 to 0.9",
    );
    refused(
        &mut order.command(&["camera", "--diseased", "NaN"]),
        "a share from 0 to 0.9",
    );
    refused(
        &mut order.command(&["camera", "--noise", "31"]),
        "grey levels from 0 to 30",
    );
    refused(
        &mut order.command(&["segment", "--input", "grey.png", "--threshold", "1.5"]),
        "from 0 to 1",
    );
    refused(
        &mut order.command(&["diagnose", "--input", "grey.png", "--threshold", "-0.9"]),
        "from -0.5 to 0.5",
    );
}

#[test]
fn a_bad_environment_is_one_clear_line_and_exit_code_2() {
    let order = Order::new();
    refused(
        order
            .command(&CAMERA)
            .env("PODOMETER_WORKSPACE", "/no/such/folder"),
        "workspace",
    );
    refused(
        order.command(&CAMERA).env("PODOMETER_POSITION", "-1"),
        "PODOMETER_POSITION",
    );
    refused(
        order.command(&CAMERA).env("PODOMETER_PROGRESS", "[{]"),
        "PODOMETER_PROGRESS is not",
    );
    let command = &mut order.command(&CAMERA);
    command
        .env_remove("PODOMETER_PROGRESS")
        .env("PODOMETER_PROGRESS_FILE", "/no/such/file");
    refused(command, "/no/such/file is not there");
}

#[test]
fn a_folder_that_cannot_be_written_is_exit_code_1() {
    let order = Order::new();
    let mut command = order.command(&[&CAMERA[..], &["--output", "no/such/folder.png"]].concat());
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("cannot write"),
        "{}",
        stderr(&output)
    );
}
