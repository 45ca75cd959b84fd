//! What is kept on disk while Kafka is away.
//!
//! One file for an order, `<order_uid>.spool`, a message a line: the checksum of the rest, the
//! message's type, its JSON. It is only ever appended to, and removed when all of it is delivered. A
//! message counts as kept once it is written and synced; a line that is not whole was never counted.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, BufRead, BufReader},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use metrics::Gauge;
use model::{AttemptKey, Envelope, Message, OrderUid, Reading, message::Record};

/// The longest line that is read back, bytes; none that is written comes near.
const MAX_LINE: u64 = 4 * 1024 * 1024;
/// Files that nobody has come back for after so long are removed.
const FORGOTTEN: Duration = Duration::from_hours(7 * 24);
/// How long a predecessor's last write may take.
const LOCK_PATIENCE: Duration = Duration::from_secs(10);

/// The spool files of a service, with what they may have in all.
#[derive(Debug, Clone)]
pub(crate) struct Spools {
    folder: PathBuf,
    limit_bytes: u64,
    used_bytes: Used,
}

/// What all files have together, bytes; it can be read as a metric.
type Used = Gauge<u64, AtomicU64>;

/// What a predecessor left for an order.
pub(crate) struct Left {
    pub(crate) file: SpoolFile,
    /// How many messages are in it.
    pub(crate) messages: u64,
    /// The last reading of each attempt in it.
    pub(crate) last: BTreeMap<AttemptKey, Reading>,
}

impl Spools {
    pub(crate) fn new(folder: PathBuf, limit_bytes: u64, used_bytes: Used) -> Self {
        Self {
            folder,
            limit_bytes,
            used_bytes,
        }
    }

    /// What all files together may have, bytes.
    pub(crate) fn limit_bytes(&self) -> u64 {
        self.limit_bytes
    }

    pub(crate) fn path(&self, order: OrderUid) -> PathBuf {
        self.folder.join(format!("{order}.spool"))
    }

    /// Removes files of orders that nobody serves any more. Blocks.
    pub(crate) fn tidy(&self) {
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let age = entry.metadata().and_then(|m| m.modified()).ok();
            let age = age.and_then(|at| at.elapsed().ok()).unwrap_or_default();
            if age > FORGOTTEN && path.extension().is_some_and(|e| e == "spool") {
                tracing::warn!("{} is old and nobody's; it is removed", path.display());
                let _ = fs::remove_file(path);
            }
        }
    }

    /// What a predecessor left for the order, without what its end tore. Blocks.
    pub(crate) fn left(&self, order: OrderUid) -> io::Result<Option<Left>> {
        let path = self.path(order);
        match OpenOptions::new().read(true).write(true).open(&path) {
            Ok(file) => {
                lock(&file)?;
                self.recover(path, file).map(Some)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn recover(&self, path: PathBuf, file: File) -> io::Result<Left> {
        let length = file.metadata()?.len();
        let (mut whole, mut messages, mut last) = (0, 0, BTreeMap::new());
        let mut lines = BufReader::with_capacity(256 * 1024, &file);
        let mut line = Vec::new();
        while let Some(envelope) = next(&mut lines, &mut line)? {
            whole += line.len() as u64;
            messages += 1;
            if let (Message::Sample(sample), Some(key)) = (&envelope.message, envelope.header.key())
            {
                last.insert(key, sample.reading);
            }
        }
        if whole < length {
            let torn = length - whole;
            tracing::warn!(
                "{} ended with {torn} bytes of no message; they are cut off",
                path.display()
            );
            file.set_len(whole)?;
        }
        // What is there is there, also past the limit.
        self.used_bytes.inc_by(whole);
        let file = SpoolFile {
            path,
            file: Arc::new(file),
            written: whole,
            reserved: whole,
            used_bytes: self.used_bytes.clone(),
        };
        Ok(Left {
            file,
            messages,
            last,
        })
    }

    /// A new, empty file. Blocks for as long as the disk takes to note it: some milliseconds.
    pub(crate) fn create(&self, order: OrderUid) -> io::Result<SpoolFile> {
        fs::create_dir_all(&self.folder)?;
        let path = self.path(order);
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false);
        let file = file.open(&path)?;
        file.try_lock()?;
        file.set_len(0)?;
        File::open(&self.folder)?.sync_all()?;
        Ok(SpoolFile {
            path,
            file: Arc::new(file),
            written: 0,
            reserved: 0,
            used_bytes: self.used_bytes.clone(),
        })
    }

    /// Takes room for so many bytes; `false` if there isn't as much.
    fn reserve(&self, bytes: u64) -> bool {
        let room = |used: u64| {
            used.checked_add(bytes)
                .filter(|used| *used <= self.limit_bytes)
        };
        self.used_bytes
            .inner()
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, room)
            .is_ok()
    }
}

/// A predecessor in this process may still be in its last write.
fn lock(file: &File) -> io::Result<()> {
    let until = Instant::now() + LOCK_PATIENCE;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) if Instant::now() > until => {
                return Err(io::Error::other("another producer uses it"));
            }
            Err(TryLockError::WouldBlock) => thread::sleep(Duration::from_millis(5)),
        }
    }
}

/// One order's file.
#[derive(Debug)]
pub(crate) struct SpoolFile {
    path: PathBuf,
    file: Arc<File>,
    /// Where the next message goes.
    written: u64,
    reserved: u64,
    used_bytes: Used,
}

impl SpoolFile {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// How far it is filled, bytes.
    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    /// Takes room for lines; `false` if the limit is reached.
    pub(crate) fn reserve(&mut self, spools: &Spools, bytes: u64) -> bool {
        let has_room = spools.reserve(bytes);
        self.reserved += if has_room { bytes } else { 0 };
        has_room
    }

    /// Gives back room that was not used after all.
    pub(crate) fn release(&mut self, bytes: u64) {
        self.reserved -= bytes;
        self.used_bytes.dec_by(bytes);
    }

    /// Writes lines at the end and waits for the disk, when called; for a thread that may block.
    /// They are part of the file once [`Self::extend`] was told so.
    pub(crate) fn append(&self, lines: Vec<u8>) -> impl FnOnce() -> io::Result<()> + use<> {
        let (file, at) = (Arc::clone(&self.file), self.written);
        move || {
            file.write_all_at(&lines, at)?;
            file.sync_data()
        }
    }

    pub(crate) fn extend(&mut self, bytes: u64) {
        self.written += bytes;
    }

    /// The messages from an offset on, about `bytes` of them, each with the offset of its end.
    pub(crate) fn read(&self, from: u64, bytes: u64) -> io::Result<Vec<(Envelope, u64)>> {
        let (mut at, mut all) = (from, Vec::new());
        let mut lines = BufReader::with_capacity(
            64 * 1024,
            Part {
                file: &self.file,
                at,
                end: self.written,
            },
        );
        let mut line = Vec::new();
        while at < self.written && at - from < bytes {
            let Some(envelope) = next(&mut lines, &mut line)? else {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "a line is no message",
                ));
            };
            at += line.len() as u64;
            all.push((envelope, at));
        }
        Ok(all)
    }

    /// Removes it: all of it is delivered, or of no use any more.
    pub(crate) fn remove(self) {
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(
                "{} can't be removed: {error}; do it by hand",
                self.path.display()
            );
        }
    }
}

impl Drop for SpoolFile {
    fn drop(&mut self) {
        self.used_bytes.dec_by(self.reserved);
    }
}

/// A part of a file, read without moving anybody's position.
struct Part<'a> {
    file: &'a File,
    at: u64,
    end: u64,
}

impl io::Read for Part<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left);
        let read = self.file.read_at(&mut buffer[..wanted], self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

/// A message as a line.
pub(crate) fn line(record: &Record) -> Vec<u8> {
    let text = [record.key.as_bytes(), b" ", &record.value, b"\n"].concat();
    let sum = crc32fast::hash(&text);
    [format!("{sum:08x} ").as_bytes(), &text].concat()
}

/// Reads a line into `line`; `None` at the end, and where no whole message stands.
fn next(lines: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Option<Envelope>> {
    line.clear();
    io::Read::take(&mut *lines, MAX_LINE).read_until(b'\n', line)?;
    Ok(parse(line))
}

fn parse(line: &[u8]) -> Option<Envelope> {
    let (sum, text) = line.split_at_checked(9)?;
    let sum = std::str::from_utf8(sum).ok()?.strip_suffix(' ')?;
    if format!("{:08x}", crc32fast::hash(text)) != sum {
        return None;
    }
    let text = text.strip_suffix(b"\n")?;
    let blank = text.iter().position(|b| *b == b' ')?;
    Envelope::decode(Some(&text[..blank]), &text[blank + 1..]).ok()
}

#[cfg(test)]
mod tests;
