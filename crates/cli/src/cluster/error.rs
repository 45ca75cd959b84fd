//! What can go wrong with a cluster, in words.

use kube::{config::KubeconfigError, core::Status};
use thiserror::Error;

/// Why something on the cluster wasn't done.
#[derive(Debug, Error)]
pub(crate) enum Error {
    /// There is no usable kubeconfig, or it lacks what was named.
    #[error(
        "the kubeconfig can't be used: {}; name one with --kubeconfig or KUBECONFIG, and one of its contexts \
         with --context",
        first_line(.0)
    )]
    Kubeconfig(KubeconfigError),
    /// Nobody answers.
    #[error(
        "{doing}: the cluster can't be reached: {}; is it running, and is the context the right one (--context)?",
        innermost(cause)
    )]
    Unreachable { doing: String, cause: kube::Error },
    /// The API server says no.
    #[error("{doing}: {}{}", .status.message, advice(.status))]
    Refused { doing: String, status: Box<Status> },
    /// Anything else between us and the API server.
    #[error("{doing}: {}", innermost(cause))]
    Other { doing: String, cause: kube::Error },
}

impl Error {
    /// Of a request that was to do something: "applying Deployment podometer-queue".
    pub(crate) fn new(doing: impl Into<String>, error: kube::Error) -> Self {
        let doing = doing.into();
        match error {
            kube::Error::Api(status) => Self::Refused { doing, status },
            cause @ (kube::Error::Service(_)
            | kube::Error::HyperError(_)
            | kube::Error::ReadEvents(_)) => Self::Unreachable { doing, cause },
            cause => Self::Other { doing, cause },
        }
    }

    /// Whether what was named isn't usable.
    pub(crate) fn is_bad_input(&self) -> bool {
        matches!(self, Self::Kubeconfig(_))
    }

    /// Whether nobody answered.
    pub(crate) fn is_unreachable(&self) -> bool {
        matches!(self, Self::Unreachable { .. })
    }

    /// Whether the API server doesn't let us.
    pub(crate) fn is_forbidden(&self) -> bool {
        matches!(self, Self::Refused { status, .. } if status.code == 403)
    }

    /// Whether the API server doesn't know the object.
    pub(crate) fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused { status, .. } if status.code == 404)
    }
}

/// Results of kube with what was being done.
pub(crate) trait Doing<T> {
    /// Says what was being done.
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, Error>;
}

impl<T> Doing<T> for Result<T, kube::Error> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, Error> {
        self.map_err(|error| Error::new(what(), error))
    }
}

/// The cause that says most: kube's own texts only say which layer it was.
fn innermost(error: &kube::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

/// Without the lines of the file around a mistake, which may hold a token.
fn first_line(error: &KubeconfigError) -> String {
    let text = error.to_string();
    text.lines()
        .next()
        .unwrap_or_default()
        .trim_end()
        .to_owned()
}

fn advice(status: &Status) -> &'static str {
    match status.code {
        401 => "; the cluster doesn't know who you are: log in again, or name another context",
        403 => {
            "; ask who runs the cluster for these rights (kubernetes/README.md lists what is needed)"
        }
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_told_apart_from_silence() {
        let status = Status::failure("deployments.apps is forbidden", "Forbidden").with_code(403);
        let refused = Error::new("applying", kube::Error::Api(status.boxed()));
        assert!(!refused.is_unreachable() && !refused.is_not_found());
        assert!(
            refused
                .to_string()
                .starts_with("applying: deployments.apps is forbidden; ask")
        );
        let silent = std::io::Error::other("connection refused");
        let silent = Error::new("applying", kube::Error::Service(Box::new(silent)));
        assert!(silent.is_unreachable());
        assert!(silent.to_string().contains("connection refused"));
    }
}
