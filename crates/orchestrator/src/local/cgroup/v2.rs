//! Version 2: a leaf below this process's own cgroup if that is delegated to us, or, for root,
//! below the topmost one.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{FOLDER, NoCgroup, ensure, mounts::Mounts};

/// Without it there is nothing to gain over the process tree.
pub(super) const REQUIRED: &[&str] = &["memory"];
const WELCOME: [&str; 3] = ["cpu", "io", "pids"];
/// The leaf for this process itself: a cgroup that hands controllers on can't hold processes.
const HOST: &str = "podometer-host";

/// Makes the folder that holds those of the attempts, with its controllers handed on.
pub(super) fn prepare(mounts: &Mounts, required: &[&'static str]) -> Result<PathBuf, NoCgroup> {
    let missing = || NoCgroup::NoController(required.first().copied().unwrap_or("memory"));
    let (own, top) = mounts.v2().ok_or_else(missing)?;
    if !has_all(&top, required)? && !has_all(&own, required)? {
        return Err(missing());
    }
    let in_own = prepare_in(&own, required);
    match in_own {
        Err(_) if own != top && nix::unistd::geteuid().is_root() => {
            prepare_in(&top, required).or(in_own)
        }
        _ => in_own,
    }
}

fn prepare_in(parent: &Path, required: &[&'static str]) -> Result<PathBuf, NoCgroup> {
    hand_on(parent, required)?;
    let base = parent.join(FOLDER);
    ensure(&base).map_err(NoCgroup::not_permitted(&base))?;
    hand_on(&base, required)?;
    Ok(base)
}

/// Enables the controllers for the children of a cgroup.
fn hand_on(folder: &Path, required: &[&'static str]) -> Result<(), NoCgroup> {
    for controller in required {
        if !lists(folder, "cgroup.controllers")?
            .iter()
            .any(|c| c == controller)
        {
            return Err(NoCgroup::NoController(controller));
        }
        if let Err(error) = enable(folder, controller) {
            if error.raw_os_error() != Some(libc::EBUSY) {
                return Err(NoCgroup::not_permitted(
                    &folder.join("cgroup.subtree_control"),
                )(error));
            }
            move_out(folder)?;
            enable(folder, controller).map_err(NoCgroup::not_permitted(folder))?;
        }
    }
    for controller in WELCOME {
        let _ = enable(folder, controller);
    }
    Ok(())
}

fn enable(folder: &Path, controller: &str) -> io::Result<()> {
    let file = folder.join("cgroup.subtree_control");
    if fs::read_to_string(&file)?
        .split_whitespace()
        .any(|c| c == controller)
    {
        return Ok(());
    }
    fs::write(file, format!("+{controller}"))
}

/// Moves this process into a leaf, if it is alone in the cgroup.
fn move_out(folder: &Path) -> Result<(), NoCgroup> {
    let own = std::process::id().to_string();
    let procs = folder.join("cgroup.procs");
    let here = fs::read_to_string(&procs).map_err(NoCgroup::unreadable(&procs))?;
    if here.split_whitespace().any(|pid| pid != own) {
        return Err(NoCgroup::Shared {
            path: folder.to_owned(),
        });
    }
    let host = folder.join(HOST);
    ensure(&host).map_err(NoCgroup::not_permitted(&host))?;
    let procs = host.join("cgroup.procs");
    fs::write(&procs, own).map_err(NoCgroup::not_permitted(&procs))
}

fn has_all(folder: &Path, required: &[&'static str]) -> Result<bool, NoCgroup> {
    let have = lists(folder, "cgroup.controllers")?;
    Ok(required.iter().all(|c| have.iter().any(|h| h == c)))
}

fn lists(folder: &Path, file: &str) -> Result<Vec<String>, NoCgroup> {
    let path = folder.join(file);
    let text = fs::read_to_string(&path).map_err(NoCgroup::unreadable(&path))?;
    Ok(text.split_whitespace().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::{super::Cgroups, *};

    /// Needs root and a mounted v2 hierarchy, and says so where there is none. Controllers are not
    /// asked for: where v1 has them, v2 can still hold and kill processes.
    #[test]
    fn as_root_a_leaf_is_made_joined_killed_and_removed() {
        let mounts = Mounts::read().unwrap();
        let base = match prepare(&mounts, &[]) {
            Ok(base) => base,
            Err(why) => return println!("no v2 cgroup can be made here: {why}"),
        };
        let cgroups = Cgroups {
            bases: vec![base.clone()],
            v2: true,
        };
        let name = format!("test-{}", std::process::id());
        let group = cgroups.make(&name).unwrap();
        let mut sleep = Command::new("sleep").arg("77").spawn().unwrap();
        let pid = sleep.id();
        for mut procs in group.entrances().unwrap() {
            io::Write::write_all(&mut procs, pid.to_string().as_bytes()).unwrap();
        }
        assert_eq!(group.pids().into_iter().collect::<Vec<_>>(), [pid as i32]);
        group.kill();
        assert!(!sleep.wait().unwrap().success());
        drop(group);
        assert!(!base.join(name).exists());
    }

    #[test]
    fn a_hierarchy_without_the_controller_is_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let point = folder.path().display();
        fs::write(folder.path().join("cgroup.controllers"), "cpu pids\n").unwrap();
        let mounts = Mounts::parse("0::/\n", &format!("1 1 0:1 / {point} rw - cgroup2 x rw"));
        let error = prepare(&mounts, REQUIRED).unwrap_err();
        assert!(matches!(error, NoCgroup::NoController("memory")), "{error}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
