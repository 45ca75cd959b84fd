//! Puts the page into the binary: all files of `web/dist`, which is checked in.

use std::{
    env,
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};

fn main() -> io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web/dist");
    let root = root.canonicalize()?;
    println!("cargo::rerun-if-changed={}", root.display());
    let mut files = Vec::new();
    collect(&root, &mut files)?;
    files.sort();
    let mut text = String::from("&[\n");
    for file in files {
        println!("cargo::rerun-if-changed={}", file.display());
        let bytes = fs::read(&file)?;
        let path = file.strip_prefix(&root).unwrap_or(&file);
        let tag = format!("\"{:08x}-{}\"", crc32fast::hash(&bytes), bytes.len());
        let (path, file) = (path.display().to_string(), file.display().to_string());
        let _ = writeln!(
            text,
            "File {{ path: {path:?}, tag: {tag:?}, bytes: include_bytes!({file:?}) }},"
        );
    }
    text.push(']');
    let out = env::var_os("OUT_DIR")
        .map(PathBuf::from)
        .unwrap_or_default();
    fs::write(out.join("files.rs"), text)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}
