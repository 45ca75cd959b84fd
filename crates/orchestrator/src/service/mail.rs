//! What is sent in a runner's stead, and STOP: one after another, again and again until the broker
//! has it. Nothing else waits for it but the order's end.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
    time::Duration,
};

use bus::Publisher;
use model::{AttemptKey, Envelope, OrderHandle, OrderTopics, termination::Undelivered};
use tokio::{task::spawn_blocking, time::sleep};
use tokio_util::task::AbortOnDropHandle;
use tracing::warn;

/// The pause before what the broker didn't take is sent again.
const RETRY: Duration = Duration::from_secs(1);
/// The largest file that is read, bytes: what a runner keeps makes a tenth of it.
const MAX_FILE: u64 = 64 * 1024 * 1024;

/// Messages with their topics.
type Letters = Vec<(String, Envelope)>;

/// An order's mail. What isn't sent when it is dropped is not sent.
pub(super) struct Mail {
    publisher: Publisher,
    handle: OrderHandle,
    /// Sends the latest letter, after all before it.
    last: Option<AbortOnDropHandle<()>>,
}

impl Mail {
    pub(super) fn new(publisher: Publisher, handle: &OrderHandle) -> Self {
        Self {
            publisher,
            handle: handle.clone(),
            last: None,
        }
    }

    /// Puts a message for the task topic in line.
    pub(super) fn send(&mut self, envelope: Envelope) {
        let letters = self.to_task_topic(envelope);
        self.queue(async move { (letters, None) });
    }

    /// Puts in line what a runner left in a file, which is removed when the broker has it. If the
    /// file can't be read, it stays and this is sent instead.
    pub(super) fn send_file(&mut self, file: PathBuf, key: AttemptKey, instead: Option<Envelope>) {
        let topics = self.handle.topics.clone();
        let instead = instead.map(|envelope| self.to_task_topic(envelope));
        let (path, order) = (file.clone(), self.handle.order.clone());
        self.queue(async move {
            let read = spawn_blocking(move || read(&path, key, &topics)).await;
            match read.map_err(io::Error::from).flatten() {
                Ok(letters) => (letters, Some(file)),
                Err(error) => {
                    let file = file.display();
                    warn!("order {order}: what {file} holds is not sent: {error}");
                    (instead.unwrap_or_default(), None)
                }
            }
        });
    }

    /// Sends a message to the task topic after all else; returns when the broker has it.
    pub(super) async fn send_last(&mut self, envelope: Envelope) {
        if let Some(last) = self.last.as_mut() {
            let _ = last.await;
        }
        deliver(&self.publisher, &self.handle, &self.to_task_topic(envelope)).await;
    }

    fn to_task_topic(&self, envelope: Envelope) -> Letters {
        vec![(self.handle.topics.task.clone(), envelope)]
    }

    /// Puts in line what this comes to, and a file that is to be removed afterwards.
    fn queue(&mut self, work: impl Future<Output = (Letters, Option<PathBuf>)> + Send + 'static) {
        let (before, publisher) = (self.last.take(), self.publisher.clone());
        let handle = self.handle.clone();
        let work = tokio::spawn(async move {
            if let Some(before) = before {
                let _ = before.await;
            }
            let (letters, file) = work.await;
            deliver(&publisher, &handle, &letters).await;
            if let Some(file) = file
                && let Err(error) = fs::remove_file(&file)
            {
                warn!("{} can't be removed: {error}", file.display());
            }
        });
        self.last = Some(AbortOnDropHandle::new(work));
    }
}

fn read(file: &Path, key: AttemptKey, topics: &OrderTopics) -> io::Result<Letters> {
    let mut text = String::new();
    File::open(file)?.take(MAX_FILE).read_to_string(&mut text)?;
    Undelivered::parse(&text, key, topics).map_err(io::Error::other)
}

async fn deliver(publisher: &Publisher, handle: &OrderHandle, letters: &Letters) {
    let mut said = false;
    while let Err(error) = try_deliver(publisher, letters).await {
        if !std::mem::replace(&mut said, true) {
            warn!("order {}: {error}; trying again", handle.order);
        }
        sleep(RETRY).await;
    }
}

/// All are on their way before the first is waited for. Receivers ignore what they already have.
async fn try_deliver(publisher: &Publisher, letters: &Letters) -> Result<(), bus::Error> {
    let deliveries: Vec<_> = letters
        .iter()
        .map(|(topic, envelope)| publisher.enqueue_now(topic, envelope))
        .collect::<Result<_, _>>()?;
    for delivery in deliveries {
        delivery.await?;
    }
    Ok(())
}
