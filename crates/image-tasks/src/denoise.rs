//! `denoise`: takes out the sensor's noise and keeps edges.

use std::path::PathBuf;
use std::thread;

use clap::{Args, ValueEnum};
use image::{GenericImageView as _, RgbImage};
use imageproc::filter::bilateral::GaussianEuclideanColorDistance;
use imageproc::filter::{bilateral_filter, median_filter};
use serde_json::{Value, json};

use crate::context::Context;
use crate::error::Error;
use crate::picture;

/// How the noise is taken out.
#[derive(Args, Clone, Debug)]
pub struct DenoiseArgs {
    /// The filter.
    #[arg(long, value_enum, default_value_t = Method::Median)]
    pub method: Method,
    /// Pixels on each side of a pixel that the filter looks at [default: 2, and 1 in pictures
    /// of less than 640 pixels, whose details are as small as that].
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=10))]
    pub radius: Option<u32>,
    /// Threads to work with; one by default, so that a measurement is easy to read.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub threads: u32,
    /// Work on this picture (relative to the workspace).
    #[arg(long, value_name = "FILE")]
    pub input: Option<PathBuf>,
}

/// The filters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Method {
    /// The median of the neighbours, for each colour.
    Median,
    /// The mean of the neighbours, weighted by nearness in place and colour.
    Bilateral,
}

/// Rows that are filtered at once: a strip stays in the processor's cache.
const STRIP: u32 = 64;
/// Colours that differ by so much (grey levels) count as different surfaces.
const COLOUR_SIGMA: f32 = 20.0;

/// The picture with less noise, of the same size.
pub fn denoise(picture: &RgbImage, args: &DenoiseArgs) -> RgbImage {
    let (width, height) = picture.dimensions();
    let mut out = RgbImage::new(width, height);
    let radius = args
        .radius
        .unwrap_or(if width.max(height) < 640 { 1 } else { 2 });
    let row_bytes = (picture.width() * 3) as usize;
    if row_bytes == 0 {
        return out;
    }
    let rows: &mut [u8] = &mut out;
    let mut strips: Vec<(u32, &mut [u8])> = Vec::new();
    for (index, strip) in rows.chunks_mut(row_bytes * STRIP as usize).enumerate() {
        strips.push((index as u32 * STRIP, strip));
    }
    let per_thread = strips.len().div_ceil(args.threads.max(1) as usize).max(1);
    let work = |part: &mut [(u32, &mut [u8])]| {
        for (top, strip) in part {
            filter_strip(picture, args.method, radius, *top, strip);
        }
    };
    if args.threads <= 1 {
        work(&mut strips);
    } else {
        thread::scope(|scope| {
            for part in strips.chunks_mut(per_thread) {
                scope.spawn(|| work(part));
            }
        });
    }
    out
}

/// Filters the rows from `top` that `strip` has place for, seeing the rows around them.
fn filter_strip(picture: &RgbImage, method: Method, radius: u32, top: u32, strip: &mut [u8]) {
    let (width, height) = picture.dimensions();
    let row_bytes = (width * 3) as usize;
    let rows = (strip.len() / row_bytes) as u32;
    let first = top.saturating_sub(radius);
    let last = (top + rows + radius).min(height);
    let seen = picture.view(0, first, width, last - first).to_image();
    let filtered = match method {
        Method::Median => median_filter(&seen, radius, radius),
        Method::Bilateral => {
            let near = GaussianEuclideanColorDistance::new(COLOUR_SIGMA);
            // A window of two deviations.
            bilateral_filter(&seen, radius as u8, radius as f32 / 2.0, near)
        }
    };
    let skip = (top - first) as usize * row_bytes;
    strip.copy_from_slice(&filtered.as_raw()[skip..skip + strip.len()]);
}

pub(crate) fn run(args: &DenoiseArgs, context: &Context) -> Result<Value, Error> {
    let source = context.source("denoise", args.input.as_deref(), false)?;
    let clean = denoise(&picture::load(&source.path)?, args);
    let name = context.output_name("denoise", &[&source.name]);
    picture::save_rgb(&context.workspace.join(&name), &clean)?;
    Ok(json!({ "image": name, "width": clean.width(), "height": clean.height() }))
}

#[cfg(test)]
mod tests {
    use image::Rgb;
    use proptest::prelude::*;

    use super::*;

    fn args(method: Method, radius: u32, threads: u32) -> DenoiseArgs {
        DenoiseArgs {
            method,
            radius: Some(radius),
            threads,
            input: None,
        }
    }

    fn noisy(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| {
            let v = (x * 37 + y * 101 + x * y * 13) % 251;
            Rgb([v as u8, (v * 7 % 256) as u8, 255 - v as u8])
        })
    }

    #[test]
    fn strips_do_not_show() {
        let picture = noisy(50, 3 * STRIP + 5);
        for radius in [1, 3] {
            let whole = median_filter(&picture, radius, radius);
            assert_eq!(denoise(&picture, &args(Method::Median, radius, 1)), whole);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn threads_change_nothing(
            width in 1u32..40, height in 1u32..200, radius in 1u32..=10, threads in 2u32..=64,
            bilateral: bool,
        ) {
            let method = if bilateral { Method::Bilateral } else { Method::Median };
            let picture = noisy(width, height);
            let alone = denoise(&picture, &args(method, radius, 1));
            prop_assert_eq!(alone.dimensions(), picture.dimensions());
            prop_assert_eq!(denoise(&picture, &args(method, radius, threads)), alone);
        }
    }
}
