//! Version 1: a folder in each hierarchy that counts something.

use std::path::PathBuf;

use super::{FOLDER, NoCgroup, ensure, mounts::Mounts};

const REQUIRED: [&str; 2] = ["cpuacct", "memory"];
/// `cpu` only where it is mounted together with `cpuacct`: no quota is set here, so that there is
/// no throttling to be read, and to join it costs 3 ms.
const WELCOME: [&str; 2] = ["blkio", "pids"];

/// Makes the folders that hold those of the attempts, one per hierarchy.
pub(super) fn prepare(mounts: &Mounts) -> Result<Vec<PathBuf>, NoCgroup> {
    let mut bases: Vec<PathBuf> = Vec::new();
    for controller in REQUIRED {
        let base = mounts.v1(controller)?.join(FOLDER);
        if !bases.contains(&base) {
            ensure(&base).map_err(NoCgroup::not_permitted(&base))?;
            bases.push(base);
        }
    }
    for controller in WELCOME {
        let Ok(base) = mounts.v1(controller).map(|own| own.join(FOLDER)) else {
            continue;
        };
        if !bases.contains(&base) && ensure(&base).is_ok() {
            bases.push(base);
        }
    }
    Ok(bases)
}
