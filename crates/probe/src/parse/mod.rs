//! The kernel's text files: pure functions from bytes to numbers.
//!
//! A value counts only if its line is complete (the kernel ends every line with a line feed), so
//! that a file that was cut off gives `None` instead of a shorter number.

mod cgroup;
mod mounts;
mod net;
mod process;

pub(crate) use cgroup::{
    cpu_stat, io_stat, memory_stat, oom_kill, pressure_some, v1_cpuacct_stat, v1_memory_stat,
};
pub(crate) use mounts::{Mount, mount, own_cgroups};
pub(crate) use net::net_dev;
pub(crate) use process::{Io, Stat, Statm, Status, io, last_pid, pids, stat, statm, status};

/// Splits a decimal number off the front. `None` without a digit or past 64 bits.
pub(crate) fn number(text: &[u8]) -> Option<(u64, &[u8])> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut value = 0_u64;
    for digit in &text[..digits] {
        value = value
            .checked_mul(10)?
            .checked_add(u64::from(digit - b'0'))?;
    }
    (digits > 0).then_some((value, &text[digits..]))
}

/// A text that is one number and nothing else.
pub(crate) fn whole(text: &[u8]) -> Option<u64> {
    number(text).and_then(|(value, rest)| rest.is_empty().then_some(value))
}

/// A file that holds one number in one line.
pub(crate) fn single(text: &[u8]) -> Option<u64> {
    text.strip_suffix(b"\n").and_then(whole)
}

/// The complete lines of a text, without their line feeds.
pub(crate) fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split_inclusive(|byte| *byte == b'\n')
        .filter_map(|line| line.strip_suffix(b"\n"))
}

/// The lines of the form `key value`.
pub(crate) fn pairs(text: &[u8]) -> impl Iterator<Item = (&[u8], u64)> {
    lines(text).filter_map(|line| {
        let space = line.iter().position(|byte| *byte == b' ')?;
        Some((&line[..space], whole(&line[space + 1..])?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_end_at_64_bits() {
        assert_eq!(whole(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!(whole(b"18446744073709551616"), None);
        assert_eq!(whole(b""), None);
        assert_eq!(whole(b"-1"), None);
        assert_eq!(single(b"12"), None, "cut off");
        assert_eq!(single(b"max\n"), None);
    }

    proptest! {
        #[test]
        fn printed_numbers_parse_back(value: u64) {
            prop_assert_eq!(single(format!("{value}\n").as_bytes()), Some(value));
            prop_assert_eq!(single(value.to_string().as_bytes()), None);
        }

        #[test]
        fn arbitrary_bytes_never_panic(text: Vec<u8>) {
            let _ = (number(&text), single(&text), pairs(&text).count());
        }
    }
}
