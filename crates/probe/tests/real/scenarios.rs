//! What is measured, and what must come out.

use std::process::ExitCode;

use probe::{Options, SourceKind};

use crate::groups::Groups;
use crate::runner::{Run, measure};

pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) needs_root: bool,
    run: fn(),
}

const fn tree(name: &'static str, run: fn()) -> Scenario {
    Scenario {
        name,
        needs_root: false,
        run,
    }
}

const fn v1(name: &'static str, run: fn()) -> Scenario {
    Scenario {
        name,
        needs_root: true,
        run,
    }
}

pub(crate) const ALL: &[Scenario] = &[
    tree("tree_busy", || {
        cpu(&tree_options(), &["busy", "1000", "1"], 1000)
    }),
    tree("tree_busy_two_threads", || {
        cpu(&tree_options(), &["busy", "500", "2"], 1000)
    }),
    tree("tree_children", || {
        cpu(&tree_options(), &["children", "100", "3"], 300)
    }),
    tree("tree_children_by_scan", || {
        cpu(
            &Options {
                children_files: false,
                ..tree_options()
            },
            &["children", "30", "10"],
            300,
        );
    }),
    tree("tree_detached", || {
        cpu(&tree_options(), &["detach", "500"], 500)
    }),
    tree("tree_thread_children", || {
        cpu(&tree_options(), &["thread_children", "2", "300"], 600)
    }),
    tree("tree_short", short),
    tree("tree_deaf", || bound(&["deaf", "5", "200"])),
    tree("tree_no_cld_wait", || bound(&["no_cld_wait", "5", "200"])),
    tree("tree_ramp", || ramp(&tree_options())),
    tree("tree_ramp_random", ramps_random),
    tree("tree_ramps_at_once", || ramps(&tree_options())),
    tree("tree_write", write),
    v1("v1_busy", || {
        with_v1(|options| cpu(options, &["busy", "1000", "2"], 2000))
    }),
    v1("v1_deaf", || with_v1(v1_deaf)),
    v1("v1_ramp", || with_v1(ramp)),
    v1("v1_ramps_at_once", || with_v1(ramps)),
];

/// Runs one; a failed check ends the process with 101.
pub(crate) fn run(name: &str) -> ExitCode {
    match ALL.iter().find(|scenario| scenario.name == name) {
        Some(scenario) => (scenario.run)(),
        None => return ExitCode::from(2),
    }
    ExitCode::SUCCESS
}

fn tree_options() -> Options {
    Options::default()
}

fn with_v1(check: impl FnOnce(&Options)) {
    let groups = Groups::enter().expect("v1 cgroups");
    let options = Options {
        own_cgroup: true,
        ..Options::default()
    };
    check(&options);
    assert!(groups.number("cpuacct.usage") > 0);
}

/// Within 0.1 % or 1 ms, the larger.
fn assert_close(measured: u64, truth: u64) {
    let allowed = (truth / 1000).max(1_000_000);
    let off = measured.abs_diff(truth);
    assert!(
        off <= allowed,
        "measured {measured}, truth {truth}, off by {off} ns"
    );
}

fn assert_never_falls(run: &Run) {
    for pair in run.readings.windows(2) {
        assert!(pair[0].cpu_usage_nsec <= pair[1].cpu_usage_nsec);
        assert!(pair[0].cpu_user_nsec <= pair[1].cpu_user_nsec);
        assert!(pair[0].cpu_system_nsec <= pair[1].cpu_system_nsec);
    }
    let last = run.last;
    let sum = last.cpu_user_nsec.unwrap() + last.cpu_system_nsec.unwrap();
    assert_eq!(Some(sum), last.cpu_usage_nsec);
}

/// All of the CPU time is found, at the end and (within what a reading can lag) before.
fn cpu(options: &Options, load: &[&str], at_least_millis: u64) {
    let run = measure(options, 100, load);
    let usage = run.last.cpu_usage_nsec.unwrap();
    println!(
        "{load:?}: {usage} ns, wait4 {} ns, {} readings",
        run.rusage_nsec,
        run.readings.len()
    );
    assert_close(usage, run.rusage_nsec);
    assert!(usage >= at_least_millis * 1_000_000);
    assert!(!run.last.cpu_lower_bound);
    assert_never_falls(&run);
    let before_last = run.readings[run.readings.len() - 2];
    assert!(
        before_last.cpu_usage_nsec.unwrap() > usage / 2,
        "seen while it ran: {before_last:?}"
    );
    let most = run
        .readings
        .iter()
        .filter_map(|reading| reading.threads)
        .max()
        .unwrap();
    assert!((1..=8).contains(&most), "{most} threads");
    assert_eq!((run.last.processes, run.last.threads), (Some(0), Some(0)));
}

fn short() {
    for _ in 0..20 {
        let run = measure(&tree_options(), 1000, &["busy", "10", "1"]);
        assert_close(run.last.cpu_usage_nsec.unwrap(), run.rusage_nsec);
        assert!(run.readings.len() >= 2);
    }
}

/// Children that leave no trace: flagged, and what was seen of them is kept.
fn bound(load: &[&str]) {
    let run = measure(&tree_options(), 20, load);
    let usage = run.last.cpu_usage_nsec.unwrap();
    println!(
        "{load:?}: {usage} ns of 1000 ms, wait4 {} ns",
        run.rusage_nsec
    );
    assert!(run.last.cpu_lower_bound);
    assert!(usage > 600_000_000, "{usage} ns");
    assert!(usage < 1_050_000_000, "{usage} ns is more than there was");
    assert_never_falls(&run);
}

fn v1_deaf(options: &Options) {
    let run = measure(options, 100, &["deaf", "5", "100"]);
    let usage = run.last.cpu_usage_nsec.unwrap();
    assert!(
        !run.last.cpu_lower_bound && (500_000_000..550_000_000).contains(&usage),
        "{usage}"
    );
}

const MIB: u64 = 1 << 20;

fn assert_peak_exact(run: &Run, mib: u64) {
    let (truth, peak) = (mib * MIB, run.peak.bytes.unwrap());
    println!("peak {peak}, ramp {truth}, {:?}", run.peak);
    assert!(run.peak.exact, "{:?}", run.peak);
    assert!(peak.abs_diff(truth) <= truth / 100, "{peak} of {truth}");
}

fn ramp(options: &Options) {
    let run = measure(options, 1000, &["ramp", "300", "1200", "300", "100"]);
    let own = if options.own_cgroup {
        SourceKind::CgroupV1
    } else {
        SourceKind::ProcessTree
    };
    assert_eq!(run.kind, own);
    assert_peak_exact(&run, 300);
}

/// Moments before, between and after samples; with an end before the next sample, too.
fn ramps_random() {
    for after in [300, 480, 700, 990, 1300] {
        let after = after.to_string();
        let run = measure(&tree_options(), 1000, &["ramp", "300", &after, "250", "0"]);
        assert_peak_exact(&run, 300);
    }
}

fn ramps(options: &Options) {
    let run = measure(options, 1000, &["ramps", "3", "100", "1200", "300"]);
    println!("{:?}", run.peak);
    assert!(!run.peak.exact);
    let bytes = run.peak.bytes.unwrap();
    assert!((95 * MIB..=310 * MIB).contains(&bytes), "{bytes}");
}

fn write() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("written");
    let run = measure(
        &tree_options(),
        100,
        &["write", "20", path.to_str().expect("path")],
    );
    assert!(run.last.write_chars.unwrap() >= 20 * MIB, "{:?}", run.last);
    assert!(run.last.write_chars.unwrap() < 20 * MIB + 4096);
    let written = run.last.io_write_bytes.unwrap();
    assert!(
        written == 0 || written >= 20 * MIB,
        "a disk or a tmpfs: {written}"
    );
}
