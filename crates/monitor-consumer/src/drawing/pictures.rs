//! Small copies of the pictures that orders start from and that tasks made.

use std::{
    io::Cursor,
    path::{Path, PathBuf},
};

use chart::Picture;
use image::{ImageFormat, ImageReader, Limits};
use model::attempt::Launcher;
use store::{OrderRow, RunRow};

use super::Drawable;

/// The longest side of a picture in the report, pixels.
const SIDE: u32 = 900;
/// How files end that may be shown as an order's input.
const ENDINGS: [&str; 6] = ["jpg", "jpeg", "png", "webp", "tif", "tiff"];
/// At most so many pictures: the first and the last that were made.
const MOST: usize = 2;

/// The first and the last picture that the tasks wrote. A task says so by an output that is a JSON
/// object with the field `image`, a file of the workspace.
pub(super) fn pictures(drawable: &Drawable, folder: &Path) -> Vec<Picture> {
    let workspace = folder.join("workspace");
    let runs = drawable.runs.iter().map(|(run, _)| run);
    let mut named: Vec<_> = runs.filter_map(|run| Some((run, image_of(run)?))).collect();
    if named.len() > MOST {
        named.drain(1..named.len() - 1);
    }
    named
        .into_iter()
        .filter_map(|(run, name)| {
            let png = small_copy(&within(&workspace, &name)?)?;
            let caption = format!("{name}, made by {}", run.task);
            Some(Picture {
                alt: format!("The picture {caption}"),
                caption,
                png,
            })
        })
        .collect()
}

fn image_of(run: &RunRow) -> Option<String> {
    let output: serde_json::Value = serde_json::from_str(run.output.as_deref()?).ok()?;
    Some(output.get("image")?.as_str()?.to_owned())
}

/// The file that an order starts from, if it is one of this machine.
pub fn input_of(order: &OrderRow) -> Option<PathBuf> {
    if order.launcher != Some(Launcher::Local) {
        return None;
    }
    let path = PathBuf::from(order.input.as_deref()?);
    let is_named_like_one = path.extension().is_some_and(|ending| {
        let ending = ending.to_ascii_lowercase();
        ENDINGS.iter().any(|known| ending == *known)
    });
    (path.is_absolute() && is_named_like_one && path.is_file()).then_some(path)
}

/// The picture that a run wrote; `folder` is its order's. A task says so by an output that is a JSON object
/// with the field `image`, a file of the workspace.
pub fn written_by(run: &RunRow, folder: &Path) -> Option<PathBuf> {
    within(&folder.join("workspace"), &image_of(run)?)
}

/// A file of a folder; `None` for what is none, or is outside of it.
fn within(folder: &Path, name: &str) -> Option<PathBuf> {
    let path = folder.join(name).canonicalize().ok()?;
    let is_inside = path.starts_with(folder.canonicalize().ok()?);
    (is_inside && path.is_file()).then_some(path)
}

/// A copy as PNG, at most 900 pixels long and wide; `None` for what is no picture, or too large.
pub fn small_copy(path: &Path) -> Option<Vec<u8>> {
    let mut reader = ImageReader::open(path).ok()?.with_guessed_format().ok()?;
    let mut limits = Limits::default();
    limits.max_alloc = Some(256 * 1024 * 1024);
    reader.limits(limits);
    let picture = reader.decode().ok()?;
    let small = if picture.width().max(picture.height()) > SIDE {
        picture.thumbnail(SIDE, SIDE)
    } else {
        picture
    };
    let mut png = Vec::new();
    small
        .to_rgb8()
        .write_to(&mut Cursor::new(&mut png), ImageFormat::Png)
        .ok()?;
    Some(png)
}
