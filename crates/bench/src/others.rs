//! Other tools, installed with pip into a folder of their own where they are asked for.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};

use crate::process::succeed;

/// A program of a package.
pub(crate) fn program(package: &str, program: &str) -> Result<PathBuf> {
    let folder = environment(package)?;
    let program = folder.join("bin").join(program);
    ensure!(program.is_file(), "{} is missing", program.display());
    Ok(program)
}

/// The virtual environment that holds the package; made if it isn't there.
fn environment(package: &str) -> Result<PathBuf> {
    let folder = env::temp_dir().join("podometer-bench-tools").join(package);
    let done = folder.join("installed");
    if !done.is_file() {
        install(package, &folder)
            .with_context(|| format!("{package} can't be installed with python3's venv and pip"))?;
        std::fs::write(&done, "")?;
    }
    Ok(folder)
}

fn install(package: &str, folder: &Path) -> Result<()> {
    eprintln!("bench: installing {package} into {}", folder.display());
    succeed(Command::new("python3").args(["-m", "venv"]).arg(folder))?;
    let mut pip = Command::new(folder.join("bin").join("pip"));
    succeed(
        pip.args(["install", "--quiet", package])
            .stdout(Stdio::null()),
    )
}
