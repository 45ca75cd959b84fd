//! Draws layers that are stacked on each other.

use crate::axis::{TimeAxis, ValueAxis};
use crate::input::Kind;
use crate::palette::Rgb;
use crate::scene::{At, Scene, Shape};
use crate::stack::Column;

/// Draws each layer as one area per stretch of columns in which it is known, from zero upwards.
pub(crate) fn draw(
    scene: &mut Scene,
    columns: &[Column],
    colors: &[Rgb],
    kind: Kind,
    (time, values): (&TimeAxis, &ValueAxis),
) {
    let width = (time.right - time.left) / columns.len().max(1) as f64;
    let base = values.y(0.0);
    let mut bands: Vec<Band> = colors.iter().map(|_| Band::default()).collect();
    for (number, column) in columns.iter().enumerate() {
        let left = time.left + number as f64 * width;
        let mut floor = base;
        let mut sum = 0.0;
        let mut known = column.iter().peekable();
        for (layer, (band, color)) in bands.iter_mut().zip(colors).enumerate() {
            let Some((_, value)) = known.next_if(|(of, _)| *of == layer) else {
                band.close(scene, *color);
                continue;
            };
            sum += value;
            let y = values.y(sum);
            band.add((left, left + width), (y, floor), kind);
            floor = y;
        }
    }
    for (band, color) in bands.iter_mut().zip(colors) {
        band.close(scene, *color);
    }
}

/// An area that is being drawn.
#[derive(Default)]
struct Band {
    top: Vec<At>,
    bottom: Vec<At>,
    right: f64,
}

impl Band {
    /// A column's part: a step over all of it, or for readings a point in its middle.
    fn add(&mut self, (left, right): At, (high, low): At, kind: Kind) {
        let middle = f64::midpoint(left, right);
        let xs = match kind {
            Kind::Rate => [left, right],
            Kind::Gauge if self.top.is_empty() => [left, middle],
            Kind::Gauge => [middle; 2],
        };
        for x in xs {
            self.top.push((x, high));
            self.bottom.push((x, low));
        }
        self.right = right;
    }

    fn close(&mut self, scene: &mut Scene, color: Rgb) {
        let mut top = std::mem::take(&mut self.top);
        let mut bottom = std::mem::take(&mut self.bottom);
        let (Some(high), Some(low)) = (top.last().copied(), bottom.last().copied()) else {
            return;
        };
        top.push((self.right, high.1));
        bottom.push((self.right, low.1));
        scene.shapes.push(Shape::Area { top, bottom, color });
    }
}
