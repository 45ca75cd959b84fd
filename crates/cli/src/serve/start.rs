//! Starting the server of the page: its socket, its token, and what it serves.

use std::{fs, net::SocketAddr, path::Path, sync::Arc};

use anyhow::{Context, Result};
use server::{Limits, Metrics as Own, Operate, Parts, Token};
use store::Store;
use tokio::net::TcpListener;

use super::StoreDrawer;
use crate::{data::DataFolder, load::Usage, metrics::Metrics};

/// The variable that may hold the token.
const VARIABLE: &str = "PODOMETER_TOKEN";

/// A socket that is listened on, and what must be shown there.
pub(crate) struct Ready {
    listener: TcpListener,
    token: Option<Token>,
    /// Where it is.
    pub(crate) address: SocketAddr,
}

/// What is served.
pub(crate) struct Source<'a> {
    pub(crate) store: &'a Store,
    pub(crate) data: &'a DataFolder,
    pub(crate) operate: Arc<dyn Operate>,
    /// What the services in this process count.
    pub(crate) metrics: &'a Metrics,
}

/// Listens, before anything else is started.
///
/// # Errors
/// If others could use it without a token, or if the address is taken.
pub(crate) async fn bind(listen: SocketAddr, token: Option<Token>) -> Result<Ready> {
    if token.is_none() && !server::is_loopback(&listen) {
        return Err(Usage::NoToken { listen }.into());
    }
    let listener = TcpListener::bind(listen).await.with_context(|| {
        format!("can't listen on {listen}; is another server there? choose another address")
    })?;
    Ok(Ready {
        address: listener.local_addr()?,
        listener,
        token,
    })
}

impl Ready {
    /// Serves until `end`.
    pub(crate) async fn serve(self, source: Source<'_>, end: impl Future<Output = ()>) {
        let (own, mut registry) = (Own::default(), source.metrics.registry());
        own.register(&mut registry);
        let registry = Arc::new(registry);
        let parts = Parts {
            store: source.store.clone(),
            draw: Arc::new(StoreDrawer::new(source.store.clone(), source.data.clone())),
            operate: source.operate,
            metrics: own,
            metrics_text: Box::new(move || {
                let registry = Arc::clone(&registry);
                Box::pin(async move { metrics::text(&registry) })
            }),
            token: self.token,
            limits: Limits::default(),
        };
        server::serve(self.listener, parts, end).await;
    }
}

/// What must be shown; from the file, else from the environment.
///
/// # Errors
/// If the file can't be read, or if what it holds is no token.
pub(crate) fn token(file: Option<&Path>) -> Result<Option<Token>> {
    let (from, text) = match file {
        Some(path) => {
            let text = fs::read_to_string(path).map_err(|source| Usage::Unreadable {
                path: path.to_owned(),
                source,
            })?;
            (path.display().to_string(), text)
        }
        None => match std::env::var(VARIABLE) {
            Ok(text) if !text.trim().is_empty() => (VARIABLE.to_owned(), text),
            _ => return Ok(None),
        },
    };
    let token = Token::new(&text).ok_or(Usage::BadToken {
        from,
        min: Token::MIN,
    })?;
    Ok(Some(token))
}
