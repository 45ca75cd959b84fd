//! Says GO to a runner that waits.

use std::{
    future::pending,
    io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use model::stream::{Go, Heard};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    sync::watch,
    time::{Instant, sleep, timeout},
};

use super::{spec::STREAM_PORT, watch::Place};

/// The first and the longest pause before a runner that can't be reached yet is called again.
const AGAIN: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(500));
/// How long a call may take.
const CALL: Duration = Duration::from_secs(10);
/// How long a container that runs may not be reached.
const UNHEARD: Duration = Duration::from_mins(1);
/// The longest answer, bytes.
const MAX_ANSWER: u64 = 64 * 1024;

/// Says it until it is heard: the first one counts, so it may be said again. Returns only if it never
/// will be heard: why, in words.
pub(super) async fn say(go: Go, mut place: watch::Receiver<Place>) -> String {
    // All of it can be written as JSON.
    let mut line = serde_json::to_vec(&go).unwrap_or_default();
    line.push(b'\n');
    let (mut pause, mut runs_since) = (AGAIN.0, None);
    loop {
        let now = *place.borrow_and_update();
        let Some(ip) = now.ip else {
            if place.changed().await.is_err() {
                return pending().await;
            }
            continue;
        };
        let why = match timeout(CALL, call(ip, &line)).await {
            Ok(Ok(Heard::Refused)) => {
                return "its runner takes no word of this orchestrator: the order's token differs"
                    .to_owned();
            }
            // What becomes of the command is the runner's to say.
            Ok(Ok(Heard::Started | Heard::Failed(_))) => return pending().await,
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no answer in {} s", CALL.as_secs()),
        };
        if now.runs && runs_since.get_or_insert_with(Instant::now).elapsed() >= UNHEARD {
            return format!(
                "its pod was made ready ahead, but its runner can't be reached at {ip}, port {STREAM_PORT} ({why}); \
                 may orchestrators call the pods of tasks?"
            );
        }
        tokio::select! {
            () = sleep(pause) => pause = (pause * 2).min(AGAIN.1),
            Ok(()) = place.changed() => pause = AGAIN.0,
        }
    }
}

async fn call(ip: IpAddr, line: &[u8]) -> io::Result<Heard> {
    let mut runner = TcpStream::connect(SocketAddr::new(ip, STREAM_PORT)).await?;
    runner.set_nodelay(true)?;
    runner.write_all(line).await?;
    let mut answer = String::new();
    let mut lines = BufReader::new(runner.take(MAX_ANSWER));
    lines.read_line(&mut answer).await?;
    Ok(serde_json::from_str(&answer)?)
}
