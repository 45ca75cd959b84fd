//! Many requests: as they come in over a while, and as fast as they are answered.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use anyhow::Result;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until},
};

use super::client::Client;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Read,
    Post,
}

/// Answers, in seconds.
#[derive(Debug, Default)]
pub(super) struct Answers {
    pub(super) reads: Vec<f64>,
    pub(super) posts: Vec<f64>,
    pub(super) errors: u32,
    /// Posts that came faster than the server takes them from one address.
    pub(super) too_many: u32,
    pub(super) took: Duration,
}

impl Answers {
    pub(super) fn count(&self) -> usize {
        self.reads.len() + self.posts.len()
    }

    /// A second; what wasn't done isn't counted.
    pub(super) fn per_second(&self) -> f64 {
        self.count() as f64 / self.took.as_secs_f64()
    }
}

/// The least value such that this share of all is at most as high.
pub(super) fn quantile(sorted: &[f64], share: f64) -> f64 {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted
        .get(rank.saturating_sub(1))
        .copied()
        .unwrap_or(f64::NAN)
}

/// What the requests are about.
#[derive(Debug, Clone)]
pub(super) struct Mix {
    /// Ids of orders that are over.
    pub(super) orders: Vec<String>,
    /// Whether orders are posted, too.
    pub(super) posts: bool,
}

impl Mix {
    /// Of 20 requests 8 are for the list, 8 for an order, 3 for a chart, one posts an order.
    fn request(&self, n: u32) -> (Kind, String, Option<String>) {
        let order = &self.orders[n as usize % self.orders.len()];
        let read = |path: String| (Kind::Read, path, None);
        match n % 20 {
            0 if self.posts => {
                let tasks = r#"[{"name":"true","local":["true"]}]"#;
                let body = format!(r#"{{"id":"posted-{n}","tasks":{tasks}}}"#);
                (Kind::Post, "/api/orders?again=true".to_owned(), Some(body))
            }
            0..=8 => read("/api/orders".to_owned()),
            9..=16 => read(format!("/api/orders/{order}")),
            _ => read(format!("/api/orders/{order}/chart.svg")),
        }
    }
}

/// Sends so many requests over some connections, evenly over `ramp_up` (a request that has to wait for a
/// connection is late by that), or one after another if that is zero.
pub(super) async fn run(
    address: &str,
    mix: &Mix,
    requests: u32,
    connections: u32,
    ramp_up: Duration,
) -> Result<Answers> {
    let next = Arc::new(AtomicU32::new(0));
    let begun = Instant::now();
    let mut senders = JoinSet::new();
    for _ in 0..connections {
        let (next, mix, address) = (Arc::clone(&next), mix.clone(), address.to_owned());
        senders.spawn(async move {
            let mut answers = Answers::default();
            let mut client = Client::connect(&address).await?;
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= requests {
                    return anyhow::Ok(answers);
                }
                let due = begun + ramp_up.mul_f64(f64::from(n) / f64::from(requests));
                sleep_until(due).await;
                let since = if ramp_up.is_zero() {
                    Instant::now()
                } else {
                    due
                };
                let (kind, path, body) = mix.request(n);
                match client.send(&path, body).await {
                    Ok((200..=299, _)) => {
                        let took = since.elapsed().as_secs_f64();
                        match kind {
                            Kind::Read => answers.reads.push(took),
                            Kind::Post => answers.posts.push(took),
                        }
                    }
                    Ok((429, _)) => answers.too_many += 1,
                    Ok(_) => answers.errors += 1,
                    Err(_) => {
                        answers.errors += 1;
                        client = Client::connect(&address).await?;
                    }
                }
            }
        });
    }
    let mut all = Answers::default();
    while let Some(answers) = senders.join_next().await {
        let answers = answers??;
        all.reads.extend(answers.reads);
        all.posts.extend(answers.posts);
        all.errors += answers.errors;
        all.too_many += answers.too_many;
    }
    all.took = begun.elapsed();
    all.reads.sort_by(f64::total_cmp);
    all.posts.sort_by(f64::total_cmp);
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_by_the_nearest_rank() {
        let sorted: Vec<_> = (1..=100).map(f64::from).collect();
        assert!((quantile(&sorted, 0.5) - 50.0).abs() < f64::EPSILON);
        assert!((quantile(&sorted, 0.99) - 99.0).abs() < f64::EPSILON);
        assert!(quantile(&[], 0.5).is_nan());
    }

    #[test]
    fn one_request_in_twenty_posts_where_that_can_be_done() {
        let mut mix = Mix {
            orders: vec!["a".to_owned()],
            posts: true,
        };
        let posts = |mix: &Mix| (0..100).filter(|n| mix.request(*n).0 == Kind::Post).count();
        assert_eq!(posts(&mix), 5);
        mix.posts = false;
        assert_eq!(posts(&mix), 0);
    }
}
