//! What this process uses, under the names that Prometheus' own clients give it.

use std::{fmt, fs};

use nix::{
    sys::resource::{Resource, getrlimit},
    time::{ClockId, clock_gettime},
    unistd::{SysconfVar, sysconf},
};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{counter::ConstCounter, gauge::ConstGauge},
};

/// Reads it whenever it is asked. What can't be read is left out.
#[derive(Debug)]
pub(crate) struct Process {
    /// Since 1970, seconds.
    started_at: Option<f64>,
    page_bytes: u64,
}

impl Process {
    pub(crate) fn new() -> Self {
        Self {
            started_at: started_at(),
            page_bytes: config(SysconfVar::PAGE_SIZE).unwrap_or(4096),
        }
    }
}

impl Collector for Process {
    fn encode(&self, mut to: DescriptorEncoder) -> Result<(), fmt::Error> {
        if let Ok(used) = clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID) {
            let seconds = used.tv_sec() as f64 + used.tv_nsec() as f64 / 1e9;
            let help = "CPU time of the process, seconds";
            say(
                &mut to,
                "process_cpu_seconds",
                help,
                &ConstCounter::new(seconds),
            )?;
        }
        let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
        let gauges = [
            (
                "process_resident_memory_bytes",
                "Resident memory of the process",
                field(&stat, 24).map(|pages| (pages * self.page_bytes) as f64),
            ),
            (
                "process_virtual_memory_bytes",
                "Virtual memory of the process",
                field(&stat, 23).map(|bytes| bytes as f64),
            ),
            (
                "process_threads",
                "Threads of the process",
                field(&stat, 20).map(|threads| threads as f64),
            ),
            (
                "process_open_fds",
                "Open file descriptors of the process",
                // The one that reads the folder is among them.
                fs::read_dir("/proc/self/fd")
                    .ok()
                    .map(|all| (all.count() as f64 - 1.0).max(0.0)),
            ),
            (
                "process_max_fds",
                "How many file descriptors the process may open",
                getrlimit(Resource::RLIMIT_NOFILE)
                    .ok()
                    .map(|(soft, _)| soft as f64),
            ),
            (
                "process_start_time_seconds",
                "When the process started, seconds since 1970",
                self.started_at,
            ),
        ];
        for (name, help, value) in gauges {
            if let Some(value) = value {
                say(&mut to, name, help, &ConstGauge::new(value))?;
            }
        }
        Ok(())
    }
}

fn say(
    to: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    metric: &impl EncodeMetric,
) -> Result<(), fmt::Error> {
    // As the registry does it with what is registered.
    let help = format!("{help}.");
    metric.encode(to.encode_descriptor(name, &help, None, metric.metric_type())?)
}

/// A field of `/proc/<pid>/stat` by its number in proc(5). The second one is the program's name, in
/// which anything may stand; numbers begin after its last parenthesis.
fn field(stat: &str, number: usize) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_ascii_whitespace().nth(number - 3)?.parse().ok()
}

fn started_at() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let ticks = field(&stat, 22)?;
    let kernel = fs::read_to_string("/proc/stat").ok()?;
    let booted = kernel.lines().find_map(|l| l.strip_prefix("btime "))?;
    let booted: u64 = booted.trim().parse().ok()?;
    Some(booted as f64 + ticks as f64 / config(SysconfVar::CLK_TCK)? as f64)
}

fn config(variable: SysconfVar) -> Option<u64> {
    let value = sysconf(variable).ok().flatten()?;
    u64::try_from(value).ok().filter(|value| *value > 0)
}

#[cfg(test)]
mod tests {
    use std::time::{SystemTime, UNIX_EPOCH};

    use super::*;

    #[test]
    fn a_programs_name_may_hold_anything() {
        let stat = "7 (a) b) c) S 1 2";
        assert_eq!(field(stat, 4), Some(1));
        assert_eq!(field(stat, 5), Some(2));
        assert_eq!(field(stat, 6), None);
        assert_eq!(field("nothing", 4), None);
    }

    #[test]
    fn this_process_started_before_now() {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let started = started_at().unwrap();
        // The kernel's time of boot is in whole seconds.
        assert!(started <= now.as_secs_f64() + 2.0, "{started}");
        assert!(started > now.as_secs_f64() - 3600.0, "{started}");
    }
}
