//! What a command ends with.

use std::process::ExitCode;

use model::{Status, order::OrderError};

use crate::{cluster, load::Usage, remote};

/// The exit code of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Code(pub(crate) u8);

impl Code {
    /// All is done.
    pub(crate) const DONE: Self = Self(0);
    /// An order failed.
    pub(crate) const ORDER_FAILED: Self = Self(1);
    /// Bad input or usage.
    pub(crate) const BAD_INPUT: Self = Self(2);
    /// A service could not be reached.
    pub(crate) const UNREACHABLE: Self = Self(3);
    /// Anything else.
    pub(crate) const OTHER: Self = Self(4);
    /// Terminated by Ctrl-C.
    pub(crate) const INTERRUPTED: Self = Self(130);

    /// How an order ended; that of one which has not ended is [`Code::DONE`].
    pub(crate) fn of(status: Status) -> Self {
        match status {
            Status::Failed | Status::Terminated => Self::ORDER_FAILED,
            Status::Queued | Status::Running | Status::Succeeded => Self::DONE,
        }
    }
}

impl From<Code> for ExitCode {
    fn from(code: Code) -> Self {
        Self::from(code.0)
    }
}

/// The exit code for an error, from the innermost cause that is known.
pub(crate) fn code_of(error: &anyhow::Error) -> Code {
    error.chain().find_map(known).unwrap_or(Code::OTHER)
}

fn known(cause: &(dyn std::error::Error + 'static)) -> Option<Code> {
    if cause.is::<Usage>() || cause.is::<OrderError>() || cause.is::<metrics::Error>() {
        return Some(Code::BAD_INPUT);
    }
    if let Some(error) = cause.downcast_ref::<image_tasks::Error>() {
        return error.is_bad_input().then_some(Code::BAD_INPUT);
    }
    if let Some(error) = cause.downcast_ref::<store::Error>() {
        use store::Error as E;
        let usage = matches!(
            error,
            E::NoStore { .. } | E::Exists { .. } | E::Unfinished { .. } | E::Address { .. }
        );
        let away = matches!(error, E::Unreachable { .. });
        return match (usage, away) {
            (true, _) => Some(Code::BAD_INPUT),
            (_, true) => Some(Code::UNREACHABLE),
            _ => None,
        };
    }
    if let Some(error) = cause.downcast_ref::<cluster::Error>() {
        return if error.is_bad_input() {
            Some(Code::BAD_INPUT)
        } else {
            error.is_unreachable().then_some(Code::UNREACHABLE)
        };
    }
    if let Some(error) = cause.downcast_ref::<remote::Error>() {
        return if error.is_bad_input() {
            Some(Code::BAD_INPUT)
        } else {
            error.is_unreachable().then_some(Code::UNREACHABLE)
        };
    }
    if let Some(error) = cause.downcast_ref::<bus::Error>() {
        return if error.is_bad_input() {
            Some(Code::BAD_INPUT)
        } else {
            error.is_unreachable().then_some(Code::UNREACHABLE)
        };
    }
    None
}

#[cfg(test)]
mod tests {
    use anyhow::Context;
    use model::order::OrderSource;

    use super::*;

    #[test]
    fn an_error_keeps_its_code_under_context() {
        let source = OrderSource {
            file: "a.json".to_owned(),
            text: "{".to_owned(),
        };
        let broken = model::Order::parse(&source, &model::Catalogue::default());
        let error = broken
            .map(drop)
            .context("reading")
            .context("starting")
            .unwrap_err();
        assert_eq!(code_of(&error), Code::BAD_INPUT);
        assert_eq!(code_of(&anyhow::anyhow!("unknown")), Code::OTHER);
    }
}
