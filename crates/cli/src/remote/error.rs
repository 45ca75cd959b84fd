//! What goes wrong on the way to a server.

use std::{io, path::PathBuf};

use reqwest::StatusCode;
use serde::Deserialize;
use thiserror::Error;
use url::Url;

/// Why a server has not done what it was asked for.
#[derive(Debug, Error)]
pub(crate) enum Error {
    /// No client can be made.
    #[error("no HTTP client can be made: {0}")]
    Client(reqwest::Error),
    /// A file that should hold the token.
    #[error("--token-file {}: {source}; check the path and its permissions", path.display())]
    TokenFile { path: PathBuf, source: io::Error },
    /// A token that can't be one.
    #[error(
        "the server's token has blanks or letters that no token has; check PODOMETER_TOKEN or --token-file"
    )]
    Token,
    /// No answer.
    #[error(
        "{url} can't be reached: {}; is `podometer serve` running there?",
        root(cause)
    )]
    Unreachable { url: Url, cause: reqwest::Error },
    /// It says nothing any more.
    #[error("{url} has said nothing for a minute")]
    Silent { url: Url },
    /// It said no.
    #[error("{detail}")]
    Refused { status: StatusCode, detail: String },
    /// An answer that isn't the API's.
    #[error(
        "{url} gave an answer that this version of podometer can't read: {source}; is it `podometer serve`?"
    )]
    Unreadable { url: Url, source: serde_json::Error },
}

/// RFC 9457, as much of it as is told.
#[derive(Debug, Deserialize)]
struct Problem {
    title: Option<String>,
    detail: Option<String>,
}

impl Error {
    pub(super) fn unreachable(url: &Url, cause: reqwest::Error) -> Self {
        let mut url = url.clone();
        url.set_path("");
        url.set_query(None);
        Self::Unreachable {
            url,
            cause: cause.without_url(),
        }
    }

    /// From an answer that is no success.
    pub(super) fn refused(base: &Url, status: StatusCode, body: &[u8], has_token: bool) -> Self {
        let problem: Option<Problem> = serde_json::from_slice(body).ok();
        let said = problem.and_then(|problem| problem.detail.or(problem.title));
        let detail = match (status, said) {
            (StatusCode::UNAUTHORIZED, _) if has_token => {
                format!("{base} refuses the token; check PODOMETER_TOKEN or --token-file")
            }
            (StatusCode::UNAUTHORIZED, _) => format!(
                "{base} wants a token: put it into PODOMETER_TOKEN, or name its file with --token-file"
            ),
            (_, Some(said)) => said,
            (_, None) => format!("{base} answers {status}; is it `podometer serve`?"),
        };
        Self::Refused { status, detail }
    }

    /// Whether it lies in what was asked for.
    pub(crate) fn is_bad_input(&self) -> bool {
        match self {
            Self::TokenFile { .. } | Self::Token => true,
            Self::Refused { status, .. } => {
                status.is_client_error() && *status != StatusCode::TOO_MANY_REQUESTS
            }
            _ => false,
        }
    }

    /// Whether the server answered so.
    pub(crate) fn is(&self, wanted: StatusCode) -> bool {
        matches!(self, Self::Refused { status, .. } if *status == wanted)
    }

    /// Whether it may be well again later.
    pub(crate) fn is_unreachable(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Silent { .. } => true,
            Self::Refused { status, .. } => matches!(
                *status,
                StatusCode::BAD_GATEWAY
                    | StatusCode::SERVICE_UNAVAILABLE
                    | StatusCode::GATEWAY_TIMEOUT
            ),
            _ => false,
        }
    }
}

/// The innermost cause, which says what is wrong.
fn root(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, body: &str) -> Error {
        let base = Url::parse("http://127.0.0.1:7465/").unwrap();
        let status = StatusCode::from_u16(status).unwrap();
        Error::refused(&base, status, body.as_bytes(), false)
    }

    #[test]
    fn what_a_server_says_is_told() {
        let said =
            r#"{"type":"about:blank","title":"Not Found","status":404,"detail":"no order x"}"#;
        assert_eq!(refused(404, said).to_string(), "no order x");
        assert!(refused(401, "").to_string().contains("PODOMETER_TOKEN"));
        assert!(refused(500, "<html>").to_string().contains("500"));
    }

    #[test]
    fn exit_codes() {
        for (status, bad, away) in [
            (400, true, false),
            (404, true, false),
            (409, true, false),
            (429, false, false),
            (500, false, false),
            (503, false, true),
        ] {
            let error = refused(status, "");
            assert_eq!(
                (error.is_bad_input(), error.is_unreachable()),
                (bad, away),
                "{status}"
            );
        }
    }
}
