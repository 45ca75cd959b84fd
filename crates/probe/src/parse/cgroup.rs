//! The files of a cgroup, v2 and v1. Kernel names are kept.

use super::{lines, number, pairs, whole};

/// `cpu.stat` of either version: what it has of these.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct CpuStat {
    pub(crate) usage_usec: Option<u64>,
    pub(crate) user_usec: Option<u64>,
    pub(crate) system_usec: Option<u64>,
    pub(crate) nr_throttled: Option<u64>,
    /// v2.
    pub(crate) throttled_usec: Option<u64>,
    /// v1, nanoseconds.
    pub(crate) throttled_time: Option<u64>,
}

/// Parses `cpu.stat`.
pub(crate) fn cpu_stat(text: &[u8]) -> CpuStat {
    let mut stat = CpuStat::default();
    for (key, value) in pairs(text) {
        match key {
            b"usage_usec" => stat.usage_usec = Some(value),
            b"user_usec" => stat.user_usec = Some(value),
            b"system_usec" => stat.system_usec = Some(value),
            b"nr_throttled" => stat.nr_throttled = Some(value),
            b"throttled_usec" => stat.throttled_usec = Some(value),
            b"throttled_time" => stat.throttled_time = Some(value),
            _ => {}
        }
    }
    stat
}

/// v2 `memory.stat`, bytes and counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct MemoryStat {
    pub(crate) anon: Option<u64>,
    pub(crate) file: Option<u64>,
    pub(crate) inactive_file: Option<u64>,
    pub(crate) pgmajfault: Option<u64>,
}

/// Parses v2 `memory.stat`.
pub(crate) fn memory_stat(text: &[u8]) -> MemoryStat {
    let mut stat = MemoryStat::default();
    for (key, value) in pairs(text) {
        match key {
            b"anon" => stat.anon = Some(value),
            b"file" => stat.file = Some(value),
            b"inactive_file" => stat.inactive_file = Some(value),
            b"pgmajfault" => stat.pgmajfault = Some(value),
            _ => {}
        }
    }
    stat
}

/// v1 `memory.stat`: the fields that include descendant cgroups.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[allow(clippy::struct_field_names, reason = "the kernel's names")]
pub(crate) struct V1MemoryStat {
    pub(crate) total_rss: Option<u64>,
    pub(crate) total_cache: Option<u64>,
    pub(crate) total_inactive_file: Option<u64>,
    pub(crate) total_swap: Option<u64>,
    pub(crate) total_pgmajfault: Option<u64>,
}

/// Parses v1 `memory.stat`.
pub(crate) fn v1_memory_stat(text: &[u8]) -> V1MemoryStat {
    let mut stat = V1MemoryStat::default();
    for (key, value) in pairs(text) {
        match key {
            b"total_rss" => stat.total_rss = Some(value),
            b"total_cache" => stat.total_cache = Some(value),
            b"total_inactive_file" => stat.total_inactive_file = Some(value),
            b"total_swap" => stat.total_swap = Some(value),
            b"total_pgmajfault" => stat.total_pgmajfault = Some(value),
            _ => {}
        }
    }
    stat
}

/// v1 `cpuacct.stat`, clock ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct V1CpuacctStat {
    pub(crate) user_ticks: u64,
    pub(crate) system_ticks: u64,
}

/// Parses v1 `cpuacct.stat`.
pub(crate) fn v1_cpuacct_stat(text: &[u8]) -> Option<V1CpuacctStat> {
    let of = |name: &[u8]| {
        pairs(text)
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value)
    };
    Some(V1CpuacctStat {
        user_ticks: of(b"user")?,
        system_ticks: of(b"system")?,
    })
}

/// The line `oom_kill` of v2 `memory.events` or v1 `memory.oom_control`.
pub(crate) fn oom_kill(text: &[u8]) -> Option<u64> {
    pairs(text)
        .find(|(key, _)| *key == b"oom_kill")
        .map(|(_, value)| value)
}

/// v2 `io.stat`: `rbytes` and `wbytes`, each summed over the devices. An empty file says that the
/// cgroup has not touched a device yet; one that is cut off is `None`.
pub(crate) fn io_stat(text: &[u8]) -> Option<(u64, u64)> {
    if !text.is_empty() && !text.ends_with(b"\n") {
        return None;
    }
    let (mut read, mut written) = (0_u64, 0_u64);
    for word in lines(text).flat_map(|line| line.split(|byte| *byte == b' ')) {
        if let Some(value) = word.strip_prefix(b"rbytes=") {
            read = read.checked_add(whole(value)?)?;
        } else if let Some(value) = word.strip_prefix(b"wbytes=") {
            written = written.checked_add(whole(value)?)?;
        }
    }
    Some((read, written))
}

/// `total=` of the line `some` of a v2 pressure file, microseconds.
pub(crate) fn pressure_some(text: &[u8]) -> Option<u64> {
    let line = lines(text).find_map(|line| line.strip_prefix(b"some "))?;
    let total = line
        .split(|byte| *byte == b' ')
        .find_map(|word| word.strip_prefix(b"total="))?;
    number(total).and_then(|(value, rest)| rest.is_empty().then_some(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn io_stat_sums_devices() {
        let text = b"8:0 rbytes=4096 wbytes=10 rios=1 wios=1 dbytes=0 dios=0\n254:0 \n\
            8:16 rbytes=1 wbytes=2 rios=1 wios=1 dbytes=0 dios=0\n";
        assert_eq!(io_stat(text), Some((4097, 12)));
        assert_eq!(io_stat(b""), Some((0, 0)));
    }

    #[test]
    fn oom_kill_is_not_oom() {
        assert_eq!(
            oom_kill(b"low 0\noom 3\noom_kill 2\noom_group_kill 1\n"),
            Some(2)
        );
        assert_eq!(oom_kill(b"oom_kill_disable 0\nunder_oom 0\n"), None);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(text: Vec<u8>) {
            let _ = (cpu_stat(&text), memory_stat(&text), v1_memory_stat(&text), io_stat(&text));
            let _ = (v1_cpuacct_stat(&text), oom_kill(&text), pressure_some(&text));
        }

        #[test]
        fn printed_cpu_stat_parses_back(usage: u64, user: u64, throttled: u64) {
            let text = format!("usage_usec {usage}\nuser_usec {user}\nnr_periods 0\nthrottled_usec {throttled}\n");
            let stat = cpu_stat(text.as_bytes());
            prop_assert_eq!((stat.usage_usec, stat.user_usec), (Some(usage), Some(user)));
            prop_assert_eq!(stat.throttled_usec, Some(throttled));
            prop_assert_eq!(cpu_stat(&text.as_bytes()[..text.len() - 1]).throttled_usec, None);
        }

        #[test]
        fn printed_memory_stats_parse_back(anon: u64, file: u64, inactive: u64, faults: u64) {
            let v2 = format!("anon {anon}\nfile {file}\ninactive_file {inactive}\npgmajfault {faults}\n");
            prop_assert_eq!(memory_stat(v2.as_bytes()), MemoryStat {
                anon: Some(anon), file: Some(file), inactive_file: Some(inactive), pgmajfault: Some(faults),
            });
            prop_assert_eq!(memory_stat(&v2.as_bytes()[..v2.len() - 1]).pgmajfault, None);
            let v1 = format!("rss 1\ntotal_rss {anon}\ntotal_cache {file}\ntotal_swap {faults}\n");
            let stat = v1_memory_stat(v1.as_bytes());
            prop_assert_eq!((stat.total_rss, stat.total_cache, stat.total_swap), (Some(anon), Some(file), Some(faults)));
            prop_assert_eq!(v1_memory_stat(&v1.as_bytes()[..v1.len() - 1]).total_swap, None);
        }

        #[test]
        fn printed_ticks_and_pressure_parse_back(user: u64, system: u64) {
            let text = format!("user {user}\nsystem {system}\n");
            let expected = V1CpuacctStat { user_ticks: user, system_ticks: system };
            prop_assert_eq!(v1_cpuacct_stat(text.as_bytes()), Some(expected));
            prop_assert_eq!(v1_cpuacct_stat(&text.as_bytes()[..text.len() - 1]), None);
            let text = format!("some avg10=0.00 avg60=0.00 avg300=0.00 total={user}\n");
            prop_assert_eq!(pressure_some(text.as_bytes()), Some(user));
            prop_assert_eq!(pressure_some(&text.as_bytes()[..text.len() - 1]), None);
        }

        #[test]
        fn printed_io_stat_parses_back(devices in proptest::collection::vec((0..u64::from(u32::MAX), 0..u64::from(u32::MAX)), 1..5)) {
            let line = |(r, w): &(u64, u64)| format!("8:0 rbytes={r} wbytes={w} rios=1\n");
            let text = devices.iter().map(line).collect::<Vec<_>>().concat();
            let sums = (devices.iter().map(|d| d.0).sum(), devices.iter().map(|d| d.1).sum());
            prop_assert_eq!(io_stat(text.as_bytes()), Some(sums));
            prop_assert_eq!(io_stat(&text.as_bytes()[..text.len() - 1]), None);
        }
    }
}
