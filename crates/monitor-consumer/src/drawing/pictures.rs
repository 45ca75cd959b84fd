//! Small copies of the pictures that tasks made, for the report.

use std::{io::Cursor, path::Path};

use chart::Picture;
use image::{ImageFormat, ImageReader, Limits};
use store::RunRow;

use super::Drawable;

/// The longest side of a picture in the report, pixels.
const SIDE: u32 = 900;
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
            let png = small_copy(&workspace.join(&name), &workspace)?;
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

/// A copy as PNG; `None` for what is no picture, too large, or outside of the workspace.
fn small_copy(path: &Path, workspace: &Path) -> Option<Vec<u8>> {
    let path = path.canonicalize().ok()?;
    if !path.starts_with(workspace.canonicalize().ok()?) {
        return None;
    }
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
