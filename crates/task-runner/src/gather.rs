//! Puts the chunks of a file together, where nobody else has the volume that it is for.

use std::{
    fs::{self, File, Permissions},
    io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use nix::unistd::mkstemp;

/// For any user to read.
const MODE: u32 = 0o644;

/// Makes the file of what stands in the folder, in the order of the names, unless it is there. Whoever looks at
/// it meanwhile sees a whole one or none.
pub(crate) fn gather(folder: &Path, file: &Path) -> Result<()> {
    fill(folder, file).with_context(|| {
        let (file, folder) = (file.display(), folder.display());
        format!("{file} can't be made of what is in {folder}")
    })
}

fn fill(folder: &Path, file: &Path) -> io::Result<()> {
    if file.exists() {
        return Ok(());
    }
    let into = file.parent().unwrap_or(Path::new("."));
    let (part, path) = mkstemp(&into.join(".input-XXXXXX"))?;
    let done = copy(folder, File::from(part)).and_then(|()| fs::rename(&path, file));
    done.inspect_err(|_| {
        let _ = fs::remove_file(&path);
    })
}

fn copy(folder: &Path, mut part: File) -> io::Result<()> {
    for chunk in chunks(folder)? {
        io::copy(&mut File::open(chunk)?, &mut part)?;
    }
    part.set_permissions(Permissions::from_mode(MODE))
}

/// What isn't hidden: the kubelet has names of its own in there.
fn chunks(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if !entry.file_name().as_encoded_bytes().starts_with(b".") {
            all.push(entry.path());
        }
    }
    all.sort_unstable();
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_in_order_and_once() {
        let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for (name, text) in [("0001", "b"), ("0000", "a"), ("0010", "c"), ("..data", "x")] {
            fs::write(from.path().join(name), text).unwrap();
        }
        let file = to.path().join("leaf.png");
        gather(from.path(), &file).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "abc");
        assert_eq!(
            fs::metadata(&file).unwrap().permissions().mode() & 0o7777,
            MODE
        );
        assert_eq!(fs::read_dir(to.path()).unwrap().count(), 1);
        fs::write(&file, "a task's own").unwrap();
        gather(from.path(), &file).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "a task's own");
        let error = gather(&to.path().join("none"), &to.path().join("x")).unwrap_err();
        assert!(format!("{error:#}").contains("none"), "{error:#}");
        assert_eq!(fs::read_dir(to.path()).unwrap().count(), 1);
    }
}
