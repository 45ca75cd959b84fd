//! The loads do what they say. Without cgroups, so that nobody needs to be root.

use std::{
    fs,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

/// Runs a load to its end; what it said.
fn said(load: &[&str]) -> Value {
    let folder = tempfile::tempdir().expect("a folder");
    let note = folder.path().join("note");
    let mut child = Command::new(env!("CARGO_BIN_EXE_bench"))
        .args(["load", "--bare", "--truth"])
        .arg(&note)
        .args(load)
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .spawn()
        .expect("the load starts");
    let give_up = Instant::now() + Duration::from_secs(30);
    let status = loop {
        if let Some(status) = child.try_wait().expect("wait") {
            break status;
        }
        if Instant::now() > give_up {
            child.kill().expect("kill");
            child.wait().expect("wait");
            panic!("{load:?} does not end");
        }
        thread::sleep(Duration::from_millis(5));
    };
    assert!(status.success(), "{load:?}: {status}");
    let text = fs::read(note.with_extension("said")).expect("a note");
    serde_json::from_slice(&text).expect("JSON")
}

fn seconds(said: &Value) -> f64 {
    let at = |name: &str| said[name].as_f64().expect("a time");
    (at("ended_nsec") - at("began_nsec")) / 1e9
}

#[test]
fn cpu_loads_burn_at_least_what_they_say() {
    for (load, least) in [
        (["busy", "60", "2"], 0.06),
        (["children", "6", "10"], 0.06),
        (["deaf", "6", "10"], 0.06),
    ] {
        assert!(seconds(&said(&load)) >= least, "{load:?}");
    }
    assert!(seconds(&said(&["detach", "60"])) >= 0.06);
}

#[test]
fn a_ramp_counts_its_pages() {
    const MIB: u64 = 1 << 20;
    for processes in ["1", "3"] {
        let said = said(&["ramp", "20", "10", processes]);
        let count: u64 = processes.parse().expect("a number");
        let peak = said["anon_peak_bytes"].as_u64().expect("a peak");
        let least = 20 * count * MIB;
        assert!((least..least + 3 * count * MIB).contains(&peak), "{peak}");
    }
}

#[test]
fn a_write_says_how_much() {
    assert_eq!(said(&["write", "3"])["written_bytes"], 3 << 20);
    assert!(seconds(&said(&["noop"])) < 1.0);
}
