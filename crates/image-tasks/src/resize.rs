//! `resize`: another number of pixels.

use std::path::PathBuf;

use clap::Args;
use image::RgbImage;
use image::imageops::{self, FilterType};
use serde_json::{Value, json};

use crate::context::Context;
use crate::error::Error;
use crate::picture::{self, MAX_PIXELS};

/// The size that the picture is to have.
#[derive(Args, Clone, Debug, Default)]
pub struct ResizeArgs {
    /// Longest side in pixels; a picture that is smaller stays as it is [default: 1600].
    #[arg(long, conflicts_with_all = ["width", "height"], value_parser = clap::value_parser!(u32).range(1..=30_000))]
    pub max_side: Option<u32>,
    /// Width in pixels; without --height the height follows.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=30_000))]
    pub width: Option<u32>,
    /// Height in pixels; without --width the width follows, with it the picture is stretched.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=30_000))]
    pub height: Option<u32>,
    /// Work on this picture (relative to the workspace).
    #[arg(long, value_name = "FILE")]
    pub input: Option<PathBuf>,
}

const DEFAULT_MAX_SIDE: u32 = 1600;

/// The picture in the wanted size; one that already has it comes back as it is.
pub fn resize(picture: RgbImage, args: &ResizeArgs) -> Result<RgbImage, Error> {
    let (width, height) = goal(picture.dimensions(), args);
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(Error::Parameter {
            option: "width",
            value: format!("{width} (with a height of {height})"),
            wanted: "small enough for a picture of at most 300 megapixels",
        });
    }
    if (width, height) == picture.dimensions() {
        return Ok(picture);
    }
    Ok(imageops::resize(
        &picture,
        width,
        height,
        FilterType::CatmullRom,
    ))
}

pub(crate) fn run(args: &ResizeArgs, context: &Context) -> Result<Value, Error> {
    let source = context.source("resize", args.input.as_deref(), false)?;
    let resized = resize(picture::load(&source.path)?, args)?;
    let name = context.output_name("resize", &[&source.name]);
    picture::save_rgb(&context.workspace.join(&name), &resized)?;
    Ok(json!({ "image": name, "width": resized.width(), "height": resized.height() }))
}

fn goal((width, height): (u32, u32), args: &ResizeArgs) -> (u32, u32) {
    let follow = |known: u32, from: u32, other: u32| {
        let scaled =
            (u64::from(other) * u64::from(known) + u64::from(from) / 2) / u64::from(from.max(1));
        u32::try_from(scaled.max(1)).unwrap_or(u32::MAX)
    };
    match (args.width, args.height) {
        (Some(w), Some(h)) => (w, h),
        (Some(w), None) => (w, follow(w, width, height)),
        (None, Some(h)) => (follow(h, height, width), h),
        (None, None) => {
            let side = args.max_side.unwrap_or(DEFAULT_MAX_SIDE);
            if width.max(height) <= side {
                (width, height)
            } else if width >= height {
                (side, follow(side, width, height))
            } else {
                (follow(side, height, width), side)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn args(max_side: Option<u32>, width: Option<u32>, height: Option<u32>) -> ResizeArgs {
        ResizeArgs {
            max_side,
            width,
            height,
            input: None,
        }
    }

    #[test]
    fn the_other_side_follows() {
        assert_eq!(goal((4000, 3000), &args(None, None, None)), (1600, 1200));
        assert_eq!(goal((3000, 4000), &args(Some(400), None, None)), (300, 400));
        assert_eq!(goal((200, 150), &args(None, None, None)), (200, 150));
        assert_eq!(goal((200, 150), &args(None, Some(400), None)), (400, 300));
        assert_eq!(goal((200, 150), &args(None, None, Some(75))), (100, 75));
        assert_eq!(goal((200, 150), &args(None, Some(9), Some(9))), (9, 9));
        assert_eq!(goal((20_000, 1), &args(Some(10), None, None)), (10, 1));
    }

    #[test]
    fn too_many_pixels_are_refused() {
        let error = resize(RgbImage::new(2, 2), &args(None, Some(30_000), Some(30_000)));
        assert!(error.unwrap_err().is_bad_input());
    }

    proptest! {
        #[test]
        fn max_side_is_kept(width in 1u32..100, height in 1u32..100, side in 1u32..120) {
            let resized = resize(RgbImage::new(width, height), &args(Some(side), None, None)).unwrap();
            prop_assert!(resized.width().max(resized.height()) <= side.max(1));
            prop_assert!(resized.width() >= 1 && resized.height() >= 1);
        }
    }
}
