//! The files of one process: `/proc/<pid>/{stat,status,statm,io}` and `task/<tid>/children`.

use super::{lines, number, whole};

/// What is used of `/proc/<pid>/stat`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Stat {
    /// Field 3: `Z` is a zombie, `X` is about to vanish.
    pub(crate) state: u8,
    pub(crate) ppid: i32,
    pub(crate) minflt: u64,
    /// Minor faults of the children that it waited for: 0 only if there was none.
    pub(crate) cminflt: u64,
    pub(crate) majflt: u64,
    pub(crate) cmajflt: u64,
    pub(crate) utime_ticks: u64,
    pub(crate) stime_ticks: u64,
    pub(crate) cutime_ticks: u64,
    pub(crate) cstime_ticks: u64,
    pub(crate) num_threads: u64,
    /// Ticks since boot; with the pid it names a process for good.
    pub(crate) starttime_ticks: u64,
}

impl Stat {
    /// It has ended and waits to be reaped, all of its threads too.
    pub(crate) fn ended(&self) -> bool {
        matches!(self.state, b'Z' | b'X') && self.num_threads <= 1
    }
}

/// Parses `/proc/<pid>/stat`. The command's name may hold anything, so the last `)` ends it.
pub(crate) fn stat(text: &[u8]) -> Option<Stat> {
    let text = text.strip_suffix(b"\n")?;
    let end_of_name = text.iter().rposition(|byte| *byte == b')')?;
    let mut fields = text.get(end_of_name + 2..)?.split(|byte| *byte == b' ');
    let state = *fields.next()?.first()?;
    let mut at = 3;
    let mut field = |wanted: usize| {
        let skipped = wanted - at - 1;
        at = wanted;
        fields.nth(skipped).and_then(whole)
    };
    Some(Stat {
        state,
        ppid: i32::try_from(field(4)?).ok()?,
        minflt: field(10)?,
        cminflt: field(11)?,
        majflt: field(12)?,
        cmajflt: field(13)?,
        utime_ticks: field(14)?,
        stime_ticks: field(15)?,
        cutime_ticks: field(16)?,
        cstime_ticks: field(17)?,
        num_threads: field(20)?,
        starttime_ticks: field(22)?,
    })
}

/// What is used of `/proc/<pid>/status`. A zombie has no memory, so those are `None`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Status {
    pub(crate) vm_hwm_kib: Option<u64>,
    pub(crate) rss_anon_kib: Option<u64>,
    pub(crate) rss_file_kib: Option<u64>,
    pub(crate) rss_shmem_kib: Option<u64>,
    pub(crate) vm_swap_kib: Option<u64>,
    pub(crate) sigchld_ignored: Option<bool>,
}

/// Parses `/proc/<pid>/status`.
pub(crate) fn status(text: &[u8]) -> Status {
    let mut status = Status::default();
    for line in lines(text) {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else {
            continue;
        };
        let value = line[colon + 1..].trim_ascii_start();
        match &line[..colon] {
            b"VmHWM" => status.vm_hwm_kib = kib(value),
            b"RssAnon" => status.rss_anon_kib = kib(value),
            b"RssFile" => status.rss_file_kib = kib(value),
            b"RssShmem" => status.rss_shmem_kib = kib(value),
            b"VmSwap" => status.vm_swap_kib = kib(value),
            b"SigIgn" => {
                status.sigchld_ignored =
                    signal_set(value).map(|set| set >> (libc::SIGCHLD - 1) & 1 == 1);
                break; // nothing behind it is wanted
            }
            _ => {}
        }
    }
    status
}

fn kib(value: &[u8]) -> Option<u64> {
    number(value).and_then(|(value, unit)| (unit == b" kB").then_some(value))
}

fn signal_set(value: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(value).ok()?;
    u64::from_str_radix(text, 16).ok()
}

/// `/proc/<pid>/statm`, pages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Statm {
    pub(crate) resident_pages: u64,
    /// Of these: of files and shared memory.
    pub(crate) shared_pages: u64,
}

/// Parses `/proc/<pid>/statm`.
pub(crate) fn statm(text: &[u8]) -> Option<Statm> {
    let mut fields = text
        .strip_suffix(b"\n")?
        .split(|byte| *byte == b' ')
        .skip(1);
    let statm = Statm {
        resident_pages: whole(fields.next()?)?,
        shared_pages: whole(fields.next()?)?,
    };
    Some(statm)
}

/// `/proc/<pid>/io`, bytes: of the process's threads and of the children that it waited for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Io {
    pub(crate) rchar: u64,
    pub(crate) wchar: u64,
    pub(crate) read_bytes: u64,
    pub(crate) write_bytes: u64,
    pub(crate) cancelled_write_bytes: u64,
}

impl Io {
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            rchar: self.rchar.wrapping_add(other.rchar),
            wchar: self.wchar.wrapping_add(other.wchar),
            read_bytes: self.read_bytes.wrapping_add(other.read_bytes),
            write_bytes: self.write_bytes.wrapping_add(other.write_bytes),
            cancelled_write_bytes: self
                .cancelled_write_bytes
                .wrapping_add(other.cancelled_write_bytes),
        }
    }

    pub(crate) fn minus(self, other: Self) -> Self {
        Self {
            rchar: self.rchar.saturating_sub(other.rchar),
            wchar: self.wchar.saturating_sub(other.wchar),
            read_bytes: self.read_bytes.saturating_sub(other.read_bytes),
            write_bytes: self.write_bytes.saturating_sub(other.write_bytes),
            cancelled_write_bytes: self
                .cancelled_write_bytes
                .saturating_sub(other.cancelled_write_bytes),
        }
    }
}

/// Parses `/proc/<pid>/io`.
pub(crate) fn io(text: &[u8]) -> Option<Io> {
    let mut values = [None; 5];
    for line in lines(text) {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else {
            continue;
        };
        let slot = match &line[..colon] {
            b"rchar" => 0,
            b"wchar" => 1,
            b"read_bytes" => 2,
            b"write_bytes" => 3,
            b"cancelled_write_bytes" => 4,
            _ => continue,
        };
        values[slot] = whole(line[colon + 1..].trim_ascii_start());
    }
    let [rchar, wchar, read_bytes, write_bytes, cancelled_write_bytes] = values;
    Some(Io {
        rchar: rchar?,
        wchar: wchar?,
        read_bytes: read_bytes?,
        write_bytes: write_bytes?,
        cancelled_write_bytes: cancelled_write_bytes?,
    })
}

/// The last field of `/proc/loadavg`: the process id that was given out last.
pub(crate) fn last_pid(text: &[u8]) -> Option<u64> {
    text.strip_suffix(b"\n")?
        .rsplit(|byte| *byte == b' ')
        .next()
        .and_then(whole)
}

/// The process ids of `task/<tid>/children` (each followed by a space) or `cgroup.procs` (by a line
/// feed). One that is cut off at the end is left out.
pub(crate) fn pids(text: &[u8]) -> impl Iterator<Item = i32> {
    text.split_inclusive(|byte| matches!(byte, b' ' | b'\n'))
        .filter_map(|word| {
            let word = word
                .strip_suffix(b" ")
                .or_else(|| word.strip_suffix(b"\n"))?;
            i32::try_from(whole(word)?).ok()
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ZOMBIE: &[u8] = b"12820 (py) thon3) Z 12758 12755 2713 0 -1 4227148 425 7 8 9 6 24 1 2 20 0 1 \
        0 147008 0 0 18446744073709551615 0 0 0 0 0 0 0 16846848 2 1 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n";

    #[test]
    fn stat_of_a_zombie_with_a_strange_name() {
        let stat = stat(ZOMBIE).unwrap();
        assert_eq!((stat.state, stat.ppid, stat.ended()), (b'Z', 12758, true));
        assert_eq!((stat.cminflt, stat.majflt, stat.cmajflt), (7, 8, 9));
        assert_eq!((stat.utime_ticks, stat.stime_ticks), (6, 24));
        assert_eq!((stat.cutime_ticks, stat.cstime_ticks), (1, 2));
        assert_eq!((stat.num_threads, stat.starttime_ticks), (1, 147_008));
    }

    #[test]
    fn status_of_a_live_process() {
        let text = b"Name:\tcat\nVmHWM:\t    1640 kB\nVmRSS:\t    1640 kB\nRssAnon:\t      88 kB\n\
            RssFile:\t    1552 kB\nRssShmem:\t       4 kB\nVmSwap:\t       0 kB\nSigIgn:\t0000000001011000\n";
        let status = status(text);
        assert_eq!(
            (status.vm_hwm_kib, status.rss_anon_kib),
            (Some(1640), Some(88))
        );
        assert_eq!(
            (status.rss_file_kib, status.rss_shmem_kib),
            (Some(1552), Some(4))
        );
        assert_eq!(
            (status.vm_swap_kib, status.sigchld_ignored),
            (Some(0), Some(true))
        );
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(text: Vec<u8>) {
            let _ = (last_pid(&text), stat(&text), status(&text), statm(&text), io(&text), pids(&text).count());
        }

        #[test]
        fn truncated_stat_is_none(cut in 0..ZOMBIE.len()) {
            prop_assert_eq!(stat(&ZOMBIE[..cut]), None);
        }

        #[test]
        fn printed_io_parses_back(values: [u64; 5], cut in 1_usize..40) {
            let [rchar, wchar, read_bytes, write_bytes, cancelled_write_bytes] = values;
            let text = format!(
                "rchar: {rchar}\nwchar: {wchar}\nsyscr: 1\nsyscw: 2\nread_bytes: {read_bytes}\n\
                 write_bytes: {write_bytes}\ncancelled_write_bytes: {cancelled_write_bytes}\n"
            );
            let expected = Io { rchar, wchar, read_bytes, write_bytes, cancelled_write_bytes };
            prop_assert_eq!(io(text.as_bytes()), Some(expected));
            prop_assert_eq!(io(&text.as_bytes()[..text.len() - cut]), None);
        }

        #[test]
        fn printed_status_parses_back(anon: u64, hwm: u64, set: u64) {
            let text = format!("VmHWM:\t{hwm:8} kB\nRssAnon:\t{anon:8} kB\nSigIgn:\t{set:016x}\n");
            let parsed = status(text.as_bytes());
            prop_assert_eq!(parsed.rss_anon_kib, Some(anon));
            prop_assert_eq!(parsed.vm_hwm_kib, Some(hwm));
            prop_assert_eq!(parsed.sigchld_ignored, Some(set & (1 << 16) != 0));
            prop_assert_eq!(status(&text.as_bytes()[..text.len() - 1]).sigchld_ignored, None);
        }

        #[test]
        fn printed_statm_parses_back(resident: u64, shared: u64) {
            let text = format!("9 {resident} {shared} 1 0 2 0\n");
            let expected = Statm { resident_pages: resident, shared_pages: shared };
            prop_assert_eq!(statm(text.as_bytes()), Some(expected));
            prop_assert_eq!(statm(&text.as_bytes()[..text.len() - 1]), None);
        }

        #[test]
        fn printed_last_pid_parses_back(pid: u32) {
            let text = format!("0.20 0.18 0.12 1/80 {pid}\n");
            prop_assert_eq!(last_pid(text.as_bytes()), Some(u64::from(pid)));
            prop_assert_eq!(last_pid(&text.as_bytes()[..text.len() - 1]), None);
        }

        #[test]
        fn printed_pids_parse_back(list in proptest::collection::vec(0..i32::MAX, 0..20)) {
            let text = list.iter().map(|pid| format!("{pid} ")).collect::<Vec<_>>().concat();
            prop_assert_eq!(pids(text.as_bytes()).collect::<Vec<_>>(), list.clone());
            let cut = &text.as_bytes()[..text.len().saturating_sub(1)];
            prop_assert_eq!(pids(cut).count(), list.len().saturating_sub(1));
        }
    }
}
