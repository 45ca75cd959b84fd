//! `podometer serve`.

use std::{fs, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use server::{Limits, Metrics, Parts, Token};
use store::Store;
use tokio::{net::TcpListener, time::sleep};

use crate::{
    args::ServeArgs,
    data::DataFolder,
    exit::Code,
    load::Usage,
    output, owner,
    serve::{NoOrders, StoreDrawer},
    signals,
};

/// How often it is looked whether orders were left by owners that were killed.
const TIDY: Duration = Duration::from_secs(5);
/// The variable that may hold the token.
const VARIABLE: &str = "PODOMETER_TOKEN";

pub(super) async fn run(args: ServeArgs, data: DataFolder) -> Result<Code> {
    let token = token(&args)?;
    if token.is_none() && !server::is_loopback(&args.listen) {
        return Err(Usage::NoToken {
            listen: args.listen,
        }
        .into());
    }
    let mut wish = signals::listen()?;
    data.create()?;
    let store = Store::open(data.location(), data.migrations()).await?;
    let listener = TcpListener::bind(args.listen).await;
    let listener = listener.with_context(|| {
        format!(
            "can't listen on {}; is another server there? choose another address with --listen",
            args.listen
        )
    })?;
    output::print(&format!("http://{}/\n", listener.local_addr()?))?;
    let (metrics, metrics_text) = Metrics::alone();
    let parts = Parts {
        store: store.clone(),
        draw: Arc::new(StoreDrawer::new(store.clone(), data.clone())),
        operate: Arc::new(NoOrders::default()),
        metrics,
        metrics_text,
        token,
        limits: Limits::default(),
    };
    tokio::select! {
        () = server::serve(listener, parts, wish.to_end()) => {}
        () = tidy(&store, &data) => {}
    }
    store.close().await;
    Ok(Code::DONE)
}

async fn tidy(store: &Store, data: &DataFolder) {
    loop {
        owner::tidy_if_possible(store, data).await;
        sleep(TIDY).await;
    }
}

/// What must be shown; from the file, else from the environment.
fn token(args: &ServeArgs) -> Result<Option<Token>> {
    let (from, text) = match &args.token_file {
        Some(path) => {
            let text = fs::read_to_string(path).map_err(|source| Usage::Unreadable {
                path: path.clone(),
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
