//! The end of an order: TERMINATE, then its pictures.

use std::{path::PathBuf, time::Duration};

use bus::{Bus, Publisher};
use model::{
    Envelope, Message, OrderHandle,
    message::{Header, Terminate},
};
use store::Store;
use tokio::time::sleep;

use crate::{
    drawing,
    events::{Board, Event, Finished},
};

/// The pause before another try.
const RETRY: Duration = Duration::from_secs(1);

/// Says that all of an order is stored, however long the broker is away.
pub(crate) async fn terminate(publisher: &Publisher, store: &Store, topic: &str, header: Header) {
    let uid = header.order_uid;
    // Only a number for people: without the store there is none to say.
    let samples = store.sample_count(uid).await.unwrap_or_default();
    let envelope = Envelope {
        header,
        message: Message::Terminate(Terminate { samples }),
    };
    while let Err(error) = publisher.publish(topic, &envelope).await {
        if !error.is_retriable() {
            tracing::warn!(%error, "TERMINATE could not be sent; the order will be seen as incomplete");
            return;
        }
        tracing::debug!(%error, "TERMINATE is sent again");
        sleep(RETRY).await;
    }
}

/// What tells a topic from another one of the same name, however long the broker is away.
pub(crate) async fn generation(bus: &Bus, topic: &str) -> String {
    loop {
        match bus.generation(topic).await {
            Ok(generation) => return generation,
            Err(error) => tracing::warn!(%error, "asking what topic this is"),
        }
        sleep(RETRY).await;
    }
}

/// Draws an order, if there is a folder to draw it into, and says that it is finished.
pub(crate) async fn draw(store: Store, board: Board, handle: OrderHandle, folder: Option<PathBuf>) {
    let uid = handle.order_uid;
    let mut finished = Finished {
        stored: true,
        ..Finished::default()
    };
    if let Some(folder) = folder {
        match drawing::draw_order(&store, &handle.order, &folder).await {
            Ok(drawn) => finished.report = Some(drawn.report),
            Err(error) => finished.draw_error = Some(error.to_string()),
        }
        board.tell(Event::Drawn {
            order_uid: uid,
            report: finished.report.clone(),
            error: finished.draw_error.clone(),
        });
    }
    board.finish(uid, finished);
}
