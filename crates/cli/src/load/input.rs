//! The picture (or other file) that an order starts from.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use anyhow::Result;
use model::{
    Order, Task,
    order::{Input, OrderProblem, OrderSource},
};

use super::Usage;

/// How files end that hold pictures which the example tasks read.
const PICTURES: [&str; 6] = ["jpg", "jpeg", "png", "webp", "tif", "tiff"];

/// The order's own input, if that is a file: absolute, and readable.
pub(super) fn of_order(
    order: &Order,
    source: &OrderSource,
    order_file: &Path,
) -> Result<Option<PathBuf>> {
    let Some(Input::Path(name)) = &order.input else {
        return Ok(None);
    };
    let folder = order_file.parent().unwrap_or(Path::new(""));
    match check(&folder.join(name), order) {
        Ok(path) => Ok(Some(path)),
        Err(problem) => Err(source.error("input", OrderProblem::Input(problem)).into()),
    }
}

/// A picture that the command line names.
pub(super) fn given(path: &Path, order: &Order) -> Result<PathBuf> {
    check(path, order).map_err(|problem| Usage::Input(problem).into())
}

/// Whether an order can start from a file: its absolute path, or what is wrong with it.
pub(crate) fn check(path: &Path, order: &Order) -> Result<PathBuf, String> {
    let shown = path.display();
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => format!("{shown} is not there; check the path"),
        _ => format!("{shown} can't be read: {error}"),
    };
    let kind = fs::metadata(path).map_err(failed)?;
    if !kind.is_file() {
        return Err(format!("{shown} is no file; name a picture"));
    }
    File::open(path).map_err(failed)?;
    if is_named_like_a_picture(path) || order.tasks.iter().any(wants_a_picture) {
        image_tasks::check(path).map_err(|error| error.to_string())?;
    }
    std::path::absolute(path).map_err(failed)
}

fn is_named_like_a_picture(path: &Path) -> bool {
    let ending = path
        .extension()
        .and_then(|ending| ending.to_str())
        .unwrap_or_default();
    PICTURES
        .iter()
        .any(|known| known.eq_ignore_ascii_case(ending))
}

/// Whether it is one of the example tasks, which this program is itself.
fn wants_a_picture(task: &Task) -> bool {
    let local = task.local.as_deref().unwrap_or_default();
    matches!(local, [program, word, ..] if program == "{podometer}" && word == "image-task")
}
