//! The report is one page that needs nothing else, and shows every text as text.

use chart::{Column, FactGroup, Figure, Note, Output, Picture, Report, Row, Table, Tone, report};
use proptest::prelude::*;

fn everything(text: &str) -> Report {
    let text = text.to_owned();
    let pair = || vec![(text.clone(), text.clone())];
    let figure = || Figure {
        title: text.clone(),
        svg: "<svg xmlns=\"http://www.w3.org/2000/svg\"></svg>".into(),
        alt: text.clone(),
        caption: text.clone(),
    };
    Report {
        title: text.clone(),
        subtitle: text.clone(),
        status: text.clone(),
        tone: Tone::Bad,
        totals: pair(),
        notes: vec![Note {
            tone: Tone::Warning,
            text: text.clone(),
        }],
        overview: Some(figure()),
        runs: Table {
            caption: text.clone(),
            columns: vec![
                Column {
                    title: text.clone(),
                    numeric: false,
                },
                Column {
                    title: "CPU".into(),
                    numeric: true,
                },
            ],
            rows: vec![Row {
                cells: vec![text.clone(), "4.2 s".into()],
                tone: Tone::Bad,
            }],
            totals: vec![text.clone()],
        },
        charts: vec![figure()],
        pictures: vec![Picture {
            caption: text.clone(),
            alt: text.clone(),
            png: vec![1, 2, 3, 4],
        }],
        outputs: vec![Output {
            title: text.clone(),
            text: text.clone(),
        }],
        facts: vec![FactGroup {
            title: text.clone(),
            facts: pair(),
        }],
        footer: text,
    }
}

/// The page without what a text may change.
fn skeleton(page: &str) -> Vec<&str> {
    page.split('<')
        .filter_map(|piece| piece.split([' ', '>']).next())
        .collect()
}

#[test]
fn a_small_report() {
    let mut everything = everything("leaf <1> & \"co\"");
    everything.pictures[0].caption.clear();
    let page = report(&everything);
    let (before, rest) = page.split_once("<style>").unwrap();
    let (_, after) = rest.split_once("</style>").unwrap();
    insta::assert_snapshot!(format!("{before}<style>…</style>{after}"));
}

#[test]
fn an_empty_report_is_a_page_too() {
    let page = report(&Report::default());
    assert!(page.starts_with("<!DOCTYPE html>") && page.trim_end().ends_with("</html>"));
    assert!(!page.contains("<h2>"));
}

#[test]
fn nothing_is_loaded_and_no_script_runs() {
    let page = report(&everything("x"));
    for word in [
        "<script",
        "<link",
        "@import",
        "url(",
        "src=\"http",
        "href=",
        "onload",
    ] {
        assert!(!page.contains(word), "{word}");
    }
    assert!(page.contains("src=\"data:image/png;base64,AQIDBA==\""));
}

#[test]
fn what_is_no_svg_is_shown_as_text() {
    let figure = Figure {
        svg: "<img src=x onerror=alert(1)>".into(),
        ..Figure::default()
    };
    let page = report(&Report {
        charts: vec![figure],
        ..Report::default()
    });
    assert!(page.contains("<pre>&lt;img src=x onerror=alert(1)&gt;</pre>"));
}

#[test]
fn long_outputs_are_folded_up() {
    let output = |text: String| Output {
        title: "t".into(),
        text,
    };
    let outputs = vec![output("short".into()), output("long ".repeat(1000))];
    let page = report(&Report {
        outputs,
        ..Report::default()
    });
    assert_eq!(page.matches("<details open>").count(), 1);
    assert_eq!(page.matches("<details>").count(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_text_changes_the_page(text in "\\PC{0,40}|[<>&\"'/a-z \\x00-\\x1f]{1,60}") {
        prop_assume!(!text.is_empty());
        let page = report(&everything(&text));
        let plain = report(&everything("x"));
        prop_assert_eq!(skeleton(&page), skeleton(&plain));
        prop_assert!(!page.chars().any(|c| c.is_control() && c != '\n' && c != '\t'));
    }
}
