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
