//! Pictures as people have them, and as nobody should have them.

#![allow(clippy::unwrap_used, reason = "a test may")]

use std::io::Cursor;
use std::path::Path;

use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageEncoder as _, ImageFormat, RgbImage};
use image_tasks::{
    CameraArgs, DenoiseArgs, Method, ResizeArgs, SegmentArgs, annotate, denoise, diagnose, draw,
    load_bytes, resize, segment,
};
use proptest::prelude::*;

fn photo(width: u32, height: u32) -> RgbImage {
    let args = CameraArgs {
        width,
        height,
        seed: 2,
        diseased: 0.2,
        noise: 3.0,
        output: None,
    };
    draw(&args).unwrap().picture
}

fn encode(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn load(bytes: &[u8]) -> Result<RgbImage, image_tasks::Error> {
    load_bytes(bytes, Path::new("the picture"))
}

#[test]
fn all_formats_and_depths_show_the_same_picture() {
    let rgb = photo(48, 36);
    let picture = DynamicImage::ImageRgb8(rgb.clone());
    let deep = DynamicImage::ImageRgb16(picture.to_rgb16());
    let clear = DynamicImage::ImageRgba8(picture.to_rgba8());
    let deep_clear = DynamicImage::ImageRgba16(picture.to_rgba16());
    for format in [ImageFormat::Png, ImageFormat::Tiff, ImageFormat::WebP] {
        for source in [&picture, &clear] {
            assert_eq!(load(&encode(source, format)).unwrap(), rgb, "{format:?}");
        }
    }
    for format in [ImageFormat::Png, ImageFormat::Tiff] {
        for source in [&deep, &deep_clear] {
            assert_eq!(load(&encode(source, format)).unwrap(), rgb, "{format:?}");
        }
    }
    let grey = picture.to_luma8();
    let from_grey = load(&encode(
        &DynamicImage::ImageLuma8(grey.clone()),
        ImageFormat::Jpeg,
    ))
    .unwrap();
    assert_eq!(from_grey.dimensions(), grey.dimensions());
    let deep_grey = DynamicImage::ImageLuma16(picture.to_luma16());
    assert_eq!(
        load(&encode(&deep_grey, ImageFormat::Tiff))
            .unwrap()
            .dimensions(),
        grey.dimensions()
    );
}

#[test]
fn what_is_transparent_is_white() {
    let glass = image::RgbaImage::from_pixel(3, 2, image::Rgba([10, 20, 30, 0]));
    let shown = load(&encode(&DynamicImage::ImageRgba8(glass), ImageFormat::Png)).unwrap();
    assert!(shown.pixels().all(|p| p.0 == [255, 255, 255]));
}

#[test]
fn exif_orientation_turns_the_picture() {
    // A TIFF header and one entry: tag 0x0112 (orientation), type short, value 6.
    let exif = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0".to_vec();
    let picture = photo(64, 32);
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut bytes, 100);
    encoder.set_exif_metadata(exif).unwrap();
    encoder.encode_image(&picture).unwrap();
    let turned = load(&bytes).unwrap();
    assert_eq!(turned.dimensions(), (32, 64));
    let expected = image::imageops::rotate90(&picture);
    let difference: u64 = turned
        .iter()
        .zip(expected.iter())
        .map(|(a, b)| u64::from(a.abs_diff(*b)))
        .sum();
    assert!(difference / (turned.len() as u64) < 12, "{difference}");
}

#[test]
fn a_header_that_promises_gigapixels_is_refused_at_once() {
    let mut bytes = encode(
        &DynamicImage::ImageRgb8(RgbImage::new(2, 2)),
        ImageFormat::Png,
    );
    // IHDR: length, name, then width and height; the checksum follows 13 bytes of data.
    bytes[16..20].copy_from_slice(&60_000u32.to_be_bytes());
    bytes[20..24].copy_from_slice(&60_000u32.to_be_bytes());
    let checksum = crc32(&bytes[12..29]).to_be_bytes();
    bytes[29..33].copy_from_slice(&checksum);
    let error = load(&bytes).unwrap_err();
    assert!(error.is_bad_input());
    assert!(error.to_string().contains("300 megapixels"), "{error}");
}

/// As in the PNG specification, appendix D.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |c, _| {
            (c >> 1) ^ (0xedb8_8320 & (c & 1).wrapping_neg())
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_bytes_are_a_picture_or_a_clear_error(
        magic in 0usize..6, tail in prop::collection::vec(any::<u8>(), 0..400),
    ) {
        let magics: [&[u8]; 6] =
            [b"", b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"RIFF\x40\0\0\0WEBPVP8 ", b"II*\0\x08\0\0\0", b"MM\0*"];
        let bytes = [magics[magic], &tail].concat();
        if let Err(error) = load(&bytes) {
            prop_assert!(error.is_bad_input(), "{error}");
            prop_assert!(!error.to_string().contains('\n'), "{error}");
        }
    }

    #[test]
    fn damaged_files_are_a_picture_or_a_clear_error(
        format in 0usize..4,
        hits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
        keep in 0.1f64..=1.0,
    ) {
        let formats = [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP, ImageFormat::Tiff];
        let mut bytes = encode(&DynamicImage::ImageRgb8(photo(24, 18)), formats[format]);
        for (index, value) in hits {
            let index = index.index(bytes.len());
            bytes[index] = value;
        }
        bytes.truncate((bytes.len() as f64 * keep) as usize);
        if let Err(error) = load(&bytes) {
            prop_assert!(error.is_bad_input(), "{error}");
            prop_assert!(!error.to_string().contains('\n'), "{error}");
        }
    }

    #[test]
    fn any_settings_work_on_tiny_pictures(
        (width, height, bytes) in (1u32..24, 1u32..24).prop_flat_map(|(w, h)| {
            (Just(w), Just(h), prop::collection::vec(any::<u8>(), (w * h * 3) as usize))
        }),
        max_side in 1u32..40,
        radius in 1u32..=10,
        bilateral: bool,
        threshold in 0.0f64..=1.0,
        redness in -0.5f64..=0.5,
    ) {
        let picture = RgbImage::from_raw(width, height, bytes).unwrap();
        let size = ResizeArgs { max_side: Some(max_side), ..Default::default() };
        let smaller = resize(picture, &size).unwrap();
        let method = if bilateral { Method::Bilateral } else { Method::Median };
        let clean = denoise(&smaller, &DenoiseArgs { method, radius: Some(radius), threads: 1, input: None });
        let args = SegmentArgs { threshold: Some(threshold), input: None };
        match segment(&clean, &args, Path::new("the picture")) {
            Err(error) => prop_assert!(error.to_string().contains("no leaf"), "{error}"),
            Ok(segmented) => {
                let found = diagnose(&clean, &segmented.mask, redness);
                let share = found.diseased_share().unwrap();
                prop_assert!((0.0..=1.0).contains(&share));
                prop_assert_eq!(found.leaf_pixels, segmented.leaf_pixels);
                prop_assert_eq!(annotate(clean.clone(), &found).dimensions(), clean.dimensions());
            }
        }
    }

    #[test]
    fn any_photo_in_range_can_be_drawn(
        width in 16u32..90, height in 16u32..90, seed: u64, diseased in 0.0f64..=0.9,
        noise in 0.0f32..=30.0,
    ) {
        let photo = draw(&CameraArgs { width, height, seed, diseased, noise, output: None }).unwrap();
        prop_assert_eq!(photo.picture.dimensions(), (width, height));
        prop_assert!(photo.leaf_share > 0.0);
        prop_assert!((photo.diseased_share - diseased).abs() < 0.2);
    }
}
