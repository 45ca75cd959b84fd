//! Serves the readings on a TCP port, and hears GO there: see [`model::stream`] for what is said.

use std::{
    cell::RefCell,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener as StdListener},
    rc::Rc,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use model::{
    AttemptKey, AttemptSpec,
    attempt::Token,
    stream::{Ack, Frame, Given, Go, Hello, MAX_GO, MAX_LINE},
};
use serde::Serialize;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream, tcp::OwnedReadHalf, tcp::OwnedWriteHalf},
    sync::Notify,
    task::{JoinHandle, spawn_local},
    time::timeout,
};

use crate::{go::Gate, retained::Retained};

/// How long a reader may take to show its token, and to take a reading.
const PATIENCE: Duration = Duration::from_secs(10);

/// The readings, and a bell for whoever waits for the next.
#[derive(Clone, Default)]
pub(crate) struct Shared {
    pub(crate) retained: Rc<RefCell<Retained>>,
    pub(crate) changed: Rc<Notify>,
}

/// Binds the port; the local launcher's streams stay on this machine.
pub(crate) fn bind(spec: &AttemptSpec) -> Result<(StdListener, String)> {
    let (port, host) = (spec.stream_port.unwrap_or(0), spec.stream_host.as_str());
    let is_v6 = host.parse::<Ipv6Addr>().is_ok();
    let address: SocketAddr = if ["127.0.0.1", "localhost"].contains(&host) {
        (Ipv4Addr::LOCALHOST, port).into()
    } else if is_v6 {
        (Ipv6Addr::UNSPECIFIED, port).into()
    } else {
        (Ipv4Addr::UNSPECIFIED, port).into()
    };
    let listener =
        StdListener::bind(address).with_context(|| format!("can't bind a port at {address}"))?;
    listener.set_nonblocking(true)?;
    let port = listener.local_addr()?.port();
    let host = if is_v6 {
        format!("[{host}]")
    } else {
        host.to_owned()
    };
    Ok((listener, format!("{host}:{port}")))
}

/// What a caller must know and show, and how long its first line may be.
#[derive(Debug, Clone)]
pub(crate) struct Terms {
    key: AttemptKey,
    token: Token,
    longest: usize,
}

impl Terms {
    pub(crate) fn of(spec: &AttemptSpec) -> Self {
        Self {
            key: spec.key,
            token: spec.token.clone(),
            longest: if spec.wait { MAX_GO } else { MAX_LINE },
        }
    }
}

/// What a caller wants.
enum Wanted {
    Readings,
    Go(Given),
}

/// Serves readers until it is aborted, the newest in place of the one before, and whoever says GO.
pub(crate) async fn serve(listener: StdListener, shared: Shared, terms: Terms, gate: Gate) {
    let Ok(listener) = TcpListener::from_std(listener) else {
        return;
    };
    let current: Rc<RefCell<Option<JoinHandle<()>>>> = Rc::default();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let (shared, current) = (shared.clone(), Rc::clone(&current));
        let (terms, gate) = (terms.clone(), gate.clone());
        spawn_local(async move {
            let _ = stream.set_nodelay(true);
            let (mut reader, mut writer) = split(stream);
            match timeout(PATIENCE, greet(&mut reader, &mut writer, &terms)).await {
                Ok(Ok(Wanted::Readings)) => {
                    let conversation = spawn_local(async move {
                        let _ = converse(&shared, reader, writer).await;
                    });
                    if let Some(before) = current.borrow_mut().replace(conversation) {
                        before.abort();
                    }
                }
                Ok(Ok(Wanted::Go(given))) => {
                    let tell = async |heard| {
                        let _ = send(&mut writer, &heard).await;
                    };
                    gate.say(given, tell).await;
                }
                _ => {}
            }
        });
    }
}

fn split(stream: TcpStream) -> (BufReader<OwnedReadHalf>, OwnedWriteHalf) {
    let (read, write) = stream.into_split();
    (BufReader::with_capacity(1024, read), write)
}

async fn greet(
    reader: &mut BufReader<OwnedReadHalf>,
    writer: &mut OwnedWriteHalf,
    terms: &Terms,
) -> Result<Wanted> {
    let text = line(reader, terms.longest).await?;
    let (token, key, wanted) = if let Ok(word) = serde_json::from_str::<Go>(&text) {
        (word.token, word.key, Wanted::Go(word.go))
    } else {
        let Hello { token, key } = serde_json::from_str(&text)?;
        (token, key, Wanted::Readings)
    };
    if key == terms.key && same_secret(&token.0, &terms.token.0) {
        return Ok(wanted);
    }
    send(writer, &Frame::Refused).await?;
    anyhow::bail!("refused")
}

/// Compares in a time that doesn't tell how much of a guess was right.
fn same_secret(a: &str, b: &str) -> bool {
    !b.is_empty()
        && a.len() == b.len()
        && a.bytes().zip(b.bytes()).fold(0, |d, (x, y)| d | (x ^ y)) == 0
}

async fn line(reader: &mut BufReader<OwnedReadHalf>, longest: usize) -> Result<String> {
    let mut text = String::new();
    let read = reader.take(longest as u64).read_line(&mut text).await?;
    ensure!(read > 0 && text.ends_with('\n'), "the reader is gone");
    Ok(text)
}

async fn send(writer: &mut OwnedWriteHalf, word: &impl Serialize) -> Result<()> {
    let mut text = serde_json::to_vec(word)?;
    text.push(b'\n');
    timeout(PATIENCE, writer.write_all(&text)).await??;
    Ok(())
}

/// Tells a reader all that it hasn't got, and hears what is safe.
async fn converse(
    shared: &Shared,
    mut reader: BufReader<OwnedReadHalf>,
    mut writer: OwnedWriteHalf,
) -> Result<()> {
    let acknowledgements = async {
        loop {
            let Ack { ack } = serde_json::from_str(&line(&mut reader, MAX_LINE).await?)?;
            shared.retained.borrow_mut().acknowledge(ack);
        }
    };
    let readings = async {
        let base = shared.retained.borrow().base();
        let mut told = base.map(|reading| reading.seq);
        if let Some(reading) = base {
            send(&mut writer, &Frame::Base(reading)).await?;
        }
        loop {
            let (next, ended) = {
                let retained = shared.retained.borrow();
                (retained.after(told).next().copied(), retained.has_ended())
            };
            match next {
                Some(reading) => {
                    send(&mut writer, &Frame::Reading(reading)).await?;
                    told = Some(reading.seq);
                }
                None if ended => {
                    send(&mut writer, &Frame::End).await?;
                    // Acknowledgements still come.
                    std::future::pending::<()>().await;
                }
                None => shared.changed.notified().await,
            }
        }
    };
    tokio::select! {
        result = acknowledgements => result,
        result = readings => result,
    }
}
