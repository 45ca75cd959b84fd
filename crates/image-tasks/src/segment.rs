//! `segment`: the leaf against the background.

use std::path::{Path, PathBuf};

use clap::Args;
use image::{GrayImage, RgbImage};
use imageproc::contrast::otsu_level;
use serde_json::{Value, json};

use crate::blur::masked_mean;
use crate::camera::round;
use crate::context::Context;
use crate::error::Error;
use crate::{picture, regions};

/// How leaf and background are told apart.
#[derive(Args, Clone, Debug, Default)]
pub struct SegmentArgs {
    /// Colourfulness (0 to 1) from which a pixel is leaf; by default the picture's own
    /// (Otsu's method), between 0.2 and 0.5.
    #[arg(long)]
    pub threshold: Option<f64>,
    /// Work on this picture (relative to the workspace).
    #[arg(long, value_name = "FILE")]
    pub input: Option<PathBuf>,
}

/// A picture's leaf.
#[derive(Clone, Debug)]
pub struct Segmented {
    /// 255 where the leaf is, 0 elsewhere; the picture's size.
    pub mask: GrayImage,
    /// The colourfulness that was taken as the border, 0 to 1.
    pub threshold: f64,
    /// Pixels of the leaf; never 0.
    pub leaf_pixels: usize,
}

impl Segmented {
    /// The share of the picture that the leaf covers, 0 to 1.
    pub fn leaf_share(&self) -> f64 {
        self.leaf_pixels as f64 / self.mask.len().max(1) as f64
    }
}

/// Finds the leaf. `path` is for the error's text.
///
/// The measure is saturation as seen by blue: `(max(R, G) - B) / max(R, G)`. Green, yellow
/// and brown plant matter all lack blue (chlorophyll and tannins absorb it), soil, stone,
/// paper and cloth much less; light and shadow leave the ratio alone.
pub fn segment(picture: &RgbImage, args: &SegmentArgs, path: &Path) -> Result<Segmented, Error> {
    let (width, height) = picture.dimensions();
    let plane: Vec<u8> = picture.pixels().map(|p| lack_of_blue(p.0)).collect();
    let mut mean = masked_mean(&plane, None, width as usize, radius(picture));
    drop(plane);
    let threshold = match args.threshold {
        Some(threshold) if (0.0..=1.0).contains(&threshold) => threshold,
        Some(threshold) => {
            let value = threshold.to_string();
            return Err(Error::Parameter {
                option: "threshold",
                value,
                wanted: "from 0 to 1",
            });
        }
        None => {
            let whole = GrayImage::from_raw(width, height, mean).unwrap_or_default();
            let level = f64::from(otsu_level(&whole)) + 0.5;
            mean = whole.into_raw();
            (level / 255.0).clamp(0.2, 0.5)
        }
    };
    for value in &mut mean {
        *value = if f64::from(*value) > threshold * 255.0 {
            regions::IN
        } else {
            0
        };
    }
    let mut mask = GrayImage::from_raw(width, height, mean).unwrap_or_default();
    regions::clean(&mut mask, 0.1);
    let leaf_pixels = mask.iter().filter(|&&m| m != 0).count();
    if leaf_pixels * 1000 < mask.len() || leaf_pixels == 0 {
        return Err(Error::NoLeaf {
            path: path.to_path_buf(),
        });
    }
    Ok(Segmented {
        mask,
        threshold,
        leaf_pixels,
    })
}

/// 0 (grey, blue) to 255 (no blue at all). Nearly black pixels count as grey.
fn lack_of_blue([r, g, b]: [u8; 3]) -> u8 {
    let brightest = u32::from(r.max(g));
    let lack = brightest.saturating_sub(u32::from(b));
    (lack * 255 / (brightest + 4)) as u8
}

/// Half the window over which colours are averaged, in pixels: grows with the picture.
pub(crate) fn radius(picture: &RgbImage) -> usize {
    (picture.width().max(picture.height()) / 1200).clamp(1, 4) as usize
}

pub(crate) fn run(args: &SegmentArgs, context: &Context) -> Result<Value, Error> {
    let source = context.source("segment", args.input.as_deref(), true)?;
    let segmented = segment(&picture::load(&source.path)?, args, &source.path)?;
    let name = context.output_name("segment", &[&source.name]);
    picture::save_grey(&context.workspace.join(&name), &segmented.mask)?;
    Ok(json!({
        "image": source.name,
        "mask": name,
        "width": segmented.mask.width(),
        "height": segmented.mask.height(),
        "leaf_share": round(segmented.leaf_share()),
        "threshold": round(segmented.threshold),
    }))
}
