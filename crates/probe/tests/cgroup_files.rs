//! Temporary folders as the kernel: cgroups of both versions and the ways to find one's own.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::fs;
use std::path::{Path, PathBuf};

use probe::{Error, Options, Probe, Reading, SourceKind};

/// A `/proc` and a `/sys/fs/cgroup` in a temporary folder.
struct Machine {
    folder: tempfile::TempDir,
}

impl Machine {
    fn new() -> Self {
        let machine = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        machine.write("proc/self/statm", "9000 1000 600 1 0 2 0\n");
        machine.write("proc/self/status", "VmHWM:\t    4000 kB\n");
        machine.write("proc/self/io", &io(0, 0));
        machine
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> &Self {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    fn all(&self, folder: &str, files: &[(&str, &str)]) -> &Self {
        for (name, text) in files {
            self.write(&format!("{folder}/{name}"), text);
        }
        self
    }

    /// One line of mountinfo for each (root, mount point, type, options).
    fn mounts(&self, mounts: &[(&str, &str, &str, &str)]) -> &Self {
        let mut text = String::from("22 27 0:21 / /proc rw,relatime - proc proc rw\n");
        for (root, point, kind, options) in mounts {
            let point = self.path(point);
            let point = point.to_str().unwrap().replace(' ', "\\040");
            let line = [
                "32 31 0:29",
                root,
                &point,
                "rw shared:9 -",
                kind,
                kind,
                options,
            ]
            .join(" ");
            text.push_str(&line);
            text.push('\n');
        }
        self.write("proc/self/mountinfo", &text)
    }

    fn own(&self, text: &str) -> &Self {
        self.write("proc/self/cgroup", text)
    }

    fn options(&self) -> Options {
        Options {
            own_cgroup: true,
            proc_root: self.path("proc"),
            ..Options::default()
        }
    }

    fn probe(&self) -> Probe {
        Probe::open(&self.options()).unwrap()
    }

    /// The CPU time that one reading finds, when the baseline was 1 s less.
    fn finds_cgroup(&self, kind: SourceKind, file: &str, baseline: &str, later: &str) {
        self.write(file, baseline);
        let mut probe = self.probe();
        assert_eq!(probe.kind(), kind, "{:?}", probe.fallback_reason());
        assert!(probe.fallback_reason().is_none());
        probe.read();
        self.write(file, later);
        assert_eq!(probe.read().cpu_usage_nsec, Some(1_000_000_000));
    }

    fn finds_v2(&self, folder: &str) {
        let file = format!("{folder}/cpu.stat");
        self.finds_cgroup(
            SourceKind::CgroupV2,
            &file,
            "usage_usec 5\n",
            "usage_usec 1000005\n",
        );
    }

    fn finds_v1(&self, folder: &str) {
        let file = format!("{folder}/cpuacct.usage");
        self.finds_cgroup(SourceKind::CgroupV1, &file, "7\n", "1000000007\n");
    }
}

fn io(read: u64, written: u64) -> String {
    format!(
        "rchar: 1\nwchar: 1\nsyscr: 1\nsyscw: 1\nread_bytes: {read}\nwrite_bytes: {written}\n\
         cancelled_write_bytes: 0\n"
    )
}

const V2_START: &[(&str, &str)] = &[
    ("cgroup.events", "populated 1\nfrozen 0\n"),
    ("cgroup.procs", ""),
    (
        "cpu.stat",
        "usage_usec 1000\nuser_usec 600\nsystem_usec 400\nnice_usec 0\nnr_periods 10\n\
         nr_throttled 2\nthrottled_usec 50\n",
    ),
    ("memory.current", "3000000\n"),
    (
        "memory.stat",
        "anon 1000000\nfile 1500000\ninactive_file 500000\npgmajfault 3\n",
    ),
    ("memory.swap.current", "4096\n"),
    ("memory.peak", "9000000\n"),
    (
        "memory.events",
        "low 0\nhigh 0\nmax 1\noom 1\noom_kill 1\noom_group_kill 0\n",
    ),
    (
        "io.stat",
        "8:0 rbytes=4096 wbytes=8192 rios=1 wios=2 dbytes=0 dios=0\n",
    ),
    ("pids.current", "5\n"),
    (
        "cpu.pressure",
        "some avg10=0.00 avg60=0.00 avg300=0.00 total=100\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=7\n",
    ),
    (
        "memory.pressure",
        "some avg10=0.00 avg60=0.00 avg300=0.00 total=200\n",
    ),
    (
        "io.pressure",
        "some avg10=0.00 avg60=0.00 avg300=0.00 total=300\n",
    ),
];

const V2_LATER: &[(&str, &str)] = &[
    (
        "cpu.stat",
        "usage_usec 11000\nuser_usec 6600\nsystem_usec 4400\nnice_usec 0\nnr_periods 20\n\
         nr_throttled 5\nthrottled_usec 950\n",
    ),
    ("memory.current", "30000000\n"),
    (
        "memory.stat",
        "anon 20000000\nfile 1500000\ninactive_file 1000000\npgmajfault 10\n",
    ),
    ("memory.peak", "40000000\n"),
    (
        "memory.events",
        "low 0\nhigh 0\nmax 1\noom 1\noom_kill 3\noom_group_kill 0\n",
    ),
    (
        "io.stat",
        "8:0 rbytes=8192 wbytes=8192 rios=1 wios=2 dbytes=0 dios=0\n8:16 rbytes=1 wbytes=1 rios=1\n",
    ),
    ("pids.current", "6\n"),
    (
        "cpu.pressure",
        "some avg10=0.00 avg60=0.00 avg300=0.00 total=150\n",
    ),
    (
        "memory.pressure",
        "some avg10=0.00 avg60=0.00 avg300=0.00 total=260\n",
    ),
    (
        "io.pressure",
        "some avg10=0.00 avg60=0.00 avg300=0.00 total=370\n",
    ),
];

fn v2_at_root() -> Machine {
    let machine = Machine::new();
    machine
        .all("cgroup", V2_START)
        .own("0::/\n")
        .mounts(&[("/", "cgroup", "cgroup2", "rw")]);
    machine
}

#[test]
fn v2_of_which_the_caller_is_no_member() {
    let machine = v2_at_root();
    let mut probe = machine.probe();
    assert_eq!(probe.kind(), SourceKind::CgroupV2);
    let first = probe.read();
    assert_eq!((first.cpu_usage_nsec, first.oom_kill), (Some(0), Some(0)));
    assert_eq!(
        first.memory_anon_bytes,
        Some(1_000_000),
        "nothing is taken out"
    );
    machine.all("cgroup", V2_LATER);
    let expected = Reading {
        cpu_usage_nsec: Some(10_000_000),
        cpu_user_nsec: Some(6_000_000),
        cpu_system_nsec: Some(4_000_000),
        cpu_nr_throttled: Some(3),
        cpu_throttled_usec: Some(900),
        memory_working_set_bytes: Some(29_000_000),
        memory_anon_bytes: Some(20_000_000),
        memory_file_bytes: Some(1_500_000),
        memory_swap_bytes: Some(4096),
        memory_kernel_peak_bytes: Some(40_000_000),
        oom_kill: Some(2),
        io_read_bytes: Some(4097),
        io_write_bytes: Some(1),
        read_chars: Some(0),
        write_chars: Some(0),
        processes: Some(0),
        threads: Some(6),
        cpu_pressure_usec: Some(50),
        memory_pressure_usec: Some(60),
        io_pressure_usec: Some(70),
        major_faults: Some(7),
        ..Reading::default()
    };
    let now = probe.read();
    let own = (now.own_cpu_nsec, now.own_memory_bytes);
    assert!(own.0.is_some() && own.1.is_some());
    assert_eq!(
        now,
        Reading {
            own_cpu_nsec: own.0,
            own_memory_bytes: own.1,
            ..expected
        }
    );
}

#[test]
fn v2_with_the_caller_in_it() {
    let machine = v2_at_root();
    machine.write("cgroup/cgroup.procs", &format!("{}\n", std::process::id()));
    let mut probe = machine.probe();
    // The caller has 400 anonymous pages: more than the cgroup was charged for.
    assert_eq!(probe.read().memory_anon_bytes, Some(0));
    machine.all("cgroup", V2_LATER);
    machine.write("proc/self/io", &io(4096, 0));
    let own_before = probe.read().memory_anon_bytes;
    assert_eq!(
        own_before,
        Some(19_000_000),
        "what was charged to it at the baseline"
    );
    machine.write("proc/self/statm", "9000 1100 600 1 0 2 0\n");
    let now = probe.read();
    assert_eq!(
        now.memory_anon_bytes,
        Some(19_000_000 - 100 * 4096),
        "and what it grew by"
    );
    assert_eq!(now.io_read_bytes, Some(1), "the caller read the rest");
    let usage = now.cpu_usage_nsec.unwrap();
    assert!(
        usage <= 10_000_000,
        "the test's own CPU time is taken out: {usage}"
    );
}

#[test]
fn v2_files_that_are_missing_or_cut_off_are_none() {
    let machine = v2_at_root();
    for name in [
        "memory.peak",
        "io.stat",
        "cpu.pressure",
        "memory.swap.current",
    ] {
        fs::remove_file(machine.path("cgroup").join(name)).unwrap();
    }
    machine.write("cgroup/memory.events", "oom 0\noom_kill 1");
    machine.write(
        "cgroup/io.pressure",
        "some avg10=0.00 avg60=0.00 avg300=0.00 total=30",
    );
    machine.write("cgroup/pids.current", "max\n");
    let reading = machine.probe().read();
    assert_eq!(
        (reading.memory_kernel_peak_bytes, reading.memory_swap_bytes),
        (None, None)
    );
    assert_eq!(
        (reading.cpu_pressure_usec, reading.io_pressure_usec),
        (None, None)
    );
    assert_eq!(reading.memory_pressure_usec, Some(0));
    assert_eq!(reading.oom_kill, None);
    assert_eq!(reading.threads, Some(0), "the tree's");
    assert_eq!(reading.net_rx_bytes, None, "the network isn't the task's");
}

#[test]
fn a_counter_without_a_baseline_stays_none() {
    let machine = v2_at_root();
    machine.write("cgroup/memory.events", "oom_kill 1");
    let mut probe = machine.probe();
    probe.read();
    machine.write("cgroup/memory.events", "oom_kill 1\n");
    assert_eq!(probe.read().oom_kill, None);
}

#[test]
fn the_network_if_it_is_the_tasks() {
    let machine = v2_at_root();
    let head = "Inter-|   Receive  |  Transmit\n face |bytes |bytes\n";
    let dev = |rx: u64| {
        let lo = "    lo: 5 0 0 0 0 0 0 0 5 0 0 0 0 0 0 0\n";
        format!("{head}{lo}  eth0: {rx} 0 0 0 0 0 0 0 70 0 0 0 0 0 0 0\n")
    };
    machine.write("proc/self/net/dev", &dev(100));
    let mut probe = Probe::open(&Options {
        network: true,
        ..machine.options()
    })
    .unwrap();
    probe.read();
    machine.write("proc/self/net/dev", &dev(350));
    let now = probe.read();
    assert_eq!((now.net_rx_bytes, now.net_tx_bytes), (Some(250), Some(0)));
}

/// Files of a v1 cgroup with all controllers in one folder.
const V1: &[(&str, &str)] = &[
    ("cgroup.procs", ""),
    ("cpuacct.usage", "1000000\n"),
    ("cpuacct.usage_user", "3000\n"),
    ("cpuacct.usage_sys", "1000\n"),
    (
        "cpu.stat",
        "nr_periods 0\nnr_throttled 2\nthrottled_time 5000000\n",
    ),
    ("memory.usage_in_bytes", "3000000\n"),
    ("memory.max_usage_in_bytes", "5000000\n"),
    (
        "memory.stat",
        "cache 1\nrss 2\ntotal_cache 700\ntotal_rss 1000000\ntotal_swap 8192\n\
         total_pgmajfault 4\ntotal_inactive_file 500\n",
    ),
    (
        "memory.oom_control",
        "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n",
    ),
    ("pids.current", "3\n"),
    ("blkio.throttle.io_service_bytes", "Total 0\n"),
];

#[test]
fn v1_in_a_folder_that_the_launcher_names() {
    let machine = Machine::new();
    machine.all("one", V1);
    let options = Options {
        cgroup: Some(machine.path("one")),
        ..machine.options()
    };
    let mut probe = Probe::open(&options).unwrap();
    assert_eq!(probe.kind(), SourceKind::CgroupV1);
    probe.read();
    machine.all(
        "one",
        &[
            ("cpuacct.usage", "9000000\n"),
            ("cpuacct.usage_user", "6000\n"),
            ("cpuacct.usage_sys", "2000\n"),
            (
                "cpu.stat",
                "nr_periods 0\nnr_throttled 3\nthrottled_time 7000000\n",
            ),
            (
                "memory.oom_control",
                "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
            ),
        ],
    );
    let now = probe.read();
    assert_eq!(now.cpu_usage_nsec, Some(8_000_000));
    assert_eq!(
        (now.cpu_user_nsec, now.cpu_system_nsec),
        (Some(6_000_000), Some(2_000_000))
    );
    assert_eq!(
        (now.cpu_nr_throttled, now.cpu_throttled_usec),
        (Some(1), Some(2000))
    );
    assert_eq!(now.memory_working_set_bytes, Some(2_999_500));
    assert_eq!(
        (now.memory_anon_bytes, now.memory_file_bytes),
        (Some(1_000_000), Some(700))
    );
    assert_eq!(
        (now.memory_swap_bytes, now.memory_kernel_peak_bytes),
        (Some(8192), Some(5_000_000))
    );
    assert_eq!(
        (now.oom_kill, now.threads, now.major_faults),
        (Some(1), Some(3), Some(0))
    );
    assert_eq!(now.io_read_bytes, Some(0), "the tree's, which is empty");
}

#[test]
fn v1_without_the_newer_files_splits_by_ticks() {
    let machine = Machine::new();
    machine
        .all("one", V1)
        .write("one/cpuacct.stat", "user 30\nsystem 10\n");
    fs::remove_file(machine.path("one/cpuacct.usage_user")).unwrap();
    let options = Options {
        cgroup: Some(machine.path("one")),
        ..machine.options()
    };
    let mut probe = Probe::open(&options).unwrap();
    probe.read();
    machine.write("one/cpuacct.usage", "5000000\n");
    let now = probe.read();
    assert_eq!(
        (now.cpu_user_nsec, now.cpu_system_nsec),
        (Some(3_000_000), Some(1_000_000))
    );
}

const EVENTS: (&str, &str) = ("cgroup.events", "populated 1\n");
const MEMORY: (&str, &str) = ("memory.current", "1\n");

#[test]
fn v2_inside_a_cgroup_namespace() {
    let machine = Machine::new();
    machine.all("cgroup", &[EVENTS, MEMORY]).own("0::/\n");
    machine
        .mounts(&[("/", "cgroup", "cgroup2", "rw")])
        .finds_v2("cgroup");
}

#[test]
fn v2_in_a_container_without_a_cgroup_namespace() {
    let machine = Machine::new();
    machine
        .all("cgroup", &[EVENTS, MEMORY])
        .own("0::/kubepods/pod1/abc\n");
    machine
        .mounts(&[("/kubepods/pod1/abc", "cgroup", "cgroup2", "rw")])
        .finds_v2("cgroup");
}

/// Where the whole hierarchy is mounted, the container's own folder is far below, and its neighbours are
/// there as well.
#[test]
fn v2_in_a_container_that_sees_the_whole_hierarchy() {
    let machine = Machine::new();
    let own = "kubepods.slice/kubepods-pod1.slice/cri-containerd-abc.scope";
    machine
        .all("cgroup", &[("cgroup.procs", "")])
        .all(&format!("cgroup/{own}"), &[EVENTS, MEMORY])
        .own(&format!("0::/{own}\n"));
    machine
        .mounts(&[("/", "cgroup", "cgroup2", "ro")])
        .finds_v2(&format!("cgroup/{own}"));
}

#[test]
fn v2_on_the_host_with_escapes_of_systemd() {
    let machine = Machine::new();
    let name = "system.slice/podometer-run\\x2d1.scope";
    machine
        .all(&format!("sys fs/{name}"), &[EVENTS, MEMORY])
        .own(&format!("0::/{name}\n"));
    machine
        .mounts(&[("/", "sys fs", "cgroup2", "rw")])
        .finds_v2(&format!("sys fs/{name}"));
}

#[test]
fn v2_whose_mount_root_holds_an_escape() {
    let machine = Machine::new();
    machine
        .all("cgroup/inner", &[EVENTS, MEMORY])
        .own("0::/a\\x2db.slice/inner\n");
    machine
        .mounts(&[("/a\\134x2db.slice", "cgroup", "cgroup2", "rw")])
        .finds_v2("cgroup/inner");
}

#[test]
fn v2_mounted_from_outside_of_the_namespace() {
    let machine = Machine::new();
    let own = format!("{}\n", std::process::id());
    machine
        .all("cgroup", &[EVENTS, MEMORY, ("cgroup.procs", &own)])
        .own("0::/\n");
    let mounts = [("/../../pod1/abc", "cgroup", "cgroup2", "rw")];
    machine.mounts(&mounts);
    machine.write("cgroup/cpu.stat", "usage_usec 5\n");
    assert_eq!(machine.probe().kind(), SourceKind::CgroupV2);
}

#[test]
fn a_mount_of_a_namesake_is_not_taken() {
    let machine = Machine::new();
    machine
        .all("other", &[EVENTS, MEMORY])
        .all("right/b", &[EVENTS, MEMORY])
        .own("0::/pods/b\n");
    let mounts = [
        ("/pod", "other/none", "cgroup2", "rw"),
        ("/pods", "right", "cgroup2", "rw"),
    ];
    machine.mounts(&mounts).finds_v2("right/b");
}

fn hybrid(machine: &Machine, path: &str, root: &str) {
    machine.own(&format!(
        "9:name=systemd:/\n4:memory:{path}\n2:cpu,cpuacct:{path}\n0::/\n"
    ));
    machine.mounts(&[
        (root, "v1/cpu", "cgroup", "rw,cpu,cpuacct"),
        (root, "v1/memory", "cgroup", "rw,memory"),
        ("/", "v1/unified", "cgroup2", "rw"),
    ]);
    machine.write("v1/unified/cgroup.controllers", "hugetlb\n");
}

#[test]
fn hybrid_with_v1_controllers_beside_an_empty_v2() {
    let machine = Machine::new();
    hybrid(&machine, "/run/attempt", "/");
    machine.all("v1/cpu/run/attempt", &[("cgroup.procs", "")]);
    machine.write("v1/memory/run/attempt/memory.usage_in_bytes", "77\n");
    machine.write(
        "v1/memory/run/attempt/memory.stat",
        "total_rss 55\ntotal_inactive_file 7\n",
    );
    machine.finds_v1("v1/cpu/run/attempt");
    let reading = machine.probe().read();
    assert_eq!(reading.memory_working_set_bytes, Some(70));
    assert_eq!(reading.memory_anon_bytes, Some(55));
}

#[test]
fn hybrid_in_a_container_without_a_cgroup_namespace() {
    let machine = Machine::new();
    hybrid(&machine, "/docker/abc", "/docker/abc");
    machine.write("v1/memory/memory.usage_in_bytes", "77\n");
    machine.finds_v1("v1/cpu");
}

/// As a kubelet with the driver `cgroupfs` makes it, on a machine without v2: each controller's own folder
/// is mounted, and `/proc/self/cgroup` names it as the host does.
#[test]
fn v1_in_a_pod_without_a_cgroup_namespace() {
    let machine = Machine::new();
    let own = "/podometer-node/kubepods/burstable/pod0198c5d2/4fe1";
    machine.own(&format!(
        "8:pids:{own}\n4:memory:{own}\n2:cpuacct:{own}\n1:cpu:{own}\n0::/\n"
    ));
    machine.mounts(&[
        (own, "cgroup/cpu", "cgroup", "ro,cpu"),
        (own, "cgroup/cpuacct", "cgroup", "ro,cpuacct"),
        (own, "cgroup/memory", "cgroup", "ro,memory"),
        (own, "cgroup/pids", "cgroup", "ro,pids"),
    ]);
    in_a_pod_with_v1(&machine);
}

/// All paths are `/` then, and nothing but the mounts themselves can be the cgroup.
#[test]
fn v1_in_a_pod_with_a_cgroup_namespace() {
    for root in ["/", "/../4fe1"] {
        let machine = Machine::new();
        machine.own("8:pids:/\n4:memory:/\n2:cpuacct:/\n1:cpu:/\n");
        machine.mounts(&[
            (root, "cgroup/cpu", "cgroup", "ro,cpu"),
            (root, "cgroup/cpuacct", "cgroup", "ro,cpuacct"),
            (root, "cgroup/memory", "cgroup", "ro,memory"),
            (root, "cgroup/pids", "cgroup", "ro,pids"),
        ]);
        in_a_pod_with_v1(&machine);
    }
}

fn in_a_pod_with_v1(machine: &Machine) {
    let own = format!("{}\n", std::process::id());
    for controller in ["cpu", "cpuacct", "memory", "pids"] {
        machine.write(&format!("cgroup/{controller}/cgroup.procs"), &own);
    }
    machine
        .write(
            "cgroup/cpu/cpu.stat",
            "nr_throttled 2\nthrottled_time 5000000\n",
        )
        .write("cgroup/memory/memory.usage_in_bytes", "30000000\n")
        .write("cgroup/memory/memory.max_usage_in_bytes", "50000000\n")
        .write(
            "cgroup/memory/memory.stat",
            "total_rss 20000000\ntotal_inactive_file 1000000\n",
        )
        .write("cgroup/memory/memory.oom_control", "oom_kill 0\n")
        .write("cgroup/pids/pids.current", "6\n")
        .write("cgroup/cpuacct/cpuacct.usage", "7000000000\n");
    let mut probe = machine.probe();
    assert_eq!(
        probe.kind(),
        SourceKind::CgroupV1,
        "{:?}",
        probe.fallback_reason()
    );
    assert_eq!(probe.read().memory_kernel_peak_bytes, Some(50_000_000));
    machine
        .write("cgroup/cpuacct/cpuacct.usage", "9000000000\n")
        .write(
            "cgroup/cpu/cpu.stat",
            "nr_throttled 3\nthrottled_time 6000000\n",
        )
        .write("cgroup/memory/memory.oom_control", "oom_kill 1\n");
    let now = probe.read();
    // The probe stands in the cgroup itself, so its own share is taken out.
    let used = now.cpu_usage_nsec.unwrap();
    assert!((1_000_000_000..2_000_000_000).contains(&used), "{used}");
    let anon = now.memory_anon_bytes.unwrap();
    assert!(anon < 20_000_000 && anon > 10_000_000, "{anon}");
    assert_eq!(
        (now.cpu_nr_throttled, now.cpu_throttled_usec),
        (Some(1), Some(1000))
    );
    assert_eq!(now.oom_kill, Some(1));
}

#[test]
fn hybrid_where_v2_counts_only_cpu_takes_v1() {
    let machine = Machine::new();
    hybrid(&machine, "/run/attempt", "/");
    machine.all("v1/unified", &[EVENTS, ("cpu.stat", "usage_usec 5\n")]);
    machine.write("v1/memory/run/attempt/memory.usage_in_bytes", "77\n");
    machine.finds_v1("v1/cpu/run/attempt");
}

#[test]
fn a_v1_controller_whose_cgroup_has_another_name_is_left_alone() {
    let machine = Machine::new();
    hybrid(&machine, "/run/attempt", "/");
    machine.own("4:memory:/session\n2:cpu,cpuacct:/run/attempt\n0::/\n");
    machine.write("v1/memory/session/memory.usage_in_bytes", "77\n");
    machine.finds_v1("v1/cpu/run/attempt");
    assert_eq!(
        machine.probe().read().memory_working_set_bytes,
        Some(0),
        "the tree's"
    );
}

fn falls_back(machine: &Machine) -> String {
    let probe = machine.probe();
    assert_eq!(probe.kind(), SourceKind::ProcessTree);
    let reason = probe.fallback_reason().unwrap().to_string();
    reason.replace(machine.folder.path().to_str().unwrap(), "")
}

#[test]
fn the_machines_root_cgroup_is_refused() {
    let machine = Machine::new();
    machine
        .write("cgroup/cpu.stat", "usage_usec 5\n")
        .own("0::/\n");
    machine.mounts(&[("/", "cgroup", "cgroup2", "rw")]);
    let expected = "/cgroup is the root cgroup and counts the whole machine; start the runner in a \
        cgroup of its own";
    assert_eq!(falls_back(&machine), expected);
    hybrid(&machine, "/", "/");
    machine.all("v1/cpu", &[("release_agent", ""), ("cpuacct.usage", "1\n")]);
    assert!(falls_back(&machine).starts_with("/v1/cpu is the root cgroup"));
}

#[test]
fn other_reasons_name_the_file_and_what_to_do() {
    let machine = Machine::new();
    let reason = falls_back(&machine);
    assert!(
        reason.starts_with("can't read /proc/self/cgroup: No such file"),
        "{reason}"
    );
    machine.own("0::/a\n");
    assert!(falls_back(&machine).starts_with("can't read /proc/self/mountinfo"));
    machine.mounts(&[]);
    assert!(falls_back(&machine).contains("no mount in mountinfo shows it; mount cgroupfs"));
    machine
        .mounts(&[("/", "cgroup", "cgroup2", "rw")])
        .all("cgroup/a", &[EVENTS, MEMORY]);
    assert!(falls_back(&machine).starts_with("the cgroup /cgroup/a has no CPU counter (cpu.stat)"));
    machine.write("cgroup/a/cpu.stat", "usage_usec 5");
    assert!(falls_back(&machine).contains("no CPU counter"), "cut off");
}

#[test]
fn a_missing_proc_is_an_error() {
    let options = Options {
        proc_root: PathBuf::from("/nowhere"),
        ..Options::default()
    };
    let error = Probe::open(&options).unwrap_err();
    assert!(
        matches!(&error, Error::Unreadable { path, .. } if path == Path::new("/nowhere/self/statm"))
    );
}
