//! What is shown while things on a cluster become ready or go: a line that changes on a terminal, else a line
//! for each news.

use std::{
    collections::BTreeMap,
    io::{self, IsTerminal},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};

use super::note;

/// How often the clock moves.
const TICK: Duration = Duration::from_millis(200);

/// What is being waited for, by name.
pub(crate) struct Waiting {
    quiet: bool,
    bar: Option<ProgressBar>,
    /// What was said last of each; nothing once it was ready.
    said: BTreeMap<String, Option<String>>,
}

impl Waiting {
    /// What suits standard error.
    pub(crate) fn new(quiet: bool) -> Self {
        let bar = (!quiet && io::stderr().is_terminal()).then(ProgressBar::new_spinner);
        if let Some(bar) = &bar {
            if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed}  {wide_msg}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(TICK);
        }
        Self {
            quiet,
            bar,
            said: BTreeMap::new(),
        }
    }

    /// Something isn't ready, and why.
    pub(crate) fn waits(&mut self, what: &str, why: &str) {
        let said = self.said.insert(what.to_owned(), Some(why.to_owned()));
        if said.flatten().as_deref() != Some(why) {
            self.line(&format!("{what}: {why}"));
        }
        self.show();
    }

    /// Something is ready.
    pub(crate) fn ready(&mut self, what: &str) {
        if self.said.insert(what.to_owned(), None) != Some(None) {
            self.line(&format!("{what}: ready"));
        }
        self.show();
    }

    /// Something is to go and isn't gone yet. On lines it is said once a step: what is left changes all the time.
    pub(crate) fn until_gone(&mut self, step: &str, what: &str) {
        match &self.bar {
            Some(bar) => bar.set_message(format!("until it is gone: {what}")),
            None if self.said.insert(step.to_owned(), None).is_none() => {
                self.line(&format!("until it is gone: {what}"));
            }
            None => {}
        }
    }

    /// Something isn't waited for any more.
    pub(crate) fn forget(&mut self, what: &str) {
        self.said.remove(what);
    }

    /// A line that stays.
    pub(crate) fn line(&self, text: &str) {
        match &self.bar {
            _ if self.quiet => {}
            Some(bar) => bar.suspend(|| note(text)),
            None => note(text),
        }
    }

    fn show(&self) {
        let Some(bar) = &self.bar else { return };
        let waits = |(what, why): (&String, &Option<String>)| why.is_some().then(|| what.clone());
        let waiting: Vec<_> = self.said.iter().filter_map(waits).collect();
        bar.set_message(format!("waiting for {}", waiting.join(", ")));
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
