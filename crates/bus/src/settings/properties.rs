//! Java's properties files, in which Kafka's own tools keep their options.

/// One entry and the line on which it begins, from 1.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) line: usize,
    pub(super) key: String,
    pub(super) value: String,
}

/// A line that can't be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Broken {
    pub(super) line: usize,
    pub(super) reason: &'static str,
}

/// Reads a file as `java.util.Properties` does: `#` and `!` begin comments, the first `=`, `:` or
/// blank ends a key, a backslash at a line's end joins the next one, values keep trailing blanks.
pub(super) fn parse(text: &str) -> Result<Vec<Entry>, Broken> {
    let mut entries = Vec::new();
    let mut lines = natural_lines(text).enumerate();
    while let Some((index, line)) = lines.next() {
        let mut logical = line.trim_start_matches(is_blank).to_owned();
        if logical.is_empty() || logical.starts_with(['#', '!']) {
            continue;
        }
        while continues(&logical) {
            logical.pop();
            let Some((_, next)) = lines.next() else { break };
            logical.push_str(next.trim_start_matches(is_blank));
        }
        let line = index + 1;
        let (key, value) = split(&logical);
        let plain = |text| unescape(text).map_err(|reason| Broken { line, reason });
        let (key, value) = (plain(key)?, plain(value)?);
        if key.is_empty() {
            let reason = "nothing stands before the separator; write key=value";
            return Err(Broken { line, reason });
        }
        entries.push(Entry { line, key, value });
    }
    Ok(entries)
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\u{c}')
}

/// Lines end with `\n`, `\r` or `\r\n`.
fn natural_lines(text: &str) -> impl Iterator<Item = &str> {
    let whole = text.split('\n');
    whole.flat_map(|line| line.strip_suffix('\r').unwrap_or(line).split('\r'))
}

/// Whether a line ends with a backslash that is not itself escaped.
fn continues(line: &str) -> bool {
    let backslashes = line.bytes().rev().take_while(|b| *b == b'\\').count();
    backslashes % 2 == 1
}

/// The key and the value of a logical line, both still escaped.
fn split(line: &str) -> (&str, &str) {
    let mut escaped = false;
    let end = line.find(|c| {
        let ends = !escaped && (is_blank(c) || c == '=' || c == ':');
        escaped = !escaped && c == '\\';
        ends
    });
    let (key, rest) = line.split_at(end.unwrap_or(line.len()));
    let rest = rest.trim_start_matches(is_blank);
    let value = rest.strip_prefix(['=', ':']).unwrap_or(rest);
    (key, value.trim_start_matches(is_blank))
}

fn unescape(text: &str) -> Result<String, &'static str> {
    // UTF-16, because `\u` escapes may be halves of a pair.
    let mut units = Vec::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let c = match (c, c == '\\') {
            (plain, false) => plain,
            (_, true) => match chars.next() {
                Some('u') => {
                    units.push(code_unit(&mut chars)?);
                    continue;
                }
                Some('t') => '\t',
                Some('n') => '\n',
                Some('r') => '\r',
                Some('f') => '\u{c}',
                Some(other) => other,
                None => break,
            },
        };
        units.extend_from_slice(c.encode_utf16(&mut [0; 2]));
    }
    String::from_utf16(&units).map_err(|_| "a \\u escape is half of a surrogate pair")
}

fn code_unit(chars: &mut std::str::Chars<'_>) -> Result<u16, &'static str> {
    let digits = chars.as_str().get(..4).unwrap_or_default();
    let all_hex = digits.len() == 4 && digits.bytes().all(|b| b.is_ascii_hexdigit());
    let unit = u16::from_str_radix(digits, 16).ok().filter(|_| all_hex);
    let unit = unit.ok_or("\\u must be followed by four hexadecimal digits")?;
    chars.nth(3);
    Ok(unit)
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use proptest::prelude::*;

    use super::*;

    fn pairs(text: &str) -> Vec<(String, String)> {
        let entries = parse(text).unwrap();
        entries.into_iter().map(|e| (e.key, e.value)).collect()
    }

    /// What `java.util.Properties` makes of the same texts.
    #[test]
    fn reads_what_java_reads() {
        let one = |key: &str, value: &str| vec![(key.to_owned(), value.to_owned())];
        for (text, expected) in [
            ("Truth = Beauty", one("Truth", "Beauty")),
            (" Truth:Beauty ", one("Truth", "Beauty ")),
            ("Truth                    :Beauty", one("Truth", "Beauty")),
            ("cheeses", one("cheeses", "")),
            ("a b c", one("a", "b c")),
            ("a==b", one("a", "=b")),
            ("a = : b", one("a", ": b")),
            ("a\\:b\\=c\\ d=e", one("a:b=c d", "e")),
            (
                "fruits  apple, banana, \\\n    pear, \\\r\n  plum",
                one("fruits", "apple, banana, pear, plum"),
            ),
            ("path=c:\\\\x\\\\", one("path", "c:\\x\\")),
            ("k=\\u00e9\\ud83d\\ude00\\t\\q", one("k", "é😀\tq")),
            ("# a\\\n!b\n\r\n  #c\nk=v\\", one("k", "v")),
            ("k=v # not a comment", one("k", "v # not a comment")),
        ] {
            assert_eq!(pairs(text), expected, "{text:?}");
        }
    }

    #[test]
    fn broken_lines_are_named() {
        let broken = |text: &str| parse(text).unwrap_err().line;
        assert_eq!(broken("a=b\n\n=c"), 3);
        assert_eq!(broken("a=b\\\nc\nd=\\u12"), 3);
        assert_eq!(broken("a=\\ud800"), 1);
        assert_eq!(broken("a=\\u+123"), 1);
    }

    proptest! {
        #[test]
        fn any_text_parses_or_errs(text in "(?s)[ -~é\\\\\n\r\t=:#!]*") {
            let _ = parse(&text);
        }

        #[test]
        fn what_is_written_reads_back(entries in prop::collection::vec(("(?s).{1,9}", "(?s).{0,20}"), 0..9)) {
            let mut text = String::new();
            for (key, value) in &entries {
                writeln!(text, "{}={}", escape(key), escape(value)).unwrap();
            }
            prop_assert_eq!(pairs(&text), entries);
        }
    }

    fn escape(text: &str) -> String {
        let mut units = String::new();
        for unit in text.encode_utf16() {
            match u8::try_from(unit) {
                Ok(b) if b.is_ascii_alphanumeric() => units.push(char::from(b)),
                _ => write!(units, "\\u{unit:04x}").unwrap(),
            }
        }
        units
    }
}
