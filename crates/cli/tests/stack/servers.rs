//! Where test.sh has put the servers.

use std::sync::OnceLock;

/// The value of a variable that test.sh sets; `None`, said once, where only what needs no server is
/// tested.
fn variable(name: &str) -> Option<String> {
    static SAID: OnceLock<()> = OnceLock::new();
    if std::env::var_os("PODOMETER_TEST_FAST").is_some() {
        SAID.get_or_init(|| eprintln!("NOT RUN: what needs a server (PODOMETER_TEST_FAST is set)"));
        return None;
    }
    let value = std::env::var(name);
    Some(value.unwrap_or_else(|_| {
        panic!("{name} is not set: run ./test.sh, or start what tests/stack/servers.sh starts")
    }))
}

/// `HOST:PORT` of the Kafka.
pub(crate) fn kafka() -> Option<String> {
    variable("PODOMETER_TEST_BOOTSTRAP_SERVERS")
}

/// A Python that has two Kafka clients.
pub(crate) fn python() -> Option<String> {
    variable("PODOMETER_TEST_PYTHON")
}
