//! Server-sent events, as the HTML standard parses them. Pure.

use std::collections::VecDeque;

/// An event.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Event {
    /// Its id, to go on after it.
    pub(crate) id: Option<String>,
    /// What kind it is.
    pub(crate) name: String,
    /// What it says.
    pub(crate) data: String,
}

/// Makes events out of bytes, however they are cut.
#[derive(Debug, Default)]
pub(super) struct Parser {
    line: Vec<u8>,
    after_cr: bool,
    begun: Event,
    has_data: bool,
    ready: VecDeque<Event>,
}

impl Parser {
    /// Takes in what came.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        for byte in bytes {
            let follows_cr = std::mem::replace(&mut self.after_cr, *byte == b'\r');
            match byte {
                b'\n' if follows_cr => {}
                b'\n' | b'\r' => self.end_of_line(),
                _ => self.line.push(*byte),
            }
        }
    }

    /// An event that is whole.
    pub(super) fn next(&mut self) -> Option<Event> {
        self.ready.pop_front()
    }

    fn end_of_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        let line = String::from_utf8_lossy(&line);
        if line.is_empty() {
            let event = std::mem::take(&mut self.begun);
            if std::mem::take(&mut self.has_data) {
                self.ready.push_back(event);
            }
            return;
        }
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field.trim_start_matches('\u{feff}') {
            "event" => value.clone_into(&mut self.begun.name),
            "id" => self.begun.id = Some(value.to_owned()),
            "data" => {
                if self.has_data {
                    self.begun.data.push('\n');
                }
                self.begun.data.push_str(value);
                self.has_data = true;
            }
            // Comments begin with a colon: their field is empty.
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEXT: &str = ": hello\nid: 7-1\nevent: order\ndata: {\"a\":1,\r\ndata: \"b\":\"ü\"}\r\n\r\n:\n\nevent: lost\n\ndata\rid:7-2\r\revent: cut\ndata: off";

    fn parse(pieces: &[&[u8]]) -> Vec<Event> {
        let mut parser = Parser::default();
        for piece in pieces {
            parser.feed(piece);
        }
        std::iter::from_fn(|| parser.next()).collect()
    }

    #[test]
    fn events_are_read() {
        let events = parse(&[TEXT.as_bytes()]);
        let event = |id: &str, name: &str, data: &str| Event {
            id: Some(id.to_owned()),
            name: name.to_owned(),
            data: data.to_owned(),
        };
        let first = event("7-1", "order", "{\"a\":1,\n\"b\":\"ü\"}");
        assert_eq!(events, [first, event("7-2", "", "")]);
    }

    proptest! {
        #[test]
        fn however_they_are_cut(cuts in prop::collection::vec(0..TEXT.len(), 0..6)) {
            let mut cuts = cuts;
            cuts.sort_unstable();
            let mut pieces = Vec::new();
            let mut from = 0;
            for cut in cuts {
                pieces.push(&TEXT.as_bytes()[from..cut]);
                from = cut;
            }
            pieces.push(&TEXT.as_bytes()[from..]);
            prop_assert_eq!(parse(&pieces), parse(&[TEXT.as_bytes()]));
        }

        #[test]
        fn anything_may_come(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            parse(&[&bytes]);
        }
    }
}
