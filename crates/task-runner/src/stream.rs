//! Serves the readings on a TCP port: see [`model::stream`] for what is said there.

use std::{
    cell::RefCell,
    net::{Ipv4Addr, TcpListener as StdListener},
    rc::Rc,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use model::{
    AttemptKey, AttemptSpec,
    attempt::Token,
    stream::{Ack, Frame, Hello, MAX_LINE},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream, tcp::OwnedReadHalf, tcp::OwnedWriteHalf},
    sync::Notify,
    task::{JoinHandle, spawn_local},
    time::timeout,
};

use crate::retained::Retained;

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
    let local = ["127.0.0.1", "localhost"].contains(&spec.stream_host.as_str());
    let address = if local {
        Ipv4Addr::LOCALHOST
    } else {
        Ipv4Addr::UNSPECIFIED
    };
    let listener = StdListener::bind((address, 0)).context("can't bind a port for samples")?;
    listener.set_nonblocking(true)?;
    let port = listener.local_addr()?.port();
    Ok((listener, format!("{}:{port}", spec.stream_host)))
}

/// Serves readers until it is aborted. The newest reader replaces the one before.
pub(crate) async fn serve(listener: StdListener, shared: Shared, key: AttemptKey, token: Token) {
    let Ok(listener) = TcpListener::from_std(listener) else {
        return;
    };
    let current: Rc<RefCell<Option<JoinHandle<()>>>> = Rc::default();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let (shared, current, token) = (shared.clone(), Rc::clone(&current), token.clone());
        spawn_local(async move {
            let _ = stream.set_nodelay(true);
            let (mut reader, mut writer) = split(stream);
            let hello = timeout(PATIENCE, greet(&mut reader, &mut writer, key, &token)).await;
            if matches!(hello, Ok(Ok(()))) {
                let conversation = spawn_local(async move {
                    let _ = converse(&shared, reader, writer).await;
                });
                if let Some(before) = current.borrow_mut().replace(conversation) {
                    before.abort();
                }
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
    key: AttemptKey,
    token: &Token,
) -> Result<()> {
    let hello: Hello = serde_json::from_str(&line(reader).await?)?;
    if hello.key == key && same_secret(&hello.token.0, &token.0) {
        return Ok(());
    }
    send(writer, &Frame::Refused).await?;
    anyhow::bail!("refused")
}

/// Compares in a time that doesn't tell how much of a guess was right.
fn same_secret(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.bytes().zip(b.bytes()).fold(0, |d, (x, y)| d | (x ^ y)) == 0
}

async fn line(reader: &mut BufReader<OwnedReadHalf>) -> Result<String> {
    let mut text = String::new();
    let read = reader.take(MAX_LINE as u64).read_line(&mut text).await?;
    ensure!(read > 0 && text.ends_with('\n'), "the reader is gone");
    Ok(text)
}

async fn send(writer: &mut OwnedWriteHalf, frame: &Frame) -> Result<()> {
    let mut text = serde_json::to_vec(frame)?;
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
            let Ack { ack } = serde_json::from_str(&line(&mut reader).await?)?;
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
