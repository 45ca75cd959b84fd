//! Puts the runner's own executable where containers of any image find it.

use std::{
    fs::{self, File},
    io::{self, Read},
    os::unix::fs::PermissionsExt,
    path::Path,
};

use anyhow::{Context, Result};
use nix::unistd::mkstemp;

/// The kernel's name for the running program, whatever became of its file.
const OWN_PROGRAM: &str = "/proc/self/exe";
/// What it is called in the folder.
const NAME: &str = "task-runner";
/// For any user to read and execute, for nobody to write.
const MODE: u32 = 0o555;

/// Copies the running program into the folder, unless it is there. Whoever looks at it meanwhile sees a
/// whole one or none; several may do this at once.
pub(crate) fn install(folder: &Path) -> Result<()> {
    install_from(Path::new(OWN_PROGRAM), folder)
        .with_context(|| format!("the runner can't be put into {}", folder.display()))
}

fn install_from(program: &Path, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    let target = folder.join(NAME);
    if is_there(program, &target).unwrap_or(false) {
        return Ok(());
    }
    let (part, path) = mkstemp(&folder.join(".task-runner-XXXXXX"))?;
    let done = fill(File::from(part), program).and_then(|()| fs::rename(&path, &target));
    done.inspect_err(|_| {
        let _ = fs::remove_file(&path);
    })?;
    Ok(())
}

fn fill(mut part: File, program: &Path) -> io::Result<()> {
    io::copy(&mut File::open(program)?, &mut part)?;
    part.set_permissions(fs::Permissions::from_mode(MODE))
}

/// Whether the same program stands there already.
fn is_there(program: &Path, target: &Path) -> io::Result<bool> {
    let (mut ours, mut theirs) = (File::open(program)?, File::open(target)?);
    let (here, there) = (ours.metadata()?, theirs.metadata()?);
    if there.permissions().mode() & 0o7777 != MODE || here.len() != there.len() {
        return Ok(false);
    }
    let (mut left, mut right) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    loop {
        let count = ours.read(&mut left)?;
        if count == 0 {
            return Ok(true);
        }
        theirs.read_exact(&mut right[..count])?;
        if left[..count] != right[..count] {
            return Ok(false);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn once_whole_and_executable() {
        let folder = tempfile::tempdir().unwrap();
        let (bin, program) = (folder.path().join("a/bin"), folder.path().join("program"));
        let target = bin.join(NAME);
        fs::write(&program, vec![7; 200_000]).unwrap();
        let inode = || {
            install_from(&program, &bin).unwrap();
            assert_eq!(fs::read(&target).unwrap(), fs::read(&program).unwrap());
            let found = fs::metadata(&target).unwrap();
            assert_eq!(found.mode() & 0o7777, MODE);
            found.ino()
        };
        let first = inode();
        assert_eq!(inode(), first, "nothing is done twice");
        fs::write(&program, vec![8; 200_000]).unwrap();
        let second = inode();
        assert_ne!(second, first, "another version replaces it");
        fs::set_permissions(&target, fs::Permissions::from_mode(0o755)).unwrap();
        assert_ne!(inode(), second);
        assert_eq!(
            fs::read_dir(&bin).unwrap().count(),
            1,
            "nothing is left over"
        );
    }

    #[test]
    fn a_folder_that_cannot_be() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = install(&file.path().join("x")).unwrap_err();
        assert!(format!("{error:#}").contains(&file.path().display().to_string()));
    }
}
