//! `camera`: draws a photo of a leaf whose diseased share is known exactly.

use std::path::{Path, PathBuf};

use clap::Args;
use image::RgbImage;
use serde_json::{Value, json};

mod chance;
mod leaf;
mod paint;
mod spots;

use crate::context::Context;
use crate::error::Error;
use crate::picture::{self, MAX_PIXELS};
use chance::Chance;
use leaf::Leaf;
use paint::Painter;
use spots::Spots;

/// What the photo is to show.
#[derive(Args, Clone, Debug)]
pub struct CameraArgs {
    /// Width of the picture in pixels.
    #[arg(long, default_value_t = 4000, value_parser = clap::value_parser!(u32).range(16..=30_000))]
    pub width: u32,
    /// Height of the picture in pixels.
    #[arg(long, default_value_t = 3000, value_parser = clap::value_parser!(u32).range(16..=30_000))]
    pub height: u32,
    /// Chance's seed: the same seed draws the same picture on every machine.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// The share of the leaf's area that is diseased, 0 to 0.9.
    #[arg(long, default_value_t = 0.25)]
    pub diseased: f64,
    /// The sensor's noise in grey levels, 0 to 30.
    #[arg(long, default_value_t = 4.0)]
    pub noise: f32,
    /// Write this file (.png, .jpg) instead of a PNG named after the task.
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// A photo and the truth about it.
#[derive(Debug)]
pub struct Photo {
    /// What the camera saw.
    pub picture: RgbImage,
    /// The real share of leaf pixels that are diseased; never missing, the leaf has pixels.
    pub diseased_share: f64,
    /// The share of the picture's pixels that the leaf covers.
    pub leaf_share: f64,
    /// How many spots were drawn.
    pub spots: usize,
}

/// Draws the photo.
pub fn draw(args: &CameraArgs) -> Result<Photo, Error> {
    check(args)?;
    let size = (args.width, args.height);
    let mut chance = Chance::new(args.seed);
    let leaf = Leaf::new(args.width, args.height, &mut chance);
    let spots = Spots::place(&leaf, size, args.diseased, &mut chance);
    let painter = Painter::new(&leaf, &spots, size, &mut chance);
    let picture = painter.paint(args.width, args.height, args.noise, &mut chance);
    let pixels = f64::from(args.width) * f64::from(args.height);
    Ok(Photo {
        picture,
        diseased_share: spots.diseased_pixels as f64 / spots.leaf_pixels.max(1) as f64,
        leaf_share: spots.leaf_pixels as f64 / pixels,
        spots: spots.count,
    })
}

pub(crate) fn run(args: &CameraArgs, context: &Context) -> Result<Value, Error> {
    let photo = draw(args)?;
    let name = match &args.output {
        Some(path) => path.to_string_lossy().into_owned(),
        None => context.output_name("camera", &[]),
    };
    picture::save_photo(&context.workspace.join(&name), &photo.picture)?;
    Ok(json!({
        "image": name,
        "width": args.width,
        "height": args.height,
        "seed": args.seed,
        "true_diseased_share": round(photo.diseased_share),
        "true_leaf_share": round(photo.leaf_share),
        "spots": photo.spots,
    }))
}

/// Shares are told to six places: finer than a pixel of any photo is of no use.
pub(crate) fn round(share: f64) -> f64 {
    (share * 1e6).round() / 1e6
}

fn check(args: &CameraArgs) -> Result<(), Error> {
    if !(0.0..=0.9).contains(&args.diseased) {
        let value = args.diseased.to_string();
        return Err(Error::Parameter {
            option: "diseased",
            value,
            wanted: "a share from 0 to 0.9",
        });
    }
    if !(0.0..=30.0).contains(&args.noise) {
        let value = args.noise.to_string();
        return Err(Error::Parameter {
            option: "noise",
            value,
            wanted: "grey levels from 0 to 30",
        });
    }
    if u64::from(args.width) * u64::from(args.height) > MAX_PIXELS {
        return Err(Error::TooLarge {
            path: Path::new("the photo").to_path_buf(),
        });
    }
    Ok(())
}
