//! Draws a scene as PNG.
//!
//! plotters' bitmap backend has whole pixels and no smooth edges, so the scene is drawn `FINE` times
//! as large and averaged down. Lines and areas are laid down as rectangles: plotters' own wide lines
//! and polygons leave holes where a dense series crosses itself.

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};
use plotters::prelude::*;

use crate::error::Error;
use crate::palette::{Rgb, WHITE};
use crate::scene::{Anchor, At, Label, Scene, Shape, VEIL};
use crate::text;

const FINE: u32 = 2;
const SCALE: f64 = FINE as f64;
/// From the middle of the small letters down to the baseline, in ems: half the x-height.
const HALF_X_HEIGHT: f64 = 0.26;
/// Ubuntu Light is light: a second stroke beside the first, in ems, makes it regular, or bold.
const WEIGHT: f64 = 0.02;
const BOLD_WEIGHT: f64 = 0.06;

pub(crate) fn render(scene: &Scene) -> Result<Vec<u8>, Error> {
    let (width, height) = scene.size()?;
    let (fine_width, fine_height) = (width * FINE, height * FINE);
    let mut pixels = vec![255; fine_width as usize * fine_height as usize * 3];
    {
        let mut canvas = Canvas(BitMapBackend::with_buffer(
            &mut pixels,
            (fine_width, fine_height),
        ));
        scene
            .shapes
            .iter()
            .try_for_each(|shape| canvas.draw(shape))
            .map_err(|error| Error::Draw {
                backend: "bitmap",
                source: Box::new(error),
            })?;
    }
    encode(&halved(&pixels, fine_width as usize), width, height)
}

fn encode(pixels: &[u8], width: u32, height: u32) -> Result<Vec<u8>, Error> {
    let mut file = Vec::new();
    PngEncoder::new_with_quality(&mut file, CompressionType::Fast, FilterType::Paeth).write_image(
        pixels,
        width,
        height,
        ExtendedColorType::Rgb8,
    )?;
    Ok(file)
}

/// The picture at half its size, each pixel the mean of four.
fn halved(pixels: &[u8], fine_width: usize) -> Vec<u8> {
    let row = fine_width * 3;
    let mut small = Vec::with_capacity(pixels.len() / 4);
    for rows in pixels.chunks_exact(row * 2) {
        let (upper, lower) = rows.split_at(row);
        for (upper, lower) in upper.chunks_exact(6).zip(lower.chunks_exact(6)) {
            for channel in 0..3 {
                let sum = u16::from(upper[channel])
                    + u16::from(upper[channel + 3])
                    + u16::from(lower[channel])
                    + u16::from(lower[channel + 3]);
                small.push(((sum + 2) / 4) as u8);
            }
        }
    }
    small
}

type Bitmap<'a> = BitMapBackend<'a>;
type Drawn = Result<(), DrawingAreaErrorKind<<Bitmap<'static> as DrawingBackend>::ErrorType>>;

struct Canvas<'a>(Bitmap<'a>);

impl Canvas<'_> {
    fn draw(&mut self, shape: &Shape) -> Drawn {
        match shape {
            Shape::Rect { from, to, color } => self.rect(up(*from), up(*to), *color),
            Shape::Line {
                points,
                width,
                color,
            } => points.windows(2).try_for_each(|ends| match ends {
                [a, b] => self.stroke(up(*a), up(*b), width * SCALE, *color),
                _ => Ok(()),
            }),
            Shape::Area { top, bottom, color } => self.area(top, bottom, *color),
            Shape::Dot { at, radius, color } => self.dot(up(*at), radius * SCALE, *color),
            Shape::Veil { from, to } => self.veil(up(*from), up(*to)),
            Shape::Text(label) => self.text(label),
        }
    }

    /// A filled rectangle between fine coordinates, at least one fine pixel in each direction.
    fn rect(&mut self, from: At, to: At, color: Rgb) -> Drawn {
        self.fill(from, to, rgb(color).to_rgba())
    }

    fn veil(&mut self, from: At, to: At) -> Drawn {
        self.fill(from, to, rgb(WHITE).mix(VEIL))
    }

    /// Clips to the picture first: plotters miscounts beyond it.
    fn fill(&mut self, from: At, to: At, color: RGBAColor) -> Drawn {
        let (width, height) = self.0.get_size();
        let (x0, y0) = (from.0.round() as i32, from.1.round() as i32);
        let (x1, y1) = (
            (to.0.round() as i32).max(x0 + 1),
            (to.1.round() as i32).max(y0 + 1),
        );
        let (x0, y0) = (x0.max(0), y0.max(0));
        let (x1, y1) = (x1.min(width as i32), y1.min(height as i32));
        if x0 >= x1 || y0 >= y1 {
            return Ok(());
        }
        let drawn = self.0.draw_rect((x0, y0), (x1, y1), &color, true);
        drawn.map_err(DrawingAreaErrorKind::BackendError)
    }

    /// One segment of a line: a rectangle per fine row if it is steep, else per fine column.
    fn stroke(&mut self, a: At, b: At, width: f64, color: Rgb) -> Drawn {
        let (dx, dy) = (b.0 - a.0, b.1 - a.1);
        let length = dx.hypot(dy);
        let half = width / 2.0;
        if dx.abs() < 0.5 || dy.abs() < 0.5 {
            let (left, right) = (a.0.min(b.0), a.0.max(b.0));
            let (top, bottom) = (a.1.min(b.1), a.1.max(b.1));
            // Both ends reach half a width further, which joins the segments of a line.
            return self.rect(
                (left - half, top - half),
                (right + half, bottom + half),
                color,
            );
        }
        let steep = dy.abs() > dx.abs();
        let (from, to) = if steep {
            (a.1.min(b.1), a.1.max(b.1))
        } else {
            (a.0.min(b.0), a.0.max(b.0))
        };
        let across = half * length / if steep { dy.abs() } else { dx.abs() };
        let mut at = (from - half * 0.5).floor();
        while at < to + half * 0.5 {
            let along = (at + 0.5).clamp(from, to);
            if steep {
                let x = a.0 + dx * (along - a.1) / dy;
                self.rect((x - across, at), (x + across, at + 1.0), color)?;
            } else {
                let y = a.1 + dy * (along - a.0) / dx;
                self.rect((at, y - across), (at + 1.0, y + across), color)?;
            }
            at += 1.0;
        }
        Ok(())
    }

    /// The area between two lines with paired points: a rectangle per fine column.
    fn area(&mut self, top: &[At], bottom: &[At], color: Rgb) -> Drawn {
        for (t, b) in top.windows(2).zip(bottom.windows(2)) {
            let (t0, t1, b0, b1) = (up(t[0]), up(t[1]), up(b[0]), up(b[1]));
            let flat = (t0.1 - t1.1).abs() < 0.5 && (b0.1 - b1.1).abs() < 0.5;
            if flat {
                if t1.0 > t0.0 && (b0.1 - t0.1).abs() >= 0.5 {
                    self.rect(t0, (t1.0, b0.1), color)?;
                }
                continue;
            }
            let mut x = t0.0.round();
            while x < t1.0.round() {
                let share = ((x + 0.5 - t0.0) / (t1.0 - t0.0)).clamp(0.0, 1.0);
                let (high, low) = (t0.1 + (t1.1 - t0.1) * share, b0.1 + (b1.1 - b0.1) * share);
                if low - high >= 0.5 {
                    self.rect((x, high), (x + 1.0, low), color)?;
                }
                x += 1.0;
            }
        }
        Ok(())
    }

    fn dot(&mut self, (x, y): At, radius: f64, color: Rgb) -> Drawn {
        let reach = radius.ceil() as i32;
        for row in -reach..reach {
            let height = f64::from(row) + 0.5;
            let half = (radius * radius - height * height).max(0.0).sqrt();
            if half >= 0.5 {
                let top = y.round() + f64::from(row);
                self.rect((x - half, top), (x + half, top + 1.0), color)?;
            }
        }
        Ok(())
    }

    fn text(&mut self, label: &Label) -> Drawn {
        let size = label.size * SCALE;
        let (x, y) = up(label.at);
        let left = match label.anchor {
            Anchor::Left => x,
            Anchor::Middle => x - text::drawn_width(&label.text, size) / 2.0,
            Anchor::Right => x - text::drawn_width(&label.text, size),
        };
        let baseline = y + size * HALF_X_HEIGHT;
        let weight = if label.bold { BOLD_WEIGHT } else { WEIGHT };
        let color = rgb(label.color);
        let mut outcome = Ok(());
        let baseline = baseline.round() as i32;
        for start in [left, left + size * weight] {
            text::rasterize(&label.text, size, start, |x, y, coverage| {
                let color = color.mix(f64::from(coverage)).to_backend_color();
                let drawn = self.0.draw_pixel((x, baseline + y), color);
                if outcome.is_ok() {
                    outcome = drawn.map_err(DrawingAreaErrorKind::BackendError);
                }
            });
        }
        outcome
    }
}

fn rgb((r, g, b): Rgb) -> RGBColor {
    RGBColor(r, g, b)
}

fn up((x, y): At) -> At {
    (x * SCALE, y * SCALE)
}
