//! The last words of an attempt: to the broker, or into a file for whoever can tell it later.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::Path,
    time::{Duration, Instant},
};

use bus::RunnerProducer;
use model::{Envelope, termination::Undelivered};

/// A message and its topic.
pub(crate) type Letter<'a> = (&'a str, Envelope);

/// A broker that hasn't confirmed everything after so long may be away for long.
const SILENCE: Duration = Duration::from_secs(1);

/// Waits until the broker has confirmed what it was sent; returns whether it has. When it is silent,
/// the letters are put into the file, which goes again if they are delivered after all. It is
/// written before the wait is over, because the runner may be killed in it.
pub(crate) fn deliver(
    producer: &RunnerProducer,
    letters: &[Letter<'_>],
    file: Option<&Path>,
    patience: Duration,
) -> bool {
    let until = Instant::now() + patience;
    if producer.flush(patience.min(SILENCE)) == 0 {
        return true;
    }
    // Without more patience nobody is left who would read the file.
    let file = file.filter(|_| patience > SILENCE);
    if let Some(file) = file
        && let Err(error) = write(file, letters)
    {
        let file = file.display();
        eprintln!(
            "podometer runner: what the broker did not take can't be kept in {file}: {error}"
        );
    }
    let delivered = producer.flush(until.saturating_duration_since(Instant::now())) == 0;
    if delivered && let Some(file) = file {
        let _ = fs::remove_file(file);
    }
    delivered
}

/// All of it or nothing, also if the machine loses its power.
fn write(file: &Path, letters: &[Letter<'_>]) -> io::Result<()> {
    let records: Result<Vec<_>, _> = letters
        .iter()
        .map(|(topic, envelope)| Undelivered::new(topic, envelope))
        .collect();
    let text = Undelivered::to_lines(&records.map_err(io::Error::other)?)?;
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    let part = file.with_file_name(name);
    let mut to = File::create(&part)?;
    to.write_all(text.as_bytes())?;
    to.sync_all()?;
    fs::rename(&part, file)?;
    match file.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}
