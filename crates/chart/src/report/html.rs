//! Writes the page.

use std::fmt::Write as _;

use super::{FactGroup, Figure, Output, Picture, Report, Row, Table, Tone};

const STYLE: &str = include_str!("style.css");
/// Outputs and figures past these are folded up.
const LONG_OUTPUT: usize = 1500;
const MANY_FIGURES: usize = 8;

/// The text as it may stand in an element or an attribute. Characters that HTML and XML forbid
/// become U+FFFD.
pub(crate) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + text.len() / 8);
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            '\n' | '\t' => safe.push(character),
            '\r' => {}
            '\u{fffe}' | '\u{ffff}' => safe.push('\u{fffd}'),
            c if c.is_control() => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
    }
    safe
}

/// Collects the page; writing to a string can't fail.
struct Page(String);

macro_rules! put {
    ($page:expr, $($piece:tt)*) => {{
        let _ = write!($page.0, $($piece)*);
    }};
}

pub(crate) fn page(report: &Report) -> String {
    let mut page = Page(String::new());
    let title = escape(&report.title);
    put!(
        page,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
    );
    put!(
        page,
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
    );
    put!(
        page,
        "<meta name=\"color-scheme\" content=\"light dark\">\n"
    );
    put!(
        page,
        "<title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n"
    );
    head(&mut page, report);
    if let Some(figure) = &report.overview {
        put!(page, "<section>\n<h2>Overview</h2>\n");
        chart(&mut page, figure);
        put!(page, "</section>\n");
    }
    runs(&mut page, &report.runs);
    charts(&mut page, &report.charts);
    pictures(&mut page, &report.pictures);
    outputs(&mut page, &report.outputs);
    facts(&mut page, &report.facts);
    put!(page, "</main>\n");
    if !report.footer.is_empty() {
        put!(page, "<footer>{}</footer>\n", escape(&report.footer));
    }
    put!(page, "</body>\n</html>\n");
    page.0
}

fn class(tone: Tone) -> &'static str {
    match tone {
        Tone::Plain => "plain",
        Tone::Good => "good",
        Tone::Warning => "warning",
        Tone::Bad => "bad",
    }
}

fn head(page: &mut Page, report: &Report) {
    put!(page, "<header>\n<h1>{}", escape(&report.title));
    if !report.status.is_empty() {
        put!(page, " <span class=\"status {}\">", class(report.tone));
        put!(page, "{}</span>", escape(&report.status));
    }
    put!(page, "</h1>\n");
    if !report.subtitle.is_empty() {
        put!(
            page,
            "<p class=\"subtitle\">{}</p>\n",
            escape(&report.subtitle)
        );
    }
    put!(page, "</header>\n");
    if !report.totals.is_empty() {
        put!(page, "<dl class=\"totals\">\n");
        pairs(page, &report.totals);
        put!(page, "</dl>\n");
    }
    if !report.notes.is_empty() {
        put!(page, "<ul class=\"notes\" aria-label=\"Notes\">\n");
        for note in &report.notes {
            put!(
                page,
                "<li class=\"{}\">{}</li>\n",
                class(note.tone),
                escape(&note.text)
            );
        }
        put!(page, "</ul>\n");
    }
}

fn pairs(page: &mut Page, pairs: &[(String, String)]) {
    for (label, value) in pairs {
        put!(
            page,
            "<div><dt>{}</dt><dd>{}</dd></div>\n",
            escape(label),
            escape(value)
        );
    }
}

fn runs(page: &mut Page, table: &Table) {
    if table.columns.is_empty() {
        return;
    }
    put!(page, "<section>\n<h2>Runs</h2>\n");
    put!(
        page,
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Runs\">\n<table>\n"
    );
    if !table.caption.is_empty() {
        put!(page, "<caption>{}</caption>\n", escape(&table.caption));
    }
    put!(page, "<thead><tr>");
    for column in &table.columns {
        put!(
            page,
            "<th scope=\"col\"{}>{}</th>",
            number(column.numeric),
            escape(&column.title)
        );
    }
    put!(page, "</tr></thead>\n<tbody>\n");
    for row in &table.rows {
        cells(page, table, row);
    }
    put!(page, "</tbody>\n");
    if !table.totals.is_empty() {
        let row = Row {
            cells: table.totals.clone(),
            tone: Tone::Plain,
        };
        put!(page, "<tfoot>\n");
        cells(page, table, &row);
        put!(page, "</tfoot>\n");
    }
    put!(page, "</table>\n</div>\n</section>\n");
}

fn number(numeric: bool) -> &'static str {
    if numeric { " class=\"number\"" } else { "" }
}

fn cells(page: &mut Page, table: &Table, row: &Row) {
    put!(page, "<tr class=\"{}\">", class(row.tone));
    for (index, column) in table.columns.iter().enumerate() {
        let cell = row.cells.get(index).map_or("", String::as_str);
        put!(page, "<td{}>{}</td>", number(column.numeric), escape(cell));
    }
    put!(page, "</tr>\n");
}

fn charts(page: &mut Page, figures: &[Figure]) {
    if figures.is_empty() {
        return;
    }
    put!(page, "<section>\n<h2>Charts</h2>\n");
    for (index, figure) in figures.iter().enumerate() {
        let open = if index < MANY_FIGURES { " open" } else { "" };
        put!(
            page,
            "<details{open}>\n<summary><h3>{}</h3></summary>\n",
            escape(&figure.title)
        );
        chart(page, figure);
        put!(page, "</details>\n");
    }
    put!(page, "</section>\n");
}

fn chart(page: &mut Page, figure: &Figure) {
    let alt = escape(&figure.alt);
    put!(page, "<figure class=\"chart\">\n");
    put!(
        page,
        "<div class=\"card scroll\" tabindex=\"0\" role=\"group\" aria-label=\"{alt}\">\n"
    );
    if figure.svg.starts_with("<svg") {
        put!(page, "{}\n", figure.svg.trim_end());
    } else {
        put!(page, "<pre>{}</pre>\n", escape(&figure.svg));
    }
    put!(page, "</div>\n");
    caption(page, &figure.caption);
    put!(page, "</figure>\n");
}

fn caption(page: &mut Page, text: &str) {
    if !text.is_empty() {
        put!(page, "<figcaption>{}</figcaption>\n", escape(text));
    }
}

fn pictures(page: &mut Page, pictures: &[Picture]) {
    if pictures.is_empty() {
        return;
    }
    put!(
        page,
        "<section>\n<h2>Pictures</h2>\n<div class=\"pictures\">\n"
    );
    for picture in pictures {
        put!(page, "<figure><img alt=\"{}\" ", escape(&picture.alt));
        put!(
            page,
            "src=\"data:image/png;base64,{}\">\n",
            base64(&picture.png)
        );
        caption(page, &picture.caption);
        put!(page, "</figure>\n");
    }
    put!(page, "</div>\n</section>\n");
}

fn outputs(page: &mut Page, outputs: &[Output]) {
    if outputs.is_empty() {
        return;
    }
    put!(page, "<section>\n<h2>Outputs</h2>\n");
    for output in outputs {
        let open = if output.text.len() <= LONG_OUTPUT {
            " open"
        } else {
            ""
        };
        put!(
            page,
            "<details{open}>\n<summary><h3>{}</h3></summary>\n",
            escape(&output.title)
        );
        put!(
            page,
            "<pre tabindex=\"0\">{}</pre>\n</details>\n",
            escape(&output.text)
        );
    }
    put!(page, "</section>\n");
}

fn facts(page: &mut Page, groups: &[FactGroup]) {
    if groups.is_empty() {
        return;
    }
    put!(page, "<section>\n<h2>Facts</h2>\n<div class=\"groups\">\n");
    for group in groups {
        put!(
            page,
            "<section>\n<h3>{}</h3>\n<dl class=\"facts\">\n",
            escape(&group.title)
        );
        pairs(page, &group.facts);
        put!(page, "</dl>\n</section>\n");
    }
    put!(page, "</div>\n</section>\n");
}

/// RFC 4648, section 4, with padding.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |i: usize| u32::from(chunk.get(i).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * place) & 63) as usize];
            text.push(if place <= chunk.len() {
                digit as char
            } else {
                '='
            });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_as_in_the_rfc() {
        let of = |text: &str| base64(text.as_bytes());
        assert_eq!(of(""), "");
        assert_eq!(of("f"), "Zg==");
        assert_eq!(of("fo"), "Zm8=");
        assert_eq!(of("foo"), "Zm9v");
        assert_eq!(of("foobar"), "Zm9vYmFy");
    }
}
