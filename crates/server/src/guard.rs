//! Who may ask: tokens, sessions of browsers, and requests that a foreign page made one send.
//!
//! On loopback without a token whoever reaches the port may ask, but a page from elsewhere must not: the
//! host must be loopback (a foreign name that resolves to it is refused), and a request that changes
//! something must not come from another origin.

use std::{
    collections::HashMap,
    fmt,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::http::{HeaderMap, Method, StatusCode, header};
use hmac_sha256::Hash;
use subtle::ConstantTimeEq;
use uuid::Uuid;

use crate::problem::Problem;

/// The cookie of a signed-in browser.
pub(crate) const COOKIE: &str = "podometer_session";
/// How long it is good for.
pub(crate) const SESSION: Duration = Duration::from_hours(12);
/// How many browsers may be signed in; beyond, the first ones are forgotten.
const SESSIONS: usize = 1024;

/// What must be shown. It is kept as its digest and never printed.
#[derive(Clone)]
pub struct Token([u8; 32]);

impl Token {
    /// A token's shortest length, bytes: what can be guessed is none.
    pub const MIN: usize = 16;

    /// From its text, without blanks around it; `None` if it is shorter than [`Token::MIN`] or has
    /// characters that no header can carry.
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        let is_sound = text.len() >= Self::MIN && text.bytes().all(|byte| byte.is_ascii_graphic());
        is_sound.then(|| Self(Hash::hash(text.as_bytes())))
    }

    fn is(&self, shown: &str) -> bool {
        // Digests have one length, so that the comparison tells nothing of the token's.
        Hash::hash(shown.trim().as_bytes()).ct_eq(&self.0).into()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(...)")
    }
}

/// The doorkeeper.
pub(crate) struct Guard {
    token: Option<Token>,
    /// By the digest of what the cookie holds, until when each is good.
    sessions: Mutex<HashMap<[u8; 32], Instant>>,
}

impl Guard {
    pub(crate) fn new(token: Option<Token>) -> Self {
        Self {
            token,
            sessions: Mutex::default(),
        }
    }

    pub(crate) fn token_required(&self) -> bool {
        self.token.is_some()
    }

    /// Whether a request has shown the token, or that its browser did so.
    pub(crate) fn is_known(&self, headers: &HeaderMap, now: Instant) -> bool {
        let Some(token) = &self.token else {
            return true;
        };
        let bearer = text(headers, header::AUTHORIZATION).and_then(bearer);
        bearer.is_some_and(|shown| token.is(shown))
            || cookie(headers).is_some_and(|session| self.is_signed_in(session, now))
    }

    fn is_signed_in(&self, session: &str, now: Instant) -> bool {
        let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        let until = sessions.get(&Hash::hash(session.as_bytes()));
        until.is_some_and(|until| *until > now)
    }

    /// What the cookie of a browser that shows this token holds; `None` if it is the wrong one.
    pub(crate) fn sign_in(&self, shown: &str, now: Instant) -> Option<String> {
        if !self.token.as_ref().is_none_or(|token| token.is(shown)) {
            return None;
        }
        let session = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.retain(|_, until| *until > now);
        if sessions.len() >= SESSIONS {
            let first = sessions.iter().min_by_key(|(_, until)| **until);
            if let Some(first) = first.map(|(session, _)| *session) {
                sessions.remove(&first);
            }
        }
        sessions.insert(Hash::hash(session.as_bytes()), now + SESSION);
        Some(session)
    }

    /// Forgets the browser's session.
    pub(crate) fn sign_out(&self, headers: &HeaderMap) {
        if let Some(session) = cookie(headers) {
            let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
            sessions.remove(&Hash::hash(session.as_bytes()));
        }
    }

    /// Whether the request may go on to its handler.
    pub(crate) fn admit(
        &self,
        method: &Method,
        path: &str,
        headers: &HeaderMap,
        now: Instant,
    ) -> Result<(), Problem> {
        if self.token.is_none() && !text(headers, header::HOST).is_some_and(is_loopback_host) {
            return Err(Problem::new(
                StatusCode::FORBIDDEN,
                "this server answers to localhost, 127.0.0.1 and [::1] only; for other names start it \
                 with a token (--token-file)",
            ));
        }
        if !method.is_safe() && !is_own(headers) {
            return Err(Problem::new(
                StatusCode::FORBIDDEN,
                "the request comes from another site's page; send it from this server's own page, or \
                 without the header Origin",
            ));
        }
        let is_open = !path.starts_with("/api/") || path == "/api/session";
        if is_open || self.is_known(headers, now) {
            return Ok(());
        }
        Err(Problem::new(
            StatusCode::UNAUTHORIZED,
            "a token is needed: send it as `Authorization: Bearer TOKEN`, or sign in by POST \
             /api/session",
        ))
    }
}

/// Whether a request was made by this server's page, or by no page.
fn is_own(headers: &HeaderMap) -> bool {
    if let Some(site) = text(headers, "sec-fetch-site")
        && !matches!(site, "same-origin" | "none")
    {
        return false;
    }
    let Some(origin) = headers.get(header::ORIGIN) else {
        return true;
    };
    let origin = origin.to_str().unwrap_or("null");
    let from = origin.split_once("://").map(|(_, authority)| authority);
    from.is_some() && from == text(headers, header::HOST)
}

/// `localhost`, or an address of loopback, with any port.
fn is_loopback_host(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost")
        || address
            .parse()
            .is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
}

fn text(headers: &HeaderMap, name: impl header::AsHeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token)
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let all = headers.get_all(header::COOKIE);
    let pairs = all.iter().filter_map(|value| value.to_str().ok());
    let mut pairs = pairs.flat_map(|value| value.split(';'));
    pairs.find_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        (name == COOKIE).then_some(value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "a-token-of-some-length";

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    fn status(guard: &Guard, method: Method, path: &str, pairs: &[(&'static str, &str)]) -> u16 {
        use axum::response::IntoResponse;
        match guard.admit(&method, path, &headers(pairs), Instant::now()) {
            Ok(()) => 200,
            Err(problem) => problem.into_response().status().as_u16(),
        }
    }

    #[test]
    fn tokens_are_long_and_not_printed() {
        assert!(Token::new("short").is_none());
        assert!(Token::new("sixteen with blanks").is_none());
        let token = Token::new(" a-token-of-some-length\n").unwrap();
        assert!(token.is(SECRET) && !token.is("a-token-of-some-lengtH"));
        assert_eq!(format!("{token:?}"), "Token(...)");
    }

    #[test]
    fn without_a_token_hosts_are_loopback_and_origins_are_own() {
        let guard = Guard::new(None);
        for host in [
            "localhost:7465",
            "127.0.0.1:1",
            "[::1]:7465",
            "127.9.9.9",
            "LOCALHOST",
        ] {
            assert_eq!(
                status(&guard, Method::GET, "/api/orders", &[("host", host)]),
                200,
                "{host}"
            );
        }
        for host in [
            "evil.example",
            "localhost.evil.example:7465",
            "10.0.0.1",
            "127.0.0.1.nip.io",
            "",
        ] {
            assert_eq!(
                status(&guard, Method::GET, "/", &[("host", host)]),
                403,
                "{host}"
            );
        }
        assert_eq!(status(&guard, Method::GET, "/", &[]), 403);
        let post = |pairs: &[(&'static str, &str)]| {
            let mut all = vec![("host", "localhost:7465")];
            all.extend(pairs);
            status(&guard, Method::POST, "/api/orders", &all)
        };
        assert_eq!(post(&[]), 200);
        assert_eq!(post(&[("origin", "http://localhost:7465")]), 200);
        for origin in [
            "http://evil.example",
            "null",
            "http://localhost:1",
            "localhost:7465",
        ] {
            assert_eq!(post(&[("origin", origin)]), 403, "{origin}");
        }
        assert_eq!(post(&[("sec-fetch-site", "cross-site")]), 403);
        assert_eq!(post(&[("sec-fetch-site", "same-origin")]), 200);
    }

    #[test]
    fn a_token_or_a_session_opens_the_api() {
        let guard = Guard::new(Token::new(SECRET));
        let get =
            |pairs: &[(&'static str, &str)]| status(&guard, Method::GET, "/api/orders", pairs);
        assert_eq!(get(&[("host", "podometer.example")]), 401);
        assert_eq!(
            get(&[("authorization", "Bearer wrong-token-wrong-token")]),
            401
        );
        assert_eq!(
            get(&[("authorization", "Basic a-token-of-some-length")]),
            401
        );
        assert_eq!(
            get(&[("authorization", "bearer a-token-of-some-length")]),
            200
        );
        for open in ["/", "/healthz", "/assets/a.js", "/api/session"] {
            assert_eq!(status(&guard, Method::GET, open, &[]), 200, "{open}");
        }

        assert_eq!(guard.sign_in("wrong", Instant::now()), None);
        let session = guard.sign_in(SECRET, Instant::now()).unwrap();
        assert!(!session.contains(SECRET));
        let cookie = format!("other=1; {COOKIE}={session}");
        assert_eq!(get(&[("cookie", &cookie)]), 200);
        assert!(!guard.is_known(&headers(&[("cookie", &cookie)]), Instant::now() + SESSION));
        guard.sign_out(&headers(&[("cookie", &cookie)]));
        assert_eq!(get(&[("cookie", &cookie)]), 401);
    }

    #[test]
    fn sessions_have_a_bound() {
        let guard = Guard::new(Token::new(SECRET));
        for _ in 0..SESSIONS + 10 {
            guard.sign_in(SECRET, Instant::now()).unwrap();
        }
        assert_eq!(guard.sessions.lock().unwrap().len(), SESSIONS);
    }
}
