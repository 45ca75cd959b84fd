//! The compiled-in font: measures text for the layout and draws it for the PNG.

use std::sync::LazyLock;

use ab_glyph::{Font as _, FontRef, Glyph, PxScale, ScaleFont as _, point};

/// Ubuntu Light is what epaint carries for text; `None` never happens with that file.
static FONT: LazyLock<Option<FontRef<'static>>> =
    LazyLock::new(|| FontRef::try_from_slice(epaint_default_fonts::UBUNTU_LIGHT).ok());

/// The families that an SVG asks for: what looks and runs most like the font measured with first.
pub(crate) const FAMILIES: &str = "Ubuntu, Helvetica, Arial, sans-serif";

/// A reader's sans-serif may run wider than ours (Arial's and `DejaVu`'s do): layouts leave this room.
const ROOM: f64 = 1.12;

/// From the font's em to the scale that `ab_glyph` wants, which counts ascent and descent.
fn scale(font: &FontRef<'_>, size: f64) -> PxScale {
    let em = f64::from(font.units_per_em().unwrap_or(1000.0));
    PxScale::from((size * f64::from(font.height_unscaled()) / em) as f32)
}

/// Places glyph after glyph from `start` on; returns where the line ends.
fn place(text: &str, size: f64, start: f64, mut each: impl FnMut(&FontRef<'static>, Glyph)) -> f64 {
    let Some(font) = FONT.as_ref() else {
        return 0.0;
    };
    let scaled = font.as_scaled(scale(font, size));
    let mut x = start as f32;
    let mut previous = None;
    for character in text.chars() {
        let id = scaled.glyph_id(character);
        if let Some(previous) = previous {
            x += scaled.kern(previous, id);
        }
        each(
            font,
            id.with_scale_and_position(scaled.scale(), point(x, 0.0)),
        );
        x += scaled.h_advance(id);
        previous = Some(id);
    }
    f64::from(x)
}

/// The width of a line of text in pixels, with room for a reader's own font.
pub(crate) fn width(text: &str, size: f64) -> f64 {
    drawn_width(text, size) * ROOM
}

/// The width without that room: what the PNG draws.
pub(crate) fn drawn_width(text: &str, size: f64) -> f64 {
    place(text, size, 0.0, |_, _| {})
}

/// Draws a line that begins at `start` on the baseline: calls back with pixel and coverage.
pub(crate) fn rasterize(text: &str, size: f64, start: f64, mut pixel: impl FnMut(i32, i32, f32)) {
    place(text, size, start, |font, glyph| {
        let Some(outline) = font.outline_glyph(glyph) else {
            return;
        };
        let origin = outline.px_bounds().min;
        let (left, top) = (origin.x.round() as i32, origin.y.round() as i32);
        outline.draw(|x, y, coverage| {
            if coverage > 0.0 {
                pixel(left + x as i32, top + y as i32, coverage.min(1.0));
            }
        });
    });
}

/// The text as it may stand in a picture: one line, no control characters, nothing that XML forbids
/// or that turns the direction of writing.
pub(crate) fn clean(text: &str) -> String {
    let plain = |c: char| match c {
        '\u{a0}' => c,
        c if c.is_whitespace() => ' ',
        '\u{fffe}'
        | '\u{ffff}'
        | '\u{200e}'
        | '\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        c if c.is_control() => '\u{fffd}',
        c => c,
    };
    text.chars().map(plain).collect()
}

/// The text, cut with an ellipsis to what fits into `room` pixels.
pub(crate) fn fit(text: &str, size: f64, room: f64) -> String {
    let text = clean(text);
    if width(&text, size) <= room {
        return text;
    }
    let mut kept = String::new();
    let mut taken = width("…", size);
    for character in text.chars() {
        taken += width(character.encode_utf8(&mut [0; 4]), size);
        if taken > room {
            break;
        }
        kept.push(character);
    }
    format!("{}…", kept.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_font_is_there() {
        assert!(FONT.is_some());
        let em = width("mmmm", 20.0);
        assert!((50.0..100.0).contains(&em), "{em}");
        let mut pixels = 0;
        rasterize("A", 20.0, 0.5, |_, y, _| {
            assert!(y < 1);
            pixels += 1;
        });
        assert!(pixels > 20);
    }

    proptest! {
        #[test]
        fn cut_text_fits(text in any::<String>(), room in 20.0..400.0) {
            let fitted = fit(&text, 13.0, room);
            prop_assert!(width(&fitted, 13.0) <= room + 0.1 || fitted == "…");
            prop_assert!(!fitted.chars().any(char::is_control));
        }
    }
}
