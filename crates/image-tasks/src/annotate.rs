//! `annotate`: the picture with what was found drawn on it.

use std::path::PathBuf;

use ab_glyph::FontRef;
use clap::Args;
use image::{GrayImage, Rgb, RgbImage};
use imageproc::drawing::{draw_text_mut, text_size};
use serde_json::{Value, json};

use crate::camera::round;
use crate::context::Context;
use crate::diagnose::{self, Findings};
use crate::error::Error;
use crate::picture;

/// What is to be annotated.
#[derive(Args, Clone, Debug, Default)]
pub struct AnnotateArgs {
    /// Work on this picture (relative to the workspace).
    #[arg(long, value_name = "FILE")]
    pub input: Option<PathBuf>,
}

// Told apart also by people who see colours differently, and on green, brown and grey.
const LEAF_LINE: Rgb<u8> = Rgb([86, 180, 233]);
const LESION_LINE: Rgb<u8> = Rgb([255, 64, 160]);
const CASING: Rgb<u8> = Rgb([20, 20, 20]);
const TEXT: Rgb<u8> = Rgb([255, 255, 255]);
/// Letters smaller than this many pixels can't be read and are left out.
const SMALLEST_TEXT: f32 = 7.0;

/// Outlines of leaf and diseased areas and, where there is room, the share in words.
pub fn annotate(mut picture: RgbImage, found: &Findings) -> RgbImage {
    let side = picture.width().min(picture.height());
    let line = (side as f32 / 450.0).clamp(0.5, 12.0);
    tint(&mut picture, &found.diseased());
    for (mask, colour) in [(found.diseased(), LESION_LINE), (found.leaf(), LEAF_LINE)] {
        let edge = edge_pixels(&mask);
        stamp(&mut picture, &edge, line * 1.8, CASING);
        stamp(&mut picture, &edge, line, colour);
    }
    caption(&mut picture, &words(found));
    picture
}

fn words(found: &Findings) -> String {
    found.diseased_share().map_or_else(
        || "No leaf found".to_owned(),
        |share| format!("{:.1} % of the leaf is diseased", share * 100.0),
    )
}

/// A veil of the lesions' colour, so that they are seen also where lines crowd.
fn tint(picture: &mut RgbImage, mask: &GrayImage) {
    for (pixel, inside) in picture.pixels_mut().zip(mask.iter()) {
        if *inside != 0 {
            blend(pixel, LESION_LINE, 46);
        }
    }
}

/// Mixes so many 256ths of a colour in.
fn blend(pixel: &mut Rgb<u8>, colour: Rgb<u8>, parts: u32) {
    for (value, new) in pixel.0.iter_mut().zip(colour.0) {
        *value = ((u32::from(*value) * (256 - parts) + u32::from(new) * parts) >> 8) as u8;
    }
}

/// The pixels of a mask that have a neighbour outside of it.
fn edge_pixels(mask: &GrayImage) -> Vec<(u32, u32)> {
    let (width, height) = mask.dimensions();
    let inside = |x: u32, y: u32| x < width && y < height && mask.get_pixel(x, y).0[0] != 0;
    let on_edge = |x: u32, y: u32| {
        inside(x, y)
            && !(inside(x + 1, y)
                && inside(x, y + 1)
                && inside(x.wrapping_sub(1), y)
                && inside(x, y.wrapping_sub(1)))
    };
    let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    pixels.filter(|&(x, y)| on_edge(x, y)).collect()
}

/// A disc of that radius at every point.
fn stamp(picture: &mut RgbImage, points: &[(u32, u32)], radius: f32, colour: Rgb<u8>) {
    let (width, height) = picture.dimensions();
    let reach = radius.ceil() as i64;
    let near = |d: &(i64, i64)| ((d.0 * d.0 + d.1 * d.1) as f32) <= radius * radius;
    let disc: Vec<(i64, i64)> = (-reach..=reach)
        .flat_map(|y| (-reach..=reach).map(move |x| (x, y)))
        .filter(near)
        .collect();
    for &(x, y) in points {
        for &(dx, dy) in &disc {
            let (x, y) = (i64::from(x) + dx, i64::from(y) + dy);
            if (0..i64::from(width)).contains(&x) && (0..i64::from(height)).contains(&y) {
                picture.put_pixel(x as u32, y as u32, colour);
            }
        }
    }
}

/// White words on a dark band in the lower left corner.
fn caption(picture: &mut RgbImage, words: &str) {
    // The font is part of the program: a container has none.
    let Ok(font) = FontRef::try_from_slice(epaint_default_fonts::UBUNTU_LIGHT) else {
        return;
    };
    let (width, height) = picture.dimensions();
    let wanted = (width.min(height) as f32 / 18.0).max(SMALLEST_TEXT + 3.0);
    let room = width as f32 * 0.92;
    let (full, _) = text_size(wanted, &font, words);
    let size = wanted.min(wanted * (room - wanted) / full.max(1) as f32);
    let (text_width, text_height) = text_size(size.max(1.0), &font, words);
    let pad = (size * 0.4) as u32;
    let margin = (size * 0.5) as u32;
    let (box_width, box_height) = (text_width + 2 * pad, text_height + pad);
    if size < SMALLEST_TEXT || box_width + margin > width || box_height + margin > height {
        return;
    }
    let (left, top) = (margin, height - margin - box_height);
    for y in top..top + box_height {
        for x in left..left + box_width {
            blend(picture.get_pixel_mut(x, y), CASING, 190);
        }
    }
    let at = ((left + pad) as i32, (top + pad / 2) as i32);
    draw_text_mut(picture, TEXT, at.0, at.1, size, &font, words);
}

pub(crate) fn run(args: &AnnotateArgs, context: &Context) -> Result<Value, Error> {
    let source = context.source("annotate", args.input.as_deref(), true)?;
    let picture = picture::load(&source.path)?;
    let found = diagnose::findings(&picture, &source, context)?;
    let annotated = annotate(picture, &found);
    let name = context.output_name("annotate", &[&source.name]);
    picture::save_rgb(&context.workspace.join(&name), &annotated)?;
    Ok(json!({
        "image": name,
        "annotates": source.name,
        "diseased_share": found.diseased_share().map(round),
        "width": annotated.width(),
        "height": annotated.height(),
    }))
}
