//! What is measured, and what must come out.

use std::process::ExitCode;
use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use probe::{Options, SourceKind};

use crate::groups::Groups;
use crate::runner::{Run, cost_of, measure, measure_with};

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

const fn root(name: &'static str, run: fn()) -> Scenario {
    Scenario {
        name,
        needs_root: true,
        run,
    }
}

pub(crate) const ALL: &[Scenario] = &[
    tree("tree_busy", || cpu(&["busy", "1000", "1"], 1000)),
    tree("tree_busy_two_threads", || cpu(&["busy", "500", "2"], 1000)),
    tree("tree_children", || cpu(&["children", "100", "3"], 300)),
    tree("tree_children_by_scan", by_scan),
    tree("tree_detached", || cpu(&["detach", "500"], 500)),
    tree("tree_thread_children", || {
        cpu(&["thread_children", "2", "300"], 600);
    }),
    tree("tree_many_at_once", many),
    tree("tree_short", short),
    tree("tree_deaf", || bound(&["deaf", "5", "200"])),
    tree("tree_no_cld_wait", || bound(&["no_cld_wait", "5", "200"])),
    tree("tree_ramp", || ramp(&Options::default(), "ramp")),
    tree("tree_ramp_in_a_thread", || {
        ramp(&Options::default(), "ramp_in_a_thread");
    }),
    tree("tree_ramp_after_exec", || {
        ramp(&Options::default(), "ramp_after_exec");
    }),
    tree("tree_ramp_random", ramps_random),
    tree("tree_ramp_below_the_runner", ramp_below),
    tree("tree_ramps_at_once", || ramps(&Options::default())),
    tree("tree_write", write),
    tree("tree_cost", cost),
    tree("cgroup_cost", cgroup_cost),
    root("tree_unprivileged", unprivileged),
    root("tree_unprivileged_short", unprivileged_short),
    root("v2_cpu", v2_cpu),
    root("v1_busy", || {
        with_v1(|options| cpu_of(options, &["busy", "1000", "2"], 2000));
    }),
    root("v1_short", || with_v1(v1_short)),
    root("v1_deaf", || with_v1(v1_deaf)),
    root("v1_ramp", || with_v1(|options| ramp(options, "ramp"))),
    root("v1_ramps_at_once", || with_v1(ramps)),
    root("v1_memory", || with_v1(v1_memory)),
];

/// Runs one; a failed check ends the process with 101.
pub(crate) fn run(name: &str) -> ExitCode {
    match ALL.iter().find(|scenario| scenario.name == name) {
        Some(scenario) => (scenario.run)(),
        None => return ExitCode::from(2),
    }
    ExitCode::SUCCESS
}

fn by_scan() {
    let options = Options {
        children_files: false,
        ..Options::default()
    };
    cpu_of(&options, &["children", "30", "10"], 300);
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

fn cpu(load: &[&str], at_least_millis: u64) {
    cpu_of(&Options::default(), load, at_least_millis);
}

/// All of the CPU time is found, at the end and (within what a reading can lag) before.
fn cpu_of(options: &Options, load: &[&str], at_least_millis: u64) {
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
        before_last.cpu_usage_nsec.unwrap() > usage / 4,
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
        let run = measure(&Options::default(), 1000, &["busy", "10", "1"]);
        assert_close(run.last.cpu_usage_nsec.unwrap(), run.rusage_nsec);
        assert!(run.readings.len() >= 2);
    }
}

/// Children that leave no trace: flagged, and what was seen of them is kept.
fn bound(load: &[&str]) {
    let run = measure(&Options::default(), 20, load);
    let usage = run.last.cpu_usage_nsec.unwrap();
    println!(
        "{load:?}: {usage} ns of 1000 ms, wait4 {} ns",
        run.rusage_nsec
    );
    assert!(run.last.cpu_lower_bound);
    assert!(usage > 400_000_000, "{usage} ns");
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

fn ramp(options: &Options, load: &str) {
    let run = measure(options, 1000, &[load, "300", "1200", "300", "100"]);
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
        let run = measure(
            &Options::default(),
            1000,
            &["ramp", "300", &after, "250", "0"],
        );
        assert_peak_exact(&run, 300);
    }
}

/// A task smaller than its runner has taken over the runner's high-water mark: only a bound.
fn ramp_below() {
    let ballast = vec![1_u8; 80 << 20];
    std::hint::black_box(&ballast);
    let run = measure(
        &Options::default(),
        1000,
        &["ramp", "40", "1200", "300", "100"],
    );
    println!("{:?}", run.peak);
    assert!(!run.peak.exact || run.peak.bytes.unwrap().abs_diff(40 * MIB) < MIB / 2);
    assert!(run.peak.bytes.unwrap() <= 41 * MIB);
}

/// More processes than descriptors are held for.
fn many() {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, 64, hard).unwrap();
    let run = measure(&Options::default(), 100, &["at_once", "60", "10", "1500"]);
    setrlimit(Resource::RLIMIT_NOFILE, soft, hard).unwrap();
    assert_close(run.last.cpu_usage_nsec.unwrap(), run.rusage_nsec);
    assert!(!run.last.cpu_lower_bound);
    let most = run
        .readings
        .iter()
        .filter_map(|reading| reading.processes)
        .max();
    assert!(most > Some(40), "{most:?}");
    assert!(run.last.write_chars.is_some());
    assert_never_falls(&run);
}

fn become_nobody() {
    nix::unistd::setgid(65534.into()).unwrap();
    nix::unistd::setuid(65534.into()).unwrap();
    // Changing the user took that away; a runner that was started as one has it.
    nix::sys::prctl::set_dumpable(true).unwrap();
}

/// As another user and not dumpable, as the runner is in a container.
fn unprivileged() {
    become_nobody();
    let run = measure_with(&Options::default(), 100, &["children", "20", "10"], || {
        nix::sys::prctl::set_dumpable(false).unwrap();
    });
    assert_close(run.last.cpu_usage_nsec.unwrap(), run.rusage_nsec);
    assert!(run.last.write_chars.is_some() && run.last.io_read_bytes.is_some());
    assert!(run.last.own_memory_bytes.is_some());
    let most = run
        .readings
        .iter()
        .filter_map(|reading| reading.memory_anon_bytes)
        .max();
    assert!(most > Some(0));
}

/// The unified hierarchy counts CPU time even where v1 has the controllers.
fn v2_cpu() {
    let Some(_groups) = Groups::enter_v2() else {
        println!("NOT RUN: v2_cpu can't make a cgroup in a unified hierarchy");
        return;
    };
    let options = Options {
        own_cgroup: true,
        ..Options::default()
    };
    for load in [
        &["busy", "500", "2"][..],
        &["busy", "10", "1"],
        &["deaf", "3", "50"],
    ] {
        let run = measure(&options, 100, load);
        assert_eq!(run.kind, SourceKind::CgroupV2);
        let usage = run.last.cpu_usage_nsec.unwrap();
        println!("{load:?}: {usage} ns, wait4 {} ns", run.rusage_nsec);
        if load[0] == "deaf" {
            assert!(usage >= 150_000_000);
        } else {
            assert_close(usage, run.rusage_nsec);
        }
        assert!(!run.last.cpu_lower_bound);
        assert_never_falls(&run);
    }
}

fn v1_short(options: &Options) {
    for _ in 0..20 {
        let run = measure(options, 1000, &["busy", "10", "1"]);
        assert_close(run.last.cpu_usage_nsec.unwrap(), run.rusage_nsec);
    }
}

/// The caller's memory is taken out, also what it had before it entered the cgroup.
fn v1_memory(options: &Options) {
    let ballast = vec![1_u8; 30 << 20];
    std::hint::black_box(&ballast);
    let run = measure(options, 1000, &["hold", "50", "400"]);
    assert_eq!(run.kind, SourceKind::CgroupV1);
    let most = run
        .readings
        .iter()
        .filter_map(|reading| reading.memory_anon_bytes)
        .max()
        .unwrap();
    println!("anon {most}, {:?}", run.readings[5]);
    assert!((49 * MIB..=52 * MIB).contains(&most), "{most}");
    assert!(run.last.memory_kernel_peak_bytes.unwrap() >= 50 * MIB);
    assert!(
        run.last.memory_anon_bytes.unwrap() < 2 * MIB,
        "{:?}",
        run.last
    );
    assert_eq!((run.last.threads, run.last.oom_kill), (Some(0), Some(0)));
    assert_eq!(run.last.cpu_pressure_usec, None, "v1 has none");
}

/// Many short tasks: their `io` can only be had before they end, or on the way.
fn unprivileged_short() {
    become_nobody();
    for _ in 0..30 {
        nix::sys::prctl::set_dumpable(true).unwrap();
        let run = measure_with(&Options::default(), 1000, &["print", "3000"], || {
            nix::sys::prctl::set_dumpable(false).unwrap();
        });
        let written = run.last.write_chars.unwrap();
        assert!((3000..3100).contains(&written), "{written}");
    }
}

/// What one reading of a tree of 10 processes costs, in CPU time of this process.
fn cost() {
    let scan = Options {
        children_files: false,
        ..Options::default()
    };
    let quiet = ["asleep", "9"];
    let restless = ["restless", "9"];
    let own = Options::default();
    for (what, options, load) in [
        ("asleep", &own, &quiet[..]),
        ("restless", &own, &restless[..]),
        ("restless, scanned", &scan, &restless[..]),
    ] {
        for millis in [0, 10] {
            let usec = cost_of(options, load, 10, Duration::from_millis(millis));
            println!("one reading of 10 processes, {what}, every {millis} ms: {usec:.1} us");
            assert!(usec < 5000.0);
        }
    }
}

/// The same of a v2 cgroup, whose files are ordinary ones in memory, with one process.
fn cgroup_cost() {
    let memory = std::path::Path::new("/dev/shm");
    let memory = if memory.is_dir() {
        memory
    } else {
        std::path::Path::new("/tmp")
    };
    let folder = tempfile::tempdir_in(memory).unwrap();
    let many = (0..45)
        .map(|line| format!("some_counter_{line} 123456789\n"))
        .collect::<Vec<_>>();
    let some = "some avg10=0.00 avg60=0.00 avg300=0.00 total=1\nfull avg10=0.00 total=1\n";
    for (name, text) in [
        (
            "cpu.stat",
            "usage_usec 1\nuser_usec 1\nsystem_usec 0\nnr_throttled 0\n",
        ),
        ("memory.current", "1\n"),
        (
            "memory.stat",
            &["anon 1\nfile 1\ninactive_file 1\n", &many.concat()].concat(),
        ),
        ("memory.swap.current", "0\n"),
        ("memory.peak", "1\n"),
        ("memory.events", "low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\n"),
        (
            "io.stat",
            "8:0 rbytes=1 wbytes=1 rios=1 wios=1 dbytes=0 dios=0\n",
        ),
        ("pids.current", "1\n"),
        ("cpu.pressure", some),
        ("memory.pressure", some),
        ("io.pressure", some),
    ] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let cgroup = Some(folder.path().to_owned());
    let options = Options {
        own_cgroup: true,
        cgroup,
        ..Options::default()
    };
    let usec = cost_of(&options, &["asleep", "0"], 1, Duration::ZERO);
    println!("one reading of a cgroup's files and 1 process: {usec:.1} us");
    assert!(usec < 5000.0);
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
        &Options::default(),
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
