//! `/proc/self/cgroup` and `/proc/self/mountinfo`: where this process's own cgroups can be seen.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::NoCgroup;

#[derive(Debug)]
struct Mount {
    root: String,
    point: String,
    kind: String,
    options: String,
}

/// What the kernel says of hierarchies and mounts.
#[derive(Debug)]
pub(super) struct Mounts {
    /// Controllers (none for v2) and the own path in that hierarchy.
    own: Vec<(String, String)>,
    mounts: Vec<Mount>,
}

impl Mounts {
    pub(super) fn read() -> Result<Self, NoCgroup> {
        let read =
            |path: &str| fs::read_to_string(path).map_err(NoCgroup::unreadable(Path::new(path)));
        Ok(Self::parse(
            &read("/proc/self/cgroup")?,
            &read("/proc/self/mountinfo")?,
        ))
    }

    pub(super) fn parse(cgroup: &str, mountinfo: &str) -> Self {
        let own = cgroup.lines().filter_map(|line| {
            let mut parts = line.splitn(3, ':').skip(1);
            Some((parts.next()?.to_owned(), parts.next()?.to_owned()))
        });
        Self {
            own: own.collect(),
            mounts: mountinfo.lines().filter_map(mount).collect(),
        }
    }

    /// The folder of the own cgroup in the v1 hierarchy of a controller.
    pub(super) fn v1(&self, controller: &'static str) -> Result<PathBuf, NoCgroup> {
        let has = |list: &str| list.split(',').any(|name| name == controller);
        let own = self.own.iter().find(|(controllers, _)| has(controllers));
        let mounts = self
            .mounts
            .iter()
            .filter(|m| m.kind == "cgroup" && has(&m.options));
        let found = own.and_then(|(_, path)| mounts.into_iter().find_map(|m| m.folder(path)));
        found.ok_or(NoCgroup::NoController(controller))
    }

    /// The folder of the own v2 cgroup, and that of the topmost one that can be seen.
    pub(super) fn v2(&self) -> Option<(PathBuf, PathBuf)> {
        let (_, own) = self
            .own
            .iter()
            .find(|(controllers, _)| controllers.is_empty())?;
        let mut mounts = self.mounts.iter().filter(|m| m.kind == "cgroup2");
        mounts.find_map(|m| Some((m.folder(own)?, PathBuf::from(&m.point))))
    }
}

impl Mount {
    /// Where a path of the hierarchy is to be seen, if it is.
    fn folder(&self, path: &str) -> Option<PathBuf> {
        let inside = match self.root.as_str() {
            "/" => path,
            root => path
                .strip_prefix(root)
                .filter(|r| r.is_empty() || r.starts_with('/'))?,
        };
        // A path outside of the cgroup namespace begins with "/..".
        let inside = inside.trim_start_matches('/');
        (!inside.split('/').any(|part| part == "..")).then(|| {
            let point = Path::new(&self.point);
            if inside.is_empty() {
                point.to_owned()
            } else {
                point.join(inside)
            }
        })
    }
}

/// `id parent major:minor root point options fields... - kind source options`.
fn mount(line: &str) -> Option<Mount> {
    let (front, behind) = line.split_once(" - ")?;
    let mut front = front.split(' ').skip(3);
    let (root, point) = (unescape(front.next()?), unescape(front.next()?));
    let mut behind = behind.split(' ');
    let kind = behind.next()?.to_owned();
    let options = behind.nth(1)?.to_owned();
    Some(Mount {
        root,
        point,
        kind,
        options,
    })
}

/// The kernel writes blanks and backslashes as `\` and three octal digits.
fn unescape(text: &str) -> String {
    let codes = [
        (r"\040", " "),
        (r"\011", "\t"),
        (r"\012", "\n"),
        (r"\134", "\\"),
    ];
    codes.iter().fold(text.to_owned(), |text, (code, plain)| {
        text.replace(code, plain)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OWN: &str =
        "3:cpu,cpuacct:/a:b\n4:memory:/docker/x/y\n1:name=systemd:/\n0::/user.slice\n";
    const MOUNTS: &str = "\
        30 1 0:1 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n\
        31 1 0:2 /docker/x /sys/fs/my\\040cgroup rw shared:9 - cgroup cgroup rw,memory\n\
        32 1 0:3 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\nbroken\n";

    #[test]
    fn own_folders() {
        let mounts = Mounts::parse(OWN, MOUNTS);
        assert_eq!(
            mounts.v1("cpuacct").unwrap(),
            Path::new("/sys/fs/cgroup/cpu,cpuacct/a:b")
        );
        assert_eq!(
            mounts.v1("memory").unwrap(),
            Path::new("/sys/fs/my cgroup/y")
        );
        assert!(mounts.v1("blkio").is_err());
        let (own, top) = mounts.v2().unwrap();
        assert_eq!(own, Path::new("/sys/fs/cgroup/unified/user.slice"));
        assert_eq!(top, Path::new("/sys/fs/cgroup/unified"));
    }

    #[test]
    fn what_is_outside_of_the_namespace_is_not_seen() {
        let mounts = Mounts::parse("4:memory:/../z\n5:pids:/docker/xy", MOUNTS);
        assert!(mounts.v1("memory").is_err());
        assert!(mounts.v1("pids").is_err());
        assert!(mounts.v2().is_none());
    }

    proptest! {
        #[test]
        fn never_panics(cgroup in ".*", mountinfo in "[ -~\n]*") {
            let mounts = Mounts::parse(&cgroup, &mountinfo);
            let _ = (mounts.v1("memory"), mounts.v2());
        }
    }
}
