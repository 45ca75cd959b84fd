//! The anonymous peak of the attempt.

use crate::AnonPeak;
use crate::process::Process;
use crate::track::Range;

/// Collects what is known of the anonymous peak.
#[derive(Debug, Default)]
pub(crate) struct Peak {
    /// The largest sum over all processes, or of the cgroup, bytes.
    largest_sample: Option<u64>,
    /// From high-water marks of single processes, bytes.
    bound: Option<u64>,
    root: Option<Root>,
    reaped: u64,
    most_threads: u64,
}

/// The command's own process.
#[derive(Debug, Clone, Copy)]
struct Root {
    pid: i32,
    /// High-water mark that it may have got from the caller through fork and exec, bytes.
    inherited: Option<u64>,
    /// Known once it was reaped and had no children.
    range: Option<Range>,
}

impl Peak {
    pub(crate) fn started(&mut self, pid: i32, inherited: Option<u64>) {
        self.root = Some(Root {
            pid,
            inherited,
            range: None,
        });
    }

    pub(crate) fn sample(&mut self, anon_bytes: Option<u64>) {
        self.largest_sample = self.largest_sample.max(anon_bytes);
    }

    /// A bound by one process.
    pub(crate) fn bound(&mut self, lower: Option<u64>) {
        self.bound = self.bound.max(lower);
    }

    pub(crate) fn threads(&mut self, threads: u64) {
        self.most_threads = self.most_threads.max(threads);
    }

    /// A child was reaped. `process` is what was known of it, `alone` says that no other process of
    /// the task was ever met, `largest_file` is the largest file part of any that is gone.
    pub(crate) fn reaped(
        &mut self,
        process: &Process,
        maxrss_bytes: u64,
        alone: bool,
        largest_file: Option<u64>,
    ) {
        self.reaped += 1;
        self.bound(process.track.lower());
        let root = self.root.as_mut().filter(|root| root.pid == process.pid);
        // At or below the inherited mark nothing is known of the task's own. Only the root has one
        // from the caller.
        let inherited = root.as_ref().map_or(Some(0), |root| root.inherited);
        if inherited.is_none_or(|inherited| maxrss_bytes <= inherited) {
            return;
        }
        let childless = process.ended
            && process.stat.cminflt == 0
            && process.status.sigchld_ignored == Some(false);
        if !childless {
            // Its own mark or that of the largest it waited for, whose file part nobody saw at the
            // end: the largest that was seen of any stands for it.
            self.bound(largest_file.map(|file| maxrss_bytes.saturating_sub(file)));
            return;
        }
        let range = process.track.ended(maxrss_bytes);
        if let Some(root) = root.filter(|_| alone) {
            root.range = range;
        }
        self.bound(range.map(|range| range.lower));
    }

    /// The peak; `slack` is how far the kernel's high-water marks may be off, bytes.
    pub(crate) fn get(&self, alone: bool, slack: u64) -> AnonPeak {
        let known = self.largest_sample.max(self.bound);
        let range = self
            .root
            .and_then(|root| root.range)
            .filter(|_| alone && self.reaped == 1);
        let Some(range) = range else {
            return AnonPeak {
                bytes: known,
                exact: false,
            };
        };
        let sampled_above = known.is_some_and(|known| known > range.upper + slack);
        let exact = range.within_one_percent(slack) && !sampled_above;
        let bytes = if exact {
            known.max(Some(range.middle()))
        } else {
            known
        };
        AnonPeak { bytes, exact }
    }

    /// How far the kernel's sum of resident pages may be off: each processor keeps up to a batch of
    /// changes to itself (`percpu_counter_batch`), on as many as the threads ran on.
    pub(crate) fn slack_bytes(&self, processors: u64, page_bytes: u64) -> u64 {
        let batch = (2 * processors).max(32);
        batch * processors.min(self.most_threads.max(1) + 1) * page_bytes
    }
}
