//! `diagnose`: the diseased share of the leaf's area.

use std::path::PathBuf;

use clap::Args;
use image::{GrayImage, RgbImage};
use serde_json::{Value, json};

use crate::blur::masked_mean;
use crate::camera::round;
use crate::context::{self, Context, Source};
use crate::error::Error;
use crate::segment::{self, SegmentArgs};
use crate::{picture, regions};

/// What counts as diseased.
#[derive(Args, Clone, Debug)]
pub struct DiagnoseArgs {
    /// Redness `(R - G) / (R + G)` from which leaf is diseased, -0.5 to 0.5: green leaf is
    /// near -0.3, yellow near 0, brown near 0.2.
    #[arg(long, default_value_t = DEFAULT_REDNESS, allow_negative_numbers = true)]
    pub threshold: f64,
    /// Work on this picture (relative to the workspace).
    #[arg(long, value_name = "FILE")]
    pub input: Option<PathBuf>,
}

/// Half way between healthy green and the yellow that surrounds a spot.
const DEFAULT_REDNESS: f64 = -0.07;
/// Values in a map of findings.
const HEALTHY: u8 = 128;
const DISEASED: u8 = 255;

/// What was found on a leaf.
#[derive(Clone, Debug)]
pub struct Findings {
    /// 0 is background, 128 healthy leaf, 255 diseased leaf; the picture's size.
    pub map: GrayImage,
    /// Pixels of the leaf.
    pub leaf_pixels: usize,
    /// Pixels of the leaf that are diseased.
    pub diseased_pixels: usize,
}

impl Findings {
    /// The diseased share of the leaf's area, 0 to 1; `None` without a leaf.
    pub fn diseased_share(&self) -> Option<f64> {
        (self.leaf_pixels > 0).then(|| self.diseased_pixels as f64 / self.leaf_pixels as f64)
    }

    /// The leaf's share of the picture, 0 to 1; `None` for a picture without pixels.
    pub fn leaf_share(&self) -> Option<f64> {
        (!self.map.is_empty()).then(|| self.leaf_pixels as f64 / self.map.len() as f64)
    }

    /// Diseased areas that are more than a few pixels.
    pub fn lesions(&self) -> usize {
        regions::count(&self.diseased(), (self.leaf_pixels / 5000).max(4))
    }

    /// 255 where the leaf is.
    pub(crate) fn leaf(&self) -> GrayImage {
        self.select(|value| value != 0)
    }

    /// 255 where it is diseased.
    pub(crate) fn diseased(&self) -> GrayImage {
        self.select(|value| value == DISEASED)
    }

    fn select(&self, wanted: impl Fn(u8) -> bool) -> GrayImage {
        let mut mask = self.map.clone();
        mask.iter_mut()
            .for_each(|v| *v = if wanted(*v) { regions::IN } else { 0 });
        mask
    }

    fn of_map(map: GrayImage) -> Self {
        let leaf_pixels = map.iter().filter(|&&v| v != 0).count();
        let diseased_pixels = map.pixels().filter(|p| p.0[0] == DISEASED).count();
        Self {
            map,
            leaf_pixels,
            diseased_pixels,
        }
    }
}

/// Measures the leaf that `mask` shows (255; the picture's size).
///
/// Diseased tissue has lost its chlorophyll and reflects more red than green. A redness of
/// `t` is reached where `R = G * (1 + t) / (1 - t)`, so the excess `R - G * (1 + t) / (1 - t)`
/// is averaged over a few pixels of the leaf and its sign decides. The excess is linear in
/// the colours: unlike a mean of ratios it is 0 just where a pixel at a spot's edge shows as
/// much of the spot as of green leaf, so that small spots are not measured too small.
pub fn diagnose(picture: &RgbImage, mask: &GrayImage, redness_from: f64) -> Findings {
    let per_green = ((1.0 + redness_from) / (1.0 - redness_from)) as f32;
    let plane: Vec<u8> = picture.pixels().map(|p| excess(p.0, per_green)).collect();
    let radius = segment::radius(picture);
    let mut map = masked_mean(
        &plane,
        Some(mask.as_raw()),
        picture.width() as usize,
        radius,
    );
    for (value, &inside) in map.iter_mut().zip(mask.iter()) {
        *value = match inside {
            0 => 0,
            _ if *value > NO_EXCESS => DISEASED,
            _ => HEALTHY,
        };
    }
    let (width, height) = picture.dimensions();
    Findings::of_map(GrayImage::from_raw(width, height, map).unwrap_or_default())
}

/// The byte that stands for an excess of 0.
const NO_EXCESS: u8 = 128;

/// Red beyond `per_green` times green, as a byte around [`NO_EXCESS`]. What glares shows the
/// light's colour instead of its own and counts as a little green.
fn excess([r, g, b]: [u8; 3], per_green: f32) -> u8 {
    let brightest = i32::from(r.max(g));
    let colourless = (brightest - i32::from(b)) * 8 < brightest;
    if colourless && b > 150 {
        return NO_EXCESS - 20;
    }
    let excess = f32::from(r) - per_green * f32::from(g);
    (f32::from(NO_EXCESS) + 0.5 + excess).clamp(0.0, 255.0) as u8
}

/// The mask that an earlier `segment` made, if it fits the picture, else an own one.
fn leaf_mask(picture: &RgbImage, source: &Source, context: &Context) -> Result<GrayImage, Error> {
    let earlier = context
        .progress
        .mask()
        .map(|name| context.workspace.join(name));
    // A mask that has since been removed is made again.
    if let Some(path) = earlier.filter(|path| path.is_file()) {
        let mask = picture::load_grey(&path)?;
        if mask.dimensions() == picture.dimensions() {
            return Ok(mask);
        }
    }
    Ok(segment::segment(picture, &SegmentArgs::default(), &source.path)?.mask)
}

/// What is known of the picture: an earlier diagnosis of it, else an own one.
pub(crate) fn findings(
    picture: &RgbImage,
    source: &Source,
    context: &Context,
) -> Result<Findings, Error> {
    let earlier = context.progress.diagnosis(&source.name);
    let path = earlier
        .map(|name| context.workspace.join(name))
        .filter(|path| path.is_file());
    if let Some(path) = path {
        let map = picture::load_grey(&path)?;
        if map.dimensions() == picture.dimensions() {
            return Ok(Findings::of_map(map));
        }
    }
    Ok(diagnose(
        picture,
        &leaf_mask(picture, source, context)?,
        DEFAULT_REDNESS,
    ))
}

pub(crate) fn run(args: &DiagnoseArgs, context: &Context) -> Result<Value, Error> {
    if !(-0.5..=0.5).contains(&args.threshold) {
        let value = args.threshold.to_string();
        return Err(Error::Parameter {
            option: "threshold",
            value,
            wanted: "from -0.5 to 0.5",
        });
    }
    let source = context.source("diagnose", args.input.as_deref(), true)?;
    let picture = picture::load(&source.path)?;
    let mask = leaf_mask(&picture, &source, context)?;
    let found = diagnose(&picture, &mask, args.threshold);
    let Some(share) = found.diseased_share() else {
        return Err(Error::NoLeaf { path: source.path });
    };
    let name = context.output_name("diagnose", &[&source.name]);
    picture::save_grey(&context.workspace.join(&name), &found.map)?;
    context::print(&format!("{:.1} % of the leaf is diseased", share * 100.0))?;
    Ok(json!({
        "diseased_share": round(share),
        "leaf_share": found.leaf_share().map(round),
        "lesions": found.lesions(),
        "image": source.name,
        "map": name,
        "width": picture.width(),
        "height": picture.height(),
    }))
}
