//! The orchestrator's word, for which a runner waits that was made ready ahead.

use std::{rc::Rc, time::Duration};

use model::stream::{Given, Heard};
use tokio::{
    sync::{mpsc, watch},
    time::timeout,
};

/// How long the answer may take on its way when all else is done.
const ANSWERING: Duration = Duration::from_secs(1);

/// A connection's side: hands the word over and waits for what becomes of it.
#[derive(Clone)]
pub(crate) struct Gate {
    word: mpsc::Sender<Given>,
    heard: Rc<watch::Sender<Option<Heard>>>,
}

/// The attempt's side.
pub(crate) struct Word {
    given: mpsc::Receiver<Given>,
    /// Its receivers are those who wait for an answer, or are just giving it.
    heard: Rc<watch::Sender<Option<Heard>>>,
}

pub(crate) fn gate() -> (Gate, Word) {
    let (word, given) = mpsc::channel(1);
    let heard = Rc::new(watch::Sender::default());
    let gate = Gate {
        word,
        heard: Rc::clone(&heard),
    };
    (gate, Word { given, heard })
}

impl Gate {
    /// Says the word and tells the answer on. The first word counts; whoever says another hears what
    /// became of that one.
    pub(crate) async fn say(&self, given: Given, tell: impl AsyncFnOnce(Heard)) {
        let mut heard = self.heard.subscribe();
        let _ = self.word.try_send(given);
        let answer = heard.wait_for(Option::is_some).await;
        if let Some(answer) = answer.ok().and_then(|answer| answer.clone()) {
            tell(answer).await;
        }
    }
}

impl Word {
    /// Waits for it; forever if nobody can say it.
    pub(crate) async fn given(&mut self) -> Given {
        match self.given.recv().await {
            Some(given) => given,
            None => std::future::pending().await,
        }
    }

    /// The command was started, or could not be.
    pub(crate) fn answer(&self, heard: Heard) {
        self.heard.send_replace(Some(heard));
    }

    /// Waits until whoever asked has the answer, though not for long.
    pub(crate) async fn answered(&self) {
        let _ = timeout(ANSWERING, self.heard.closed()).await;
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[tokio::test]
    async fn the_first_word_counts_and_all_hear_the_same() {
        let (gate, mut word) = gate();
        let given = |text: &str| Given {
            argv_tail: vec![text.to_owned()],
            ..Given::default()
        };
        let heard = RefCell::new(Vec::new());
        let say =
            |text: &str| gate.say(given(text), async |answer| heard.borrow_mut().push(answer));
        let runner = async {
            assert_eq!(word.given().await, given("a"));
            word.answer(Heard::Started);
            word.answered().await;
            assert_eq!(heard.borrow().len(), 2, "both have their answer");
        };
        tokio::join!(say("a"), say("b"), runner);
        say("c").await;
        assert_eq!(*heard.borrow(), vec![Heard::Started; 3]);
    }
}
