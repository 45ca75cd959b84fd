//! The bounds of what a request can make grow, and how often some may be made.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// The bounds.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections at a time; more wait.
    pub connections: usize,
    /// Time for a request's head.
    pub head: Duration,
    /// Time for a request's body.
    pub body: Duration,
    /// An order's JSON, bytes.
    pub order_bytes: usize,
    /// An input, bytes.
    pub input_bytes: usize,
    /// Inputs that are received at a time.
    pub uploads: usize,
    /// Orders posted or ended: a second and address, after so many at once.
    pub posts_per_second: f64,
    /// How many at once.
    pub posts_at_once: f64,
    /// Tokens tried: a second and address.
    pub sign_ins_per_second: f64,
    /// How many at once.
    pub sign_ins_at_once: f64,
    /// Drawings that are kept, bytes.
    pub drawings_bytes: usize,
    /// Events that are kept for watchers.
    pub events: usize,
    /// The same in bytes.
    pub events_bytes: usize,
    /// Watchers at a time.
    pub watchers: usize,
    /// How often the store is read while somebody watches.
    pub poll: Duration,
    /// Between the signs of life that a watcher gets.
    pub heartbeat: Duration,
    /// How long what is new is read on after the last watcher has gone.
    pub linger: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1024,
            head: Duration::from_secs(10),
            body: Duration::from_mins(2),
            order_bytes: 1 << 20,
            input_bytes: 64 << 20,
            uploads: 4,
            posts_per_second: 200.0,
            posts_at_once: 400.0,
            sign_ins_per_second: 1.0,
            sign_ins_at_once: 10.0,
            drawings_bytes: 64 << 20,
            events: 8192,
            events_bytes: 16 << 20,
            watchers: 800,
            poll: Duration::from_millis(250),
            heartbeat: Duration::from_secs(15),
            linger: Duration::from_secs(30),
        }
    }
}

/// How often each address may do something: a bucket of permits that fills again.
pub(crate) struct Rate {
    per_second: f64,
    at_once: f64,
    buckets: Mutex<HashMap<IpAddr, (f64, Instant)>>,
}

/// Addresses that are remembered.
const ADDRESSES: usize = 4096;

impl Rate {
    pub(crate) fn new(per_second: f64, at_once: f64) -> Self {
        Self {
            per_second,
            at_once,
            buckets: Mutex::default(),
        }
    }

    /// Takes a permit; else how long until there is one.
    pub(crate) fn take(&self, from: IpAddr, now: Instant) -> Result<(), Duration> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= ADDRESSES {
            let full = Duration::from_secs_f64(self.at_once / self.per_second);
            buckets.retain(|_, (_, at)| now.saturating_duration_since(*at) < full);
            // Whoever comes from so many addresses at once is let in by none of them.
            if buckets.len() >= ADDRESSES && !buckets.contains_key(&from) {
                return Err(full);
            }
        }
        let (permits, at) = buckets.entry(from).or_insert((self.at_once, now));
        let grown = now.saturating_duration_since(*at).as_secs_f64() * self.per_second;
        *permits = (*permits + grown).min(self.at_once);
        *at = now;
        if *permits < 1.0 {
            return Err(Duration::from_secs_f64((1.0 - *permits) / self.per_second));
        }
        *permits -= 1.0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permits_run_out_and_come_back() {
        let rate = Rate::new(2.0, 3.0);
        let (one, other) = (IpAddr::from([127, 0, 0, 1]), IpAddr::from([127, 0, 0, 2]));
        let start = Instant::now();
        for _ in 0..3 {
            assert_eq!(rate.take(one, start), Ok(()));
        }
        assert_eq!(rate.take(one, start), Err(Duration::from_millis(500)));
        assert_eq!(rate.take(other, start), Ok(()));
        let later = start + Duration::from_millis(500);
        assert_eq!(rate.take(one, later), Ok(()));
        assert!(rate.take(one, later).is_err());
    }

    #[test]
    fn addresses_without_number_are_refused_not_remembered() {
        let rate = Rate::new(1.0, 1.0);
        let now = Instant::now();
        for n in 0..10_000u32 {
            let _ = rate.take(IpAddr::from(n.to_be_bytes()), now);
        }
        assert_eq!(rate.buckets.lock().unwrap().len(), ADDRESSES);
    }
}
