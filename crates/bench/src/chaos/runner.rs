//! An attempt without a command: it speaks a runner's protocol, but its readings are made up, come
//! faster than any runner's, and none is ever thinned out.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use model::{
    AttemptKey, Reading, Timestamp,
    attempt::Token,
    reading::{Counters, Gauges},
    stream::{Ack, Frame, Hello},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::Notify,
    task::JoinHandle,
    time::sleep,
};

/// The readings that nobody has acknowledged.
#[derive(Default)]
struct Kept {
    base: Option<Reading>,
    readings: VecDeque<Reading>,
    ended: bool,
}

/// A runner.
pub(crate) struct Runner {
    pub(crate) address: String,
    kept: Arc<Mutex<Kept>>,
    bell: Arc<Notify>,
    serving: JoinHandle<()>,
}

impl Runner {
    /// Serves readers from now on.
    pub(crate) async fn start(key: AttemptKey, token: Token) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("a port")?;
        let address = listener.local_addr()?.to_string();
        let (kept, bell) = (
            Arc::new(Mutex::new(Kept::default())),
            Arc::new(Notify::new()),
        );
        let (shared, wake) = (Arc::clone(&kept), Arc::clone(&bell));
        let serving = tokio::spawn(async move {
            let mut reader: Option<JoinHandle<()>> = None;
            while let Ok((stream, _)) = listener.accept().await {
                // The newest reader replaces the one before.
                if let Some(before) = reader.take() {
                    before.abort();
                }
                let (shared, wake, token) = (Arc::clone(&shared), Arc::clone(&wake), token.clone());
                reader = Some(tokio::spawn(async move {
                    let _ = converse(stream, key, &token, &shared, &wake).await;
                }));
            }
        });
        Ok(Self {
            address,
            kept,
            bell,
            serving,
        })
    }

    /// Takes a reading and keeps it for readers.
    pub(crate) fn push(&self, reading: &Reading) {
        lock(&self.kept).readings.push_back(*reading);
        self.bell.notify_waiters();
    }

    /// Takes so many readings, `every` apart; the last one is final.
    pub(crate) async fn run(&self, count: u64, every: Duration) -> Reading {
        let begun = Instant::now();
        let mut last = Reading::default();
        for seq in 1..=count {
            sleep(
                every
                    .saturating_mul(seq as u32)
                    .saturating_sub(begun.elapsed()),
            )
            .await;
            last = reading(seq, seq == count);
            self.push(&last);
        }
        last
    }

    /// Ends the stream; what nobody has acknowledged, after the reading before it.
    pub(crate) fn end(&self) -> (Option<Reading>, Vec<Reading>) {
        let mut kept = lock(&self.kept);
        kept.ended = true;
        self.bell.notify_waiters();
        (kept.base, kept.readings.iter().copied().collect())
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn lock(kept: &Mutex<Kept>) -> MutexGuard<'_, Kept> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A reading whose numbers follow from its place.
pub(crate) fn reading(seq: u64, is_final: bool) -> Reading {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let n = Some(seq * 1_000_000);
    Reading {
        seq,
        time_us: Timestamp(now.unwrap_or_default().as_micros() as i64),
        step_us: 1000,
        is_final,
        cpu_lower_bound: false,
        counters: Counters {
            cpu_usage_nsec: n,
            cpu_user_nsec: n,
            cpu_system_nsec: Some(0),
            read_chars: Some(seq * 10),
            write_chars: Some(seq * 7),
            ..Counters::default()
        },
        gauges: Gauges {
            memory_bytes: n,
            memory_anon_bytes: n,
            threads: Some(3),
            ..Gauges::default()
        },
    }
}

async fn converse(
    stream: TcpStream,
    key: AttemptKey,
    token: &Token,
    kept: &Mutex<Kept>,
    bell: &Notify,
) -> Result<()> {
    stream.set_nodelay(true)?;
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    let hello: Hello = serde_json::from_str(&lines.next_line().await?.context("no hello")?)?;
    ensure!(hello.key == key && hello.token == *token, "not ours");
    let tell = async {
        let base = lock(kept).base;
        let mut told = base.map(|base| base.seq);
        if let Some(base) = base {
            send(&mut write, &Frame::Base(base)).await?;
        }
        loop {
            // Before looking, so that what comes meanwhile rings.
            let rung = bell.notified();
            let (next, ended) = {
                let kept = lock(kept);
                let from = kept
                    .readings
                    .partition_point(|r| told.is_some_and(|t| r.seq <= t));
                let next: Vec<_> = kept.readings.iter().skip(from).take(100).copied().collect();
                (next, kept.ended)
            };
            for reading in &next {
                send(&mut write, &Frame::Reading(*reading)).await?;
                told = Some(reading.seq);
            }
            match (next.is_empty(), ended) {
                (true, true) => {
                    send(&mut write, &Frame::End).await?;
                    std::future::pending::<()>().await;
                }
                (true, false) => {
                    let _ = tokio::time::timeout(Duration::from_millis(50), rung).await;
                }
                (false, _) => {}
            }
        }
    };
    let hear = async {
        while let Some(line) = lines.next_line().await? {
            let Ack { ack } = serde_json::from_str(&line)?;
            let mut kept = lock(kept);
            while kept.readings.front().is_some_and(|r| r.seq <= ack) {
                kept.base = kept.readings.pop_front();
            }
        }
        Ok(())
    };
    tokio::select! {
        end = tell => end,
        end = hear => end,
    }
}

async fn send(write: &mut tokio::net::tcp::OwnedWriteHalf, frame: &Frame) -> Result<()> {
    let mut text = serde_json::to_vec(frame)?;
    text.push(b'\n');
    write.write_all(&text).await?;
    Ok(())
}
