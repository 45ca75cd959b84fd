//! The API does what its document says: schemathesis makes requests from it, good and bad ones, and looks at
//! the answers.

use std::{path::Path, process::Stdio, time::Duration};

use tokio::{process::Command, time::timeout};

use crate::given::*;

/// Installing takes a while the first time.
const LIMIT: Duration = Duration::from_mins(5);

/// All checks are on but this: a schema can't say which tasks there are, nor how high a number of retries may be.
const CONFIG: &str = r#"
[[operations]]
include-name = "POST /api/orders"
checks.positive_data_acceptance.enabled = false
"#;

/// The program; `None` where tests without what has to be fetched are wanted.
async fn program() -> Option<String> {
    if std::env::var("PODOMETER_TEST_FAST").as_deref() == Ok("1") {
        eprintln!("not run: it needs schemathesis from PyPI");
        return None;
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/stack/schemathesis.sh");
    let mut script = Command::new(script);
    script.stderr(Stdio::inherit()).kill_on_drop(true);
    let said = timeout(LIMIT, script.output()).await.unwrap().unwrap();
    assert!(said.status.success(), "schemathesis can't be installed");
    Some(String::from_utf8(said.stdout).unwrap().trim().to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_api_does_what_its_document_says() {
    let Some(program) = program().await else {
        return;
    };
    let mut limits = limits();
    (limits.posts_per_second, limits.posts_at_once) = (1e6, 1e6);
    (limits.sign_ins_per_second, limits.sign_ins_at_once) = (1e6, 1e6);
    let given = Given::with(limits, None).await;
    for n in 1..=3 {
        given.ended(n).await;
    }
    given.register(4).await;
    given
        .ingest(
            4,
            vec![
                started(key(4, 0, 1), "resize"),
                sample(key(4, 0, 1), "resize", 0),
            ],
        )
        .await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("schemathesis.toml"), CONFIG).unwrap();
    let mut tried = Command::new(program);
    tried
        .args(["run", &format!("http://{}/api/openapi.json", given.address)])
        .args(["--phases", "examples,coverage,fuzzing,stateful"])
        .args([
            "--seed",
            "1",
            "-n",
            "12",
            "--max-time",
            "40",
            "--generation-database",
            "none",
        ])
        // It has no end; the tests of events read it.
        .args(["--exclude-path", "/api/events"])
        .args([
            "--continue-on-failure",
            "--request-timeout",
            "20",
            "--no-color",
        ])
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let said = timeout(LIMIT, tried.output()).await.unwrap().unwrap();
    let text = String::from_utf8_lossy(&said.stdout);
    assert!(
        said.status.success(),
        "{text}\n{}",
        String::from_utf8_lossy(&said.stderr)
    );
    assert!(
        !given.posted.lock().unwrap().is_empty(),
        "nothing was posted: {text}"
    );
}
