//! Colours that colour-blind people can tell apart: Okabe and Ito, "Color Universal Design" (2008),
//! <https://jfly.uni-koeln.de/color/>. Beside the hue they differ in lightness.

/// Red, green, blue.
pub(crate) type Rgb = (u8, u8, u8);

pub(crate) const WHITE: Rgb = (255, 255, 255);
pub(crate) const INK: Rgb = (28, 32, 36);
pub(crate) const MUTED: Rgb = (87, 96, 106);
pub(crate) const GRID: Rgb = (229, 232, 236);
pub(crate) const FRAME: Rgb = (140, 149, 159);

pub(crate) const BLUE: Rgb = (0, 114, 178);
pub(crate) const VERMILLION: Rgb = (213, 94, 0);
const ORANGE: Rgb = (230, 159, 0);
const SKY: Rgb = (86, 180, 233);
const GREEN: Rgb = (0, 158, 115);
const PURPLE: Rgb = (204, 121, 167);
/// Okabe and Ito's yellow (240, 228, 66), darker: on white it can hardly be seen.
const YELLOW: Rgb = (207, 196, 52);

/// Lines: dark first, then one that stands out by lightness too.
const LINES: [Rgb; 5] = [BLUE, ORANGE, GREEN, SKY, PURPLE];
/// Tasks: light and dark in turn. Vermillion is kept for limits and failures.
const TASKS: [Rgb; 6] = [SKY, BLUE, ORANGE, GREEN, YELLOW, PURPLE];

/// The colours of words: dark enough to read on white.
pub(crate) const GREEN_TEXT: Rgb = (0, 106, 78);
pub(crate) const RED_TEXT: Rgb = (168, 66, 0);
pub(crate) const LIMIT: Rgb = VERMILLION;

/// The colour of a panel's line.
pub(crate) fn line(index: usize) -> Rgb {
    LINES[index % LINES.len()]
}

/// The colour of a panel's stacked area: pale below, strong above, so that both can be told from
/// each other and from a line over them.
pub(crate) fn area(index: usize) -> Rgb {
    match index {
        0 => mix(SKY, WHITE, 0.5),
        1 => ORANGE,
        _ => mix(TASKS[(index + 1) % TASKS.len()], WHITE, 0.3),
    }
}

/// The colour of a task: six, then the same darker, then paler.
pub(crate) fn task(index: usize) -> Rgb {
    let base = TASKS[index % TASKS.len()];
    match index / TASKS.len() % 3 {
        0 => base,
        1 => mix(base, INK, 0.5),
        _ => mix(base, WHITE, 0.45),
    }
}

/// A colour between two: `share` of the second.
pub(crate) fn mix(a: Rgb, b: Rgb, share: f64) -> Rgb {
    let one = |a: u8, b: u8| (f64::from(a) + (f64::from(b) - f64::from(a)) * share).round() as u8;
    (one(a.0, b.0), one(a.1, b.1), one(a.2, b.2))
}

/// Relative luminance, 0 black to 1 white (WCAG 2.2).
fn luminance((r, g, b): Rgb) -> f64 {
    let linear = |c: u8| {
        let c = f64::from(c) / 255.0;
        if c <= 0.04045 {
            c / 12.92
        } else {
            ((c + 0.055) / 1.055).powf(2.4)
        }
    };
    0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b)
}

/// The contrast of two colours, 1 to 21 (WCAG 2.2).
fn contrast(a: Rgb, b: Rgb) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

/// Ink or white, whichever is easier to read on the colour.
pub(crate) fn text_on(background: Rgb) -> Rgb {
    if contrast(INK, background) > contrast(WHITE, background) {
        INK
    } else {
        WHITE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_readable_on_every_task_colour() {
        for index in 0..40 {
            let background = task(index);
            assert!(
                contrast(text_on(background), background) >= 4.5,
                "{index} {background:?}"
            );
        }
        assert!(contrast(MUTED, WHITE) >= 4.5);
    }

    #[test]
    fn neighbours_differ_in_lightness() {
        for index in 0..LINES.len() - 1 {
            assert!(
                contrast(line(index), line(index + 1)) > 1.2,
                "lines {index}"
            );
        }
        for index in 0..40 {
            assert!(
                contrast(task(index), task(index + 1)) > 1.15,
                "tasks {index}"
            );
        }
    }
}
