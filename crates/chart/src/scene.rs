//! What a layout makes and a renderer draws: plain shapes in pixels, first ones lowest.

use crate::error::Error;
use crate::palette::{INK, Rgb, WHITE};
use crate::text;

/// How much of what is below a veil hides: 0 nothing, 1 all.
pub(crate) const VEIL: f64 = 0.75;

/// Where a text's position is: its left end, its middle or its right end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Anchor {
    Left,
    Middle,
    Right,
}

/// A position in pixels, from the left upper corner.
pub(crate) type At = (f64, f64);

/// A line of text. `at.1` is the middle of the small letters.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Label {
    pub(crate) at: At,
    pub(crate) text: String,
    pub(crate) size: f64,
    pub(crate) color: Rgb,
    pub(crate) anchor: Anchor,
    pub(crate) bold: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Shape {
    /// A filled rectangle: left upper and right lower corner.
    Rect { from: At, to: At, color: Rgb },
    /// A rectangle of white through which what is below can be guessed.
    Veil { from: At, to: At },
    /// A line through points.
    Line {
        points: Vec<At>,
        width: f64,
        color: Rgb,
    },
    /// The area between two lines whose points pair up by index and whose x never falls.
    Area {
        top: Vec<At>,
        bottom: Vec<At>,
        color: Rgb,
    },
    /// A filled disc.
    Dot { at: At, radius: f64, color: Rgb },
    /// A line of text.
    Text(Label),
}

/// A picture: its size and its shapes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Scene {
    pub(crate) width: u32,
    pub(crate) height: f64,
    /// The picture in words, for those who can't see it.
    pub(crate) description: String,
    pub(crate) shapes: Vec<Shape>,
}

impl Scene {
    pub(crate) fn new(width: u32, description: &str) -> Self {
        Self {
            width,
            height: 0.0,
            description: text::clean(description),
            shapes: Vec::new(),
        }
    }

    /// Width and height in whole pixels, if a picture of that size can be made.
    pub(crate) fn size(&self) -> Result<(u32, u32), Error> {
        if !(400..=8000).contains(&self.width) {
            return Err(Error::Width { width: self.width });
        }
        let height = self.height.ceil() as u32;
        if height > 60_000 {
            return Err(Error::Height { height });
        }
        Ok((self.width, height.max(1)))
    }

    pub(crate) fn rect(&mut self, from: At, to: At, color: Rgb) {
        self.shapes.push(Shape::Rect { from, to, color });
    }

    pub(crate) fn line(&mut self, points: Vec<At>, width: f64, color: Rgb) {
        self.shapes.push(Shape::Line {
            points,
            width,
            color,
        });
    }

    /// A horizontal dashed line.
    pub(crate) fn dashes(&mut self, (left, right): At, y: f64, color: Rgb) {
        let (dash, gap) = (7.0, 5.0);
        let mut x = left;
        while x < right {
            self.line(vec![(x, y), ((x + dash).min(right), y)], 1.5, color);
            x += dash + gap;
        }
    }

    /// A dot with a white rim, so that it can be seen on its own line.
    pub(crate) fn dot(&mut self, at: At, radius: f64, color: Rgb) {
        self.shapes.push(Shape::Dot {
            at,
            radius: radius + 1.5,
            color: WHITE,
        });
        self.shapes.push(Shape::Dot { at, radius, color });
    }

    /// Text in ink; the label comes back for other colours and weights.
    pub(crate) fn text(&mut self, at: At, text: &str, size: f64, anchor: Anchor) -> &mut Label {
        let label = Label {
            at,
            text: text::clean(text),
            size,
            color: INK,
            anchor,
            bold: false,
        };
        self.label(label)
    }

    /// Text on a veil that keeps lines from crossing it.
    pub(crate) fn plated(&mut self, at: At, text: &str, size: f64, anchor: Anchor) -> &mut Label {
        let width = text::width(text, size) + 6.0;
        let left = match anchor {
            Anchor::Left => at.0 - 3.0,
            Anchor::Middle => at.0 - width / 2.0,
            Anchor::Right => at.0 + 3.0 - width,
        };
        let half = size * 0.62;
        let (from, to) = ((left, at.1 - half), (left + width, at.1 + half));
        self.shapes.push(Shape::Veil { from, to });
        self.text(at, text, size, anchor)
    }

    fn label(&mut self, label: Label) -> &mut Label {
        self.shapes.push(Shape::Text(label));
        match self.shapes.last_mut() {
            Some(Shape::Text(label)) => label,
            _ => unreachable!("the text was pushed just now"),
        }
    }
}
