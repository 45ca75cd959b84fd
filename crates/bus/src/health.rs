//! How the broker is doing, said once until it changes.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use rdkafka::{
    ClientConfig, ClientContext,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, Consumer, ConsumerContext},
    error::{KafkaError, RDKafkaErrorCode},
};
use tracing::{debug, info, warn};

use crate::bus::lock;

/// A trouble that has been silent for so long is news again.
const FORGET: Duration = Duration::from_mins(2);
/// How often a broker that is away is looked for.
const LOOK: Duration = Duration::from_secs(1);

/// What is known of one broker, by all of its clients together.
#[derive(Debug)]
pub(crate) struct Health {
    /// Nothing is said above `debug`: the broker is ours, or a task's output is not for this.
    quiet: bool,
    away: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    since: Option<Instant>,
    /// The client's last words on why a connection failed.
    reason: String,
    refused: Option<String>,
    /// When each trouble was last heard of.
    said: HashMap<String, Instant>,
}

impl Health {
    pub(crate) fn new(quiet: bool) -> Arc<Self> {
        Arc::new(Self {
            quiet,
            away: AtomicBool::new(false),
            state: Mutex::default(),
        })
    }

    /// Takes a line of the client's log.
    pub(crate) fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        debug!(target: "kafka", "{facility}: {message}");
        if level as i32 > RDKafkaLogLevel::Warning as i32 || facility == "CONFWARN" {
            return;
        }
        match facility {
            "FAIL" | "ERROR" => self.failed(message),
            _ => self.say_once(facility, message),
        }
    }

    /// A connection failed. The error event that follows says what it means.
    fn failed(&self, message: &str) {
        let reason = plain(message);
        let mut state = lock(&self.state);
        if is_refusal(reason) && state.refused.is_none() {
            state.refused = Some(reason.to_owned());
        }
        reason.clone_into(&mut state.reason);
    }

    /// Why the broker doesn't let this client in, if it doesn't.
    pub(crate) fn refusal(&self) -> Option<String> {
        lock(&self.state).refused.clone()
    }

    /// Takes an error that the client goes on from by itself.
    pub(crate) fn trouble(self: &Arc<Self>, error: &KafkaError, reason: &str, look: &Look) {
        let reason = if reason.is_empty() {
            error.to_string()
        } else {
            reason.to_owned()
        };
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::AllBrokersDown) => self.gone(&reason, look),
            Some(RDKafkaErrorCode::Authentication | RDKafkaErrorCode::SaslAuthenticationFailed) => {
                self.say_once(&error.to_string(), &reason);
                lock(&self.state).refused.get_or_insert(reason);
            }
            // One of several: said when it is the last.
            Some(RDKafkaErrorCode::BrokerTransportFailure | RDKafkaErrorCode::Resolve) => {
                debug!(target: "kafka", "{reason}");
            }
            _ => self.say_once(&error.to_string(), &reason),
        }
    }

    /// Says a trouble unless it has been said a moment ago.
    pub(crate) fn say_once(&self, what: &str, detail: &str) {
        let detail = plain(detail);
        let now = Instant::now();
        let mut state = lock(&self.state);
        state.said.retain(|_, at| now.duration_since(*at) < FORGET);
        let known = state.said.insert(what.to_owned(), now).is_some();
        drop(state);
        if known || self.quiet {
            debug!(target: "kafka", "{what}: {detail}");
        } else {
            warn!(target: "kafka", "{what}: {detail}");
        }
    }

    fn gone(self: &Arc<Self>, reason: &str, look: &Look) {
        if self.quiet || self.away.swap(true, Ordering::SeqCst) {
            return;
        }
        let mut state = lock(&self.state);
        state.since = Some(Instant::now());
        let known = Some(state.reason.as_str()).filter(|text| !text.is_empty());
        let reason = known.unwrap_or(reason);
        warn!(target: "kafka", "kafka is away: {reason}; trying again");
        drop(state);
        let (health, look) = (Arc::downgrade(self), look.clone());
        let thread = thread::Builder::new().name("bus-look".to_owned());
        if thread.spawn(move || look_for(&health, &look)).is_err() {
            self.away.store(false, Ordering::SeqCst);
        }
    }

    /// The broker has answered.
    pub(crate) fn answered(&self) {
        if !self.away.load(Ordering::Relaxed) || !self.away.swap(false, Ordering::SeqCst) {
            return;
        }
        let mut state = lock(&self.state);
        let away = state.since.take().map_or(Duration::ZERO, |at| at.elapsed());
        state.said.clear();
        state.refused = None;
        info!(target: "kafka", "kafka is back after {} s", away.as_secs());
    }

    /// Whether no broker of the cluster can be reached.
    pub(crate) fn is_away(&self) -> bool {
        self.away.load(Ordering::Relaxed)
    }
}

/// How a client is made that looks whether the broker is back.
pub(crate) type Look = ClientConfig;

/// Looks for the broker until it answers, or until nobody wants to know.
fn look_for(health: &Weak<Health>, look: &Look) {
    let client: Result<BaseConsumer<Silent>, _> = look.create_with_context(Silent);
    let Ok(client) = client else { return };
    while let Some(health) = health.upgrade() {
        if !health.is_away() {
            return;
        }
        // A topic's metadata, because all topics' may be many.
        let answer = client.client().fetch_metadata(Some(HELLO), LOOK);
        if answer.is_ok() {
            return health.answered();
        }
        drop(health);
        thread::sleep(LOOK);
    }
}

/// A name that can be asked for anywhere: whether it exists doesn't matter.
const HELLO: &str = "podometer-hello";

struct Silent;
impl ClientContext for Silent {
    fn log(&self, _: RDKafkaLogLevel, _: &str, _: &str) {}
    fn error(&self, _: KafkaError, _: &str) {}
}
impl ConsumerContext for Silent {}

/// librdkafka's words without the name of its thread.
fn plain(message: &str) -> &str {
    let rest = message
        .split_once("]: ")
        .filter(|_| message.starts_with("[thrd:"));
    rest.map_or(message, |(_, rest)| rest)
}

/// Whether the broker has answered, and said no.
fn is_refusal(reason: &str) -> bool {
    [
        "SASL authentication error",
        "Authentication failed",
        "SASL handshake failed",
        "Unsupported SASL mechanism",
        "certificate verify failed",
    ]
    .iter()
    .any(|words| reason.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is logged above `debug` meanwhile.
    fn logged(work: impl FnOnce()) -> String {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let writer = Arc::clone(&lines);
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .without_time()
            .with_writer(move || Lines(Arc::clone(&writer)))
            .finish();
        tracing::subscriber::with_default(subscriber, work);
        String::from_utf8(lock(&lines).clone()).unwrap()
    }

    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            lock(&self.0).extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_change_is_said_once() {
        let (health, look) = (Health::new(false), ClientConfig::new());
        let down = KafkaError::Global(RDKafkaErrorCode::AllBrokersDown);
        let other = KafkaError::Global(RDKafkaErrorCode::TopicAuthorizationFailed);
        let log = logged(|| {
            for _ in 0..3 {
                let refused = "[thrd:a:1/1]: a:1/1: Connect to a:1 failed: Connection refused";
                health.log(RDKafkaLogLevel::Error, "FAIL", refused);
                health.trouble(&down, "1/1 brokers are down", &look);
                health.trouble(&other, "not for you", &look);
            }
            health.answered();
            health.answered();
        });
        insta::assert_snapshot!(log);
    }

    #[test]
    fn a_refusal_is_kept() {
        let health = Health::new(false);
        let line = "[thrd:sasl_plaintext://a:1/bootstrap]: sasl_plaintext://a:1/bootstrap: SASL \
                    authentication error: Authentication failed: Invalid username or password";
        health.log(RDKafkaLogLevel::Error, "FAIL", line);
        let refusal = health.refusal().unwrap();
        assert!(
            refusal.starts_with("sasl_plaintext://a:1/bootstrap: SASL"),
            "{refusal}"
        );
        assert!(!health.is_away());
    }
}
