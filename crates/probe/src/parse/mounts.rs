//! `/proc/self/cgroup` and `/proc/self/mountinfo`.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use super::lines;

/// One line of `/proc/<pid>/cgroup`: the controllers (none for v2) and the path as this cgroup
/// namespace sees it.
pub(crate) type OwnCgroup<'a> = (&'a [u8], &'a [u8]);

/// The lines of `/proc/<pid>/cgroup`, `id:controllers:path`.
pub(crate) fn own_cgroups(text: &[u8]) -> impl Iterator<Item = OwnCgroup<'_>> {
    lines(text).filter_map(|line| {
        let mut parts = line.splitn(3, |byte| *byte == b':');
        let (_id, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
        path.starts_with(b"/").then_some((controllers, path))
    })
}

/// A mounted file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mount {
    /// The folder inside the file system that is mounted.
    pub(crate) root: Vec<u8>,
    pub(crate) point: PathBuf,
    pub(crate) kind: Vec<u8>,
    /// The options of the file system, separated by commas; v1 has its controllers among them.
    pub(crate) options: Vec<u8>,
}

impl Mount {
    /// Whether the file system has the option (for v1: the controller).
    pub(crate) fn has(&self, option: &[u8]) -> bool {
        self.options
            .split(|byte| *byte == b',')
            .any(|found| found == option)
    }
}

/// Parses a line of mountinfo: `id parent major:minor root point options fields... - kind source options`.
pub(crate) fn mount(line: &[u8]) -> Option<Mount> {
    let mut fields = line.split(|byte| *byte == b' ');
    let root = unescape(fields.nth(3)?);
    let point = PathBuf::from(OsString::from_vec(unescape(fields.next()?)));
    let mut behind = fields.skip_while(|field| *field != b"-").skip(1);
    let kind = behind.next()?.to_vec();
    let options = behind.nth(1)?.to_vec();
    Some(Mount {
        root,
        point,
        kind,
        options,
    })
}

/// The kernel writes blanks and backslashes in paths as `\` and three octal digits.
fn unescape(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, behind)) = rest.split_first() {
        let octal = behind.get(..3).filter(|_| *first == b'\\');
        let code = octal.and_then(|digits| {
            let digits = std::str::from_utf8(digits).ok()?;
            u8::from_str_radix(digits, 8).ok()
        });
        out.push(code.unwrap_or(*first));
        rest = if code.is_some() { &behind[3..] } else { behind };
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_mount_with_blanks_and_optional_fields() {
        let line = br"35 31 0:32 /a\134x2db /sys/fs/my\040cgroup rw,relatime shared:9 master:1 - cgroup cgroup rw,cpu,cpuacct";
        let mount = mount(line).unwrap();
        assert_eq!(mount.root, br"/a\x2db");
        assert_eq!(mount.point, PathBuf::from("/sys/fs/my cgroup"));
        assert_eq!(mount.kind, b"cgroup");
        assert!(mount.has(b"cpuacct") && mount.has(b"cpu") && !mount.has(b"acct"));
    }

    #[test]
    fn a_path_with_colons() {
        let text = b"3:cpu,cpuacct:/a:b\n0::/system.slice/x\\x2dy.service\nbroken\n1:name=systemd:/\n0::/cut";
        let all: Vec<_> = own_cgroups(text).collect();
        assert_eq!(all.len(), 3);
        assert_eq!(all[0], (&b"cpu,cpuacct"[..], &b"/a:b"[..]));
        assert_eq!(all[1].1, br"/system.slice/x\x2dy.service");
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(text: Vec<u8>) {
            let _ = (own_cgroups(&text).count(), mount(&text), unescape(&text));
        }

        #[test]
        fn escaped_paths_come_back(path in "[ -~]{0,30}") {
            let escaped = path.replace('\\', "\\134").replace(' ', "\\040");
            prop_assert_eq!(unescape(escaped.as_bytes()), path.into_bytes());
        }
    }
}
