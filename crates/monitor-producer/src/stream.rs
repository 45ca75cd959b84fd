//! Reads a runner's stream: see [`model::stream`].

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use metrics::Part;
use model::{
    AttemptKey, Reading,
    attempt::Token,
    stream::{Ack, Frame, Hello, MAX_LINE},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpStream, tcp::OwnedReadHalf, tcp::OwnedWriteHalf},
    sync::{mpsc, watch},
    time::{sleep, timeout},
};

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(5);
/// The first and the longest pause before another try.
const PAUSE: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));

use crate::Metrics;

/// What a stream tells its order.
#[derive(Debug)]
pub(crate) enum Told {
    /// The last acknowledged reading.
    Base(AttemptKey, Box<Reading>),
    /// A reading.
    Reading(AttemptKey, Box<Reading>),
    /// The connection ended; another try follows unless the attempt has ended.
    Broken(AttemptKey),
    /// No more will come.
    Ended(AttemptKey),
}

/// Reads until the runner says that it was all, trying again whenever the connection breaks. The
/// order aborts it when the attempt is closed.
pub(crate) async fn follow(
    address: String,
    token: Token,
    key: AttemptKey,
    told: mpsc::Sender<Told>,
    acknowledged: watch::Receiver<Option<u64>>,
    metrics: Metrics,
) {
    let mut pause = PAUSE.0;
    loop {
        let acknowledged = acknowledged.clone();
        match converse(&address, &token, key, &told, acknowledged, &metrics).await {
            Ok(()) => {
                let _ = told.send(Told::Ended(key)).await;
                return;
            }
            Err(error) => tracing::debug!(%key, address, "stream: {error:#}"),
        }
        if told.send(Told::Broken(key)).await.is_err() {
            return;
        }
        metrics.stream_retries.inc();
        sleep(pause).await;
        pause = (pause * 2).min(PAUSE.1);
    }
}

async fn converse(
    address: &str,
    token: &Token,
    key: AttemptKey,
    told: &mpsc::Sender<Told>,
    mut acknowledged: watch::Receiver<Option<u64>>,
    metrics: &Metrics,
) -> Result<()> {
    let stream = timeout(CONNECT, TcpStream::connect(address))
        .await
        .context("connecting")??;
    stream.set_nodelay(true)?;
    let _connected = Part::new(&metrics.runners, 1);
    let (read, mut write) = stream.into_split();
    send(
        &mut write,
        &Hello {
            token: token.clone(),
            key,
        },
    )
    .await?;
    let mut reader = BufReader::new(read);
    let acknowledge = async {
        while acknowledged.changed().await.is_ok() {
            let ack = *acknowledged.borrow_and_update();
            if let Some(ack) = ack {
                send(&mut write, &Ack { ack }).await?;
            }
        }
        // The order has closed the attempt.
        std::future::pending::<Result<()>>().await
    };
    tokio::select! {
        result = read_frames(&mut reader, key, told) => result,
        result = acknowledge => result,
    }
}

async fn read_frames(
    reader: &mut BufReader<OwnedReadHalf>,
    key: AttemptKey,
    told: &mpsc::Sender<Told>,
) -> Result<()> {
    let mut line = String::new();
    loop {
        line.clear();
        let read = reader.take(MAX_LINE as u64).read_line(&mut line).await?;
        ensure!(
            read > 0 && line.ends_with('\n'),
            "the runner closed the connection"
        );
        match serde_json::from_str(&line).context("a line that is no frame")? {
            Frame::Base(reading) => told.send(Told::Base(key, Box::new(reading))).await?,
            Frame::Reading(reading) => {
                told.send(Told::Reading(key, Box::new(reading))).await?;
            }
            Frame::Refused => bail!("the runner refused the token"),
            Frame::End => return Ok(()),
        }
    }
}

async fn send(write: &mut OwnedWriteHalf, message: &impl serde::Serialize) -> Result<()> {
    let mut text = serde_json::to_vec(message)?;
    text.push(b'\n');
    write.write_all(&text).await?;
    Ok(())
}
