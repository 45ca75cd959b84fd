//! Finds the line and column of a field, for errors.

use jsonc_parser::{CollectOptions, ParseOptions, ast::Value, common::Ranged, parse_to_ast};

/// One step of a field path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Field(String),
    Index(usize),
}

/// Splits `tasks[2].env.A` into its steps. Keys that themselves contain '.' or '[' are not found,
/// and the error then points at what encloses them.
pub(super) fn steps(path: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    for part in path.split('.').filter(|p| !p.is_empty()) {
        let mut pieces = part.split('[');
        let field = pieces.next().unwrap_or_default();
        if !field.is_empty() {
            steps.push(Step::Field(field.to_owned()));
        }
        steps.extend(pieces.filter_map(|p| p.strip_suffix(']')?.parse().ok().map(Step::Index)));
    }
    steps
}

/// Line and column (both from 1, columns in characters) of a byte offset.
pub(super) fn line_column(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |i| i + 1);
    (
        before.matches('\n').count() + 1,
        before[line_start..].chars().count() + 1,
    )
}

/// The byte offset at which the value of `path` begins, or that of the innermost value on the way
/// that exists. `None` if the text isn't JSON.
pub(super) fn offset(text: &str, path: &[Step]) -> Option<usize> {
    // The parser recurses; what no order can mean is not worth a stack.
    if nesting(text) > 256 {
        return None;
    }
    let parsed = parse_to_ast(text, &CollectOptions::default(), &ParseOptions::default()).ok()?;
    let mut value = parsed.value?;
    let mut at = value.start();
    for step in path {
        let (next, start) = descend(value, step);
        at = start;
        match next {
            Some(inner) => value = inner,
            None => break,
        }
    }
    Some(at)
}

/// The value one step further in; without one, the offset of what encloses it.
fn descend<'a>(value: Value<'a>, step: &Step) -> (Option<Value<'a>>, usize) {
    let here = value.start();
    let inner = match (value, step) {
        (Value::Object(mut object), Step::Field(name)) => {
            let found = object
                .properties
                .iter()
                .rposition(|p| p.name.as_str() == name);
            found.map(|i| object.properties.swap_remove(i).value)
        }
        (Value::Array(mut array), Step::Index(i)) if *i < array.elements.len() => {
            Some(array.elements.swap_remove(*i))
        }
        _ => None,
    };
    let at = inner.as_ref().map_or(here, Ranged::start);
    (inner, at)
}

/// An upper bound of how deep brackets nest.
fn nesting(text: &str) -> usize {
    let mut depth = 0usize;
    let mut deepest = 0;
    for byte in text.bytes() {
        match byte {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn finds_a_field() {
        let text = "{\n  \"tasks\": [\n    \"a\",\n    {\"name\": \"é\", \"timeout\": 5}\n  ]\n}";
        let at = offset(text, &steps("tasks[1].timeout")).unwrap();
        assert_eq!(line_column(text, at), (4, 30));
        let enclosing = offset(text, &steps("tasks[1].nothing")).unwrap();
        assert_eq!(line_column(text, enclosing), (4, 5));
    }

    proptest! {
        #[test]
        fn never_panics(text in ".*", path in "[a-z.\\[\\]0-9]*", at in any::<usize>()) {
            let _ = offset(&text, &steps(&path));
            let _ = line_column(&text, at);
        }
    }
}
