//! The files of a cgroup as kernels write them, v2 of Linux 6.12 and v1 of 6.18, on tmpfs.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use tempfile::TempDir;

/// A file's name and text; `cgroup.procs` is added.
pub(super) type File = (&'static str, &'static str);

/// Version 2.
pub(super) const V2: &[File] = &[
    ("cgroup.events", "populated 1\nfrozen 0\n"),
    (
        "cpu.stat",
        "usage_usec 2384711\nuser_usec 1894032\nsystem_usec 490678\nnice_usec 0\n\
         core_sched.force_idle_usec 0\nnr_periods 24\nnr_throttled 3\nthrottled_usec 71503\n\
         nr_bursts 0\nburst_usec 0\n",
    ),
    ("memory.current", "318767104\n"),
    ("memory.peak", "401604608\n"),
    ("memory.swap.current", "0\n"),
    (
        "memory.events",
        "low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\noom_group_kill 0\n",
    ),
    ("memory.stat", V2_MEMORY_STAT),
    (
        "io.stat",
        "259:0 rbytes=10485760 wbytes=209715200 rios=320 wios=1620 dbytes=0 dios=0\n\
         253:0 rbytes=10485760 wbytes=209715200 rios=320 wios=1620 dbytes=0 dios=0\n",
    ),
    ("pids.current", "11\n"),
    ("cpu.pressure", PRESSURE),
    ("memory.pressure", PRESSURE),
    ("io.pressure", PRESSURE),
];

const PRESSURE: &str = "some avg10=1.53 avg60=0.87 avg300=0.24 total=4719034\n\
                        full avg10=0.00 avg60=0.00 avg300=0.00 total=183044\n";

const V2_MEMORY_STAT: &str = "\
anon 104857600
file 209715200
kernel 4194304
kernel_stack 196608
pagetables 1265664
sec_pagetables 0
percpu 1152
sock 0
vmalloc 0
shmem 0
zswap 0
zswapped 0
file_mapped 8388608
file_dirty 135168
file_writeback 0
swapcached 0
anon_thp 0
file_thp 0
shmem_thp 0
inactive_anon 104853504
active_anon 4096
inactive_file 150994944
active_file 58720256
unevictable 0
slab_reclaimable 1835008
slab_unreclaimable 524288
slab 2359296
workingset_refault_anon 0
workingset_refault_file 0
workingset_activate_anon 0
workingset_activate_file 0
workingset_restore_anon 0
workingset_restore_file 0
workingset_nodereclaim 0
pswpin 0
pswpout 0
pgscan 0
pgsteal 0
pgscan_kswapd 0
pgscan_direct 0
pgscan_khugepaged 0
pgscan_proactive 0
pgsteal_kswapd 0
pgsteal_direct 0
pgsteal_khugepaged 0
pgsteal_proactive 0
pgfault 104012
pgmajfault 17
pgrefill 0
pgactivate 14336
pgdeactivate 0
pglazyfree 0
pglazyfreed 0
swpin_zero 0
swpout_zero 0
zswpin 0
zswpout 0
zswpwb 0
thp_fault_alloc 0
thp_collapse_alloc 0
thp_swpout 0
thp_swpout_fallback 0
";

/// Version 1, all hierarchies in one folder.
pub(super) const V1: &[File] = &[
    ("cpuacct.usage", "2384711904\n"),
    ("cpuacct.usage_user", "1894032551\n"),
    ("cpuacct.usage_sys", "490679353\n"),
    ("cpuacct.stat", "user 189\nsystem 49\n"),
    (
        "cpu.stat",
        "nr_periods 24\nnr_throttled 3\nthrottled_time 71503000\n\
         nr_bursts 0\nburst_time 0\nwait_sum 401885\n",
    ),
    ("memory.usage_in_bytes", "318767104\n"),
    ("memory.max_usage_in_bytes", "401604608\n"),
    (
        "memory.oom_control",
        "oom_kill_disable 0\nunder_oom 0\noom_kill 0\n",
    ),
    ("memory.stat", V1_MEMORY_STAT),
    ("pids.current", "11\n"),
];

const V1_MEMORY_STAT: &str = "\
cache 209715200
rss 104857600
shmem 0
mapped_file 8388608
dirty 135168
writeback 0
workingset_refault_anon 0
workingset_refault_file 0
swap 0
swapcached 0
pgpgin 103988
pgpgout 27188
pgfault 104012
pgmajfault 17
inactive_anon 104853504
active_anon 4096
inactive_file 150994944
active_file 58720256
unevictable 0
hierarchical_memory_limit 9223372036854771712
hierarchical_memsw_limit 9223372036854771712
total_cache 209715200
total_rss 104857600
total_shmem 0
total_mapped_file 8388608
total_dirty 135168
total_writeback 0
total_workingset_refault_anon 0
total_workingset_refault_file 0
total_swap 0
total_swapcached 0
total_pgpgin 103988
total_pgpgout 27188
total_pgfault 104012
total_pgmajfault 17
total_inactive_anon 104853504
total_active_anon 4096
total_inactive_file 150994944
total_active_file 58720256
total_unevictable 0
";

/// Writes them, with this process as a member.
pub(super) fn write(files: &[File]) -> Result<TempDir> {
    let shm = Path::new("/dev/shm");
    let mut folder = tempfile::Builder::new();
    let folder = folder.prefix("podometer-bench-").tempdir_in(shm);
    let folder = folder.context("no tmpfs at /dev/shm")?;
    let procs = ("cgroup.procs", format!("{}\n", std::process::id()));
    let all = files
        .iter()
        .map(|(name, text)| (*name, (*text).to_owned()))
        .chain([procs]);
    for (name, text) in all {
        fs::write(folder.path().join(name), text).context(name)?;
    }
    Ok(folder)
}
