//! What a child executes, in the form that the kernel takes it.

use std::{
    env,
    ffi::{CString, OsStr, OsString, c_char},
    fs::File,
    io,
    os::{
        fd::{AsRawFd, FromRawFd, OwnedFd},
        unix::ffi::{OsStrExt, OsStringExt},
    },
    path::{Path, PathBuf},
    ptr,
};

use nix::unistd::{AccessFlags, access};

/// A program with its arguments, its environment, and its standard input, output and error.
pub(in crate::local) struct Image {
    pub(super) program: CString,
    /// Each ends with a null pointer; they point into `_texts`.
    pub(super) argv: Vec<*const c_char>,
    pub(super) envp: Vec<*const c_char>,
    /// The descriptors that become 0, 1 and 2; -1 for those that stay.
    pub(super) stdio: [i32; 3],
    _texts: Vec<CString>,
    _files: Vec<OwnedFd>,
}

// SAFETY: the pointers lead into the strings that the image owns, which nobody changes.
unsafe impl Send for Image {}
// SAFETY: as above.
unsafe impl Sync for Image {}

impl Image {
    /// Fails if the program is nowhere in `PATH`, or a text holds a NUL.
    pub(in crate::local) fn new(
        argv: &[String],
        env: impl IntoIterator<Item = (OsString, OsString)>,
        stdio: Option<[File; 3]>,
    ) -> io::Result<Self> {
        let name = argv
            .first()
            .ok_or_else(|| io::Error::from_raw_os_error(libc::ENOENT))?;
        let program = CString::new(find(name)?.into_os_string().into_vec())?;
        let mut texts = Vec::new();
        for arg in argv {
            texts.push(CString::new(arg.as_str())?);
        }
        for (name, value) in env {
            texts.push(CString::new(
                [name.as_bytes(), b"=", value.as_bytes()].concat(),
            )?);
        }
        let pointers = |texts: &[CString]| -> Vec<*const c_char> {
            texts
                .iter()
                .map(|text| text.as_ptr())
                .chain([ptr::null()])
                .collect()
        };
        let (args, env) = texts.split_at(argv.len());
        let (argv, envp) = (pointers(args), pointers(env));
        let files = stdio
            .into_iter()
            .flatten()
            .map(above_stdio)
            .collect::<io::Result<Vec<_>>>()?;
        let mut stdio = [-1; 3];
        for (slot, file) in stdio.iter_mut().zip(&files) {
            *slot = file.as_raw_fd();
        }
        Ok(Self {
            program,
            argv,
            envp,
            stdio,
            _texts: texts,
            _files: files,
        })
    }
}

/// A descriptor that is none of 0, 1 and 2, so that putting it there can't overwrite another.
fn above_stdio(file: File) -> io::Result<OwnedFd> {
    if file.as_raw_fd() > 2 {
        return Ok(file.into());
    }
    // SAFETY: the descriptor is open, and the command takes a number.
    let fd = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_DUPFD_CLOEXEC, 3) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just made this descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// The path of a program, looked for in `PATH` if it names no folder.
fn find(name: &str) -> io::Result<PathBuf> {
    if name.contains('/') {
        return Ok(PathBuf::from(name));
    }
    let path = env::var_os("PATH").unwrap_or_else(|| OsStr::new("/usr/bin:/bin").to_owned());
    let runs = |path: &Path| path.is_file() && access(path, AccessFlags::X_OK).is_ok();
    env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|path| runs(path))
        .ok_or_else(|| io::Error::from_raw_os_error(libc::ENOENT))
}
