//! What a request says in its path and its query, with errors that say which part is wrong.

use axum::{
    extract::{FromRequestParts, Path},
    http::request::Parts,
};
use serde::de::DeserializeOwned;
use url::form_urlencoded;

use crate::problem::Problem;

/// The query. A parameter that isn't known is an error; lists may be repeated.
pub(crate) struct Query<T>(pub(crate) T);

/// The parameters that may be given more than once.
const LISTS: [&str; 1] = ["resource"];

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = joined(parts.uri.query().unwrap_or_default());
        serde_urlencoded::from_str(&query)
            .map(Self)
            .map_err(|error| Problem::bad(format!("in the query: {error}")))
    }
}

/// The query with repeated lists as one, their parts apart by commas.
fn joined(query: &str) -> String {
    let mut whole = form_urlencoded::Serializer::new(String::new());
    let mut lists: Vec<(&str, String)> = Vec::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let Some(list) = LISTS.into_iter().find(|list| *list == name) else {
            whole.append_pair(&name, &value);
            continue;
        };
        match lists.iter_mut().find(|(known, _)| *known == list) {
            Some((_, values)) => {
                values.push(',');
                values.push_str(&value);
            }
            None => lists.push((list, value.into_owned())),
        }
    }
    whole.extend_pairs(lists);
    whole.finish()
}

/// What stands in the path. What can't be anybody's name isn't there.
pub(crate) struct Named<T>(pub(crate) T);

impl<T: DeserializeOwned + Send, S: Sync + Send> FromRequestParts<S> for Named<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        Path::from_request_parts(parts, state)
            .await
            .map(|Path(named)| Self(named))
            .map_err(|error| Problem::not_found(format!("in the path: {}", error.body_text())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_joined() {
        assert_eq!(
            joined("resource=cpu&a=1&resource=memory%2Cswap&b="),
            "a=1&b=&resource=cpu%2Cmemory%2Cswap"
        );
        assert_eq!(joined(""), "");
    }
}
