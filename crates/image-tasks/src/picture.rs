//! Reading and writing pictures.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Cursor, Write as _};
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::process;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{
    DynamicImage, ExtendedColorType, GrayImage, ImageDecoder, ImageEncoder as _, ImageError,
    ImageFormat, ImageReader, Limits, RgbImage,
};

use crate::error::Error;

/// The most pixels a picture may have.
pub const MAX_PIXELS: u64 = 300_000_000;
/// The longest side a picture may have, in pixels.
pub const MAX_SIDE: u32 = 100_000;
const JPEG_QUALITY: u8 = 85;
/// 300 megapixels of 16-bit RGBA: what a decoder may allocate, in bytes.
const MAX_DECODED_BYTES: u64 = MAX_PIXELS * 8;
/// Up to this size, decoded, a picture is looked at as a whole when it is only checked, bytes.
const MAX_CHECKED_BYTES: u64 = 150_000_000;

/// Reads a JPEG, PNG, WebP or TIFF picture as 8-bit RGB, turned as its EXIF data says.
/// What is transparent becomes white.
pub fn load(path: &Path) -> Result<RgbImage, Error> {
    let file = File::open(path).map_err(|e| Error::read(path, e))?;
    if file.metadata().is_ok_and(|m| m.is_dir()) {
        return Err(Error::NotAPicture {
            path: path.to_path_buf(),
        });
    }
    decode(BufReader::with_capacity(256 * 1024, file), path)
}

/// Says whether a file holds a picture that [`load`] reads. One that is moderately large is decoded
/// to its end; of a larger one only the header is looked at, because that costs seconds.
pub fn check(path: &Path) -> Result<(), Error> {
    let file = File::open(path).map_err(|e| Error::read(path, e))?;
    let guarded = AssertUnwindSafe(|| {
        let decoder = open(BufReader::with_capacity(256 * 1024, file), path)?;
        if decoder.total_bytes() <= MAX_CHECKED_BYTES {
            DynamicImage::from_decoder(decoder).map_err(|e| Error::decode(path, e))?;
        }
        Ok(())
    });
    panic::catch_unwind(guarded).unwrap_or_else(|_| {
        Err(Error::DecoderFailed {
            path: path.to_path_buf(),
        })
    })
}

/// The same for bytes in memory; `path` is for the error's text.
pub fn load_bytes(bytes: &[u8], path: &Path) -> Result<RgbImage, Error> {
    decode(Cursor::new(bytes), path)
}

/// Reads a mask or map that a task has written: 8-bit grey.
pub(crate) fn load_grey(path: &Path) -> Result<GrayImage, Error> {
    let grey = load(path)?;
    Ok(DynamicImage::ImageRgb8(grey).into_luma8())
}

fn decode<R: io::BufRead + io::Seek>(reader: R, path: &Path) -> Result<RgbImage, Error> {
    let guarded = AssertUnwindSafe(|| decode_dynamic(reader, path));
    // The decoders are other people's code fed with anything: one that panics has met a
    // damaged file, and that is to be one clear error.
    let decoded = panic::catch_unwind(guarded).unwrap_or_else(|_| {
        Err(Error::DecoderFailed {
            path: path.to_path_buf(),
        })
    })?;
    Ok(flatten(decoded))
}

/// Reads the header, and refuses what is no picture or too large a one.
fn open<'a, R: io::BufRead + io::Seek + 'a>(
    reader: R,
    path: &Path,
) -> Result<impl ImageDecoder + use<'a, R>, Error> {
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_DECODED_BYTES);
    let mut reader = ImageReader::new(reader)
        .with_guessed_format()
        .map_err(|e| Error::read(path, e))?;
    let known = [
        ImageFormat::Jpeg,
        ImageFormat::Png,
        ImageFormat::WebP,
        ImageFormat::Tiff,
    ];
    if !reader
        .format()
        .is_some_and(|format| known.contains(&format))
    {
        return Err(Error::NotAPicture {
            path: path.to_path_buf(),
        });
    }
    reader.limits(limits);
    let decoder = reader.into_decoder().map_err(|e| Error::decode(path, e))?;
    let (width, height) = decoder.dimensions();
    let pixels = u64::from(width) * u64::from(height);
    if pixels > MAX_PIXELS || decoder.total_bytes() > MAX_DECODED_BYTES {
        return Err(Error::TooLarge {
            path: path.to_path_buf(),
        });
    }
    Ok(decoder)
}

fn decode_dynamic<R: io::BufRead + io::Seek>(
    reader: R,
    path: &Path,
) -> Result<DynamicImage, Error> {
    let mut decoder = open(reader, path)?;
    // A picture without readable orientation is upright.
    let orientation = decoder.orientation().ok();
    let mut decoded = DynamicImage::from_decoder(decoder).map_err(|e| Error::decode(path, e))?;
    if let Some(orientation) = orientation {
        decoded.apply_orientation(orientation);
    }
    Ok(decoded)
}

/// To 8-bit RGB, on white where there is transparency.
fn flatten(picture: DynamicImage) -> RgbImage {
    if !picture.color().has_alpha() {
        return picture.into_rgb8();
    }
    let rgba = picture.into_rgba8();
    RgbImage::from_fn(rgba.width(), rgba.height(), |x, y| {
        let [r, g, b, a] = rgba.get_pixel(x, y).0.map(u32::from);
        image::Rgb([r, g, b].map(|c| ((c * a + 255 * (255 - a) + 127) / 255) as u8))
    })
}

/// Writes a PNG that is quick to make rather than small.
pub(crate) fn save_rgb(path: &Path, picture: &RgbImage) -> Result<(), Error> {
    save(
        path,
        picture,
        picture.dimensions(),
        ExtendedColorType::Rgb8,
        FilterType::Sub,
    )
}

/// Writes a PNG, or a JPEG where the name ends so.
pub(crate) fn save_photo(path: &Path, picture: &RgbImage) -> Result<(), Error> {
    let ending = path
        .extension()
        .and_then(|e| e.to_str())
        .unwrap_or_default()
        .to_ascii_lowercase();
    if !matches!(ending.as_str(), "jpg" | "jpeg") {
        return save_rgb(path, picture);
    }
    write_atomically(path, |file| {
        JpegEncoder::new_with_quality(file, JPEG_QUALITY)
            .encode_image(picture)
            .map_err(as_io)
    })
    .map_err(|e| Error::write(path, e))
}

/// Writes a mask or map as a grey PNG.
pub(crate) fn save_grey(path: &Path, picture: &GrayImage) -> Result<(), Error> {
    save(
        path,
        picture,
        picture.dimensions(),
        ExtendedColorType::L8,
        FilterType::NoFilter,
    )
}

fn save(
    path: &Path,
    bytes: &[u8],
    (width, height): (u32, u32),
    color: ExtendedColorType,
    filter: FilterType,
) -> Result<(), Error> {
    write_atomically(path, |file| {
        let encoder = PngEncoder::new_with_quality(file, CompressionType::Fast, filter);
        encoder
            .write_image(bytes, width, height, color)
            .map_err(as_io)
    })
    .map_err(|e| Error::write(path, e))
}

fn as_io(error: ImageError) -> io::Error {
    match error {
        ImageError::IoError(source) => source,
        other => io::Error::other(other),
    }
}

/// Writes beside the goal and renames: a reader sees the whole file or none, and a killed
/// task leaves nothing that looks finished.
pub(crate) fn write_atomically(
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}.part", process::id()));
    let part: PathBuf = path.with_file_name(name);
    let written = File::create(&part).and_then(|file| {
        let mut file = BufWriter::with_capacity(256 * 1024, file);
        fill(&mut file)?;
        file.flush()
    });
    let renamed = written.and_then(|()| fs::rename(&part, path));
    if renamed.is_err() {
        // Best effort: the error that matters is the first one.
        let _ = fs::remove_file(&part);
    }
    renamed
}
