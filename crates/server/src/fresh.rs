//! Answers that many ask for at once, read once: each is good for a moment.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;
use model::OrderId;
use tokio::sync::OnceCell;

use crate::problem::Problem;

/// How old an answer may be.
const MOMENT: Duration = Duration::from_millis(100);
/// How many are kept.
const MOST: usize = 512;
/// Longer ones aren't.
const MAX_BYTES: usize = 256 << 10;

type Answer = Arc<OnceCell<Bytes>>;

/// How keys of single orders begin; nothing else does.
const ORDER: &str = "order ";

/// The key of an order.
pub(crate) fn order_key(id: &OrderId) -> String {
    format!("{ORDER}{id}")
}

/// The answers of this moment.
#[derive(Default)]
pub(crate) struct Fresh {
    answers: Mutex<HashMap<String, (Instant, Answer)>>,
}

impl Fresh {
    /// The answer to what `key` says, read now if nobody else has just done so.
    pub(crate) async fn get(
        &self,
        key: String,
        read: impl Future<Output = Result<Bytes, Problem>>,
    ) -> Result<Bytes, Problem> {
        let answer = self.answer(&key, Instant::now());
        let bytes = answer.get_or_try_init(|| read).await?.clone();
        if bytes.len() > MAX_BYTES {
            let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
            answers.remove(&key);
        }
        Ok(bytes)
    }

    fn answer(&self, key: &str, now: Instant) -> Answer {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let is_good = |at: &Instant| now.saturating_duration_since(*at) < MOMENT;
        if let Some((_, answer)) = answers.get(key).filter(|(at, _)| is_good(at)) {
            return Arc::clone(answer);
        }
        if answers.len() >= MOST {
            answers.retain(|_, (at, _)| is_good(at));
        }
        let new = Answer::default();
        if answers.len() < MOST {
            answers.insert(key.to_owned(), (now, Arc::clone(&new)));
        }
        new
    }

    /// Forgets what an order that was just loaded or ended may change: lists, and itself.
    pub(crate) fn forget_order(&self, id: &OrderId) {
        let its = order_key(id);
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.retain(|key, _| key.starts_with(ORDER) && *key != its);
    }

    /// Forgets all: who asks from now on is told what stands now. Whoever begins to watch must not be told
    /// less than what comes before the first event.
    pub(crate) fn forget(&self) {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_answer_is_read_once_and_forgotten() {
        let fresh = Fresh::default();
        let read = |text: &'static str| {
            let answer = async move { Ok(Bytes::from(text)) };
            fresh.get("a".to_owned(), answer)
        };
        assert_eq!(read("one").await.unwrap(), "one");
        assert_eq!(read("two").await.unwrap(), "one");
        fresh.forget();
        assert_eq!(read("three").await.unwrap(), "three");
    }

    #[tokio::test]
    async fn an_order_that_changes_leaves_the_others() {
        let fresh = Fresh::default();
        let read = |key: String, text: &'static str| {
            let answer = async move { Ok(Bytes::from(text)) };
            fresh.get(key, answer)
        };
        let (one, other) = ("a".parse().unwrap(), "a-2".parse().unwrap());
        let keys = [order_key(&one), order_key(&other), "/api/orders".to_owned()];
        for key in &keys {
            read(key.clone(), "old").await.unwrap();
        }
        fresh.forget_order(&one);
        let mut now = Vec::new();
        for key in keys {
            now.push(read(key, "new").await.unwrap());
        }
        assert_eq!(now, ["new", "old", "new"]);
    }

    #[tokio::test]
    async fn a_failure_is_not_kept() {
        let fresh = Fresh::default();
        let failed = async { Err(Problem::bad("no")) };
        assert!(fresh.get("a".to_owned(), failed).await.is_err());
        let good = async { Ok(Bytes::from("yes")) };
        assert_eq!(fresh.get("a".to_owned(), good).await.unwrap(), "yes");
    }
}
