//! How long an order that is over waits for the broker.

use std::time::Duration;

use model::OrderId;
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};
use tracing::warn;

use crate::Control;

/// The longest wait once a person wants the order to end.
const SOFT: Duration = Duration::from_secs(15);
/// The same when it is to end at once.
const HARD: Duration = Duration::from_secs(2);
/// After so long it is said what is waited for.
const SILENCE: Duration = Duration::from_secs(3);

/// Returns when the wait is no longer worth it: after `longest`, soon after a person wants the order
/// to end, at once when it is to end at once.
pub(super) async fn exhausted(
    mut control: watch::Receiver<Control>,
    longest: Duration,
    order: &OrderId,
) {
    let now = Instant::now();
    let mut until = now + longest.min(at_most(*control.borrow_and_update()));
    let mut say_at = Some(now + SILENCE).filter(|at| *at < until);
    loop {
        let next = say_at.unwrap_or(until);
        tokio::select! {
            () = sleep_until(next) => match say_at.take() {
                Some(_) => say(order, until - now),
                None => return,
            },
            Ok(()) = control.changed() => match *control.borrow_and_update() {
                Control::Hard => return,
                wish => until = until.min(Instant::now() + at_most(wish)),
            },
        }
    }
}

fn at_most(wish: Control) -> Duration {
    match wish {
        Control::Run => Duration::from_hours(24),
        Control::Soft => SOFT,
        Control::Hard => HARD,
    }
}

fn say(order: &OrderId, longest: Duration) {
    let seconds = longest.as_secs();
    warn!(
        "order {order} is over, and Kafka has not confirmed it yet; waiting for up to {seconds} s in \
         all, less with Ctrl-C"
    );
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn a_second_wish_ends_it_at_once_and_the_longest_wait_in_any_case() {
        let order = "leaf".parse().unwrap();
        let (wish, control) = watch::channel(Control::Run);
        let longest = Duration::from_mins(5);
        let mut waiting = Box::pin(exhausted(control.clone(), longest, &order));
        let soon = Duration::from_millis(50);
        assert!(timeout(soon, &mut waiting).await.is_err());
        wish.send_replace(Control::Soft);
        assert!(timeout(soon, &mut waiting).await.is_err());
        wish.send_replace(Control::Hard);
        timeout(HARD / 2, waiting).await.unwrap();
        let short = exhausted(control, Duration::from_millis(1), &order);
        timeout(HARD / 2, short).await.unwrap();
    }

    #[test]
    fn a_first_wish_shortens_it() {
        assert!(at_most(Control::Run) > SOFT && at_most(Control::Soft) == SOFT);
        assert!(at_most(Control::Hard) == HARD);
    }
}
