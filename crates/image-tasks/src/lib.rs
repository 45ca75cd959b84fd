//! The example tasks: real image processing on pictures of leaves.
//!
//! `camera` draws a leaf photo whose diseased share is known, `resize` and `denoise` make it
//! ready, `segment` finds the leaf, `diagnose` measures the diseased share of its area and
//! `annotate` writes the picture with what was found. Any of them may stand in an order, in
//! any sequence, also twice: each finds the newest picture by itself (see [`Context`]) and
//! does what an earlier task has not done.
//!
//! To add a task: a module with its `Args`, a pure function on pictures and a
//! `run(&Args, &Context) -> Result<Value, Error>` that returns the task's small output; a
//! variant of [`ImageTask`]; an entry in the catalogue of the `model` crate. Note:
//! - ask [`Context`] for the picture and for the output's name, never build paths yourself;
//! - a picture that later tasks are to work on is named `image` in the output;
//! - bad input is an [`Error`] that says what to do, never a panic.
//!
//! Invariant: this crate knows no other crate of the workspace; it sees an order only
//! through the environment variables and files that any task sees.

use clap::Subcommand;
use serde_json::Value;

mod annotate;
mod blur;
mod camera;
mod context;
mod denoise;
mod diagnose;
mod error;
mod picture;
mod progress;
mod regions;
mod resize;
mod segment;

pub use annotate::{AnnotateArgs, annotate};
pub use camera::{CameraArgs, Photo, draw};
pub use context::Context;
pub use denoise::{DenoiseArgs, Method, denoise};
pub use diagnose::{DiagnoseArgs, Findings, diagnose};
pub use error::{Error, exit_code};
pub use picture::{MAX_PIXELS, MAX_SIDE, check, load, load_bytes};
pub use progress::{Earlier, Progress};
pub use resize::{ResizeArgs, resize};
pub use segment::{SegmentArgs, Segmented, segment};

/// One of the example tasks with its arguments.
#[derive(Clone, Debug, Subcommand)]
pub enum ImageTask {
    /// Draw a leaf photo of which the diseased share is known.
    Camera(CameraArgs),
    /// Make the picture smaller (or larger).
    Resize(ResizeArgs),
    /// Take out the sensor's noise, keep the edges.
    Denoise(DenoiseArgs),
    /// Tell the leaf from the background; writes a mask.
    Segment(SegmentArgs),
    /// Measure the diseased share of the leaf's area.
    Diagnose(DiagnoseArgs),
    /// Write the picture with what was found drawn on it.
    Annotate(AnnotateArgs),
}

/// Does the task with what the environment variables say, and hands on its output.
///
/// The error is an [`Error`] inside; [`exit_code`] turns it into the exit code.
#[expect(clippy::needless_pass_by_value, reason = "the task ends here")]
pub fn run(task: ImageTask) -> anyhow::Result<()> {
    let context = Context::from_env()?;
    let output = run_in(&task, &context)?;
    context.deliver(&output)?;
    Ok(())
}

/// Does the task in the given surroundings and returns its small output, a JSON object.
pub fn run_in(task: &ImageTask, context: &Context) -> Result<Value, Error> {
    context.check()?;
    match task {
        ImageTask::Camera(args) => camera::run(args, context),
        ImageTask::Resize(args) => resize::run(args, context),
        ImageTask::Denoise(args) => denoise::run(args, context),
        ImageTask::Segment(args) => segment::run(args, context),
        ImageTask::Diagnose(args) => diagnose::run(args, context),
        ImageTask::Annotate(args) => annotate::run(args, context),
    }
}
