//! Draws what was measured: series go in, an SVG, a PNG or one HTML page comes out.
//!
//! It knows nothing of where the numbers come from. A picture is made in two steps: the layout
//! ([`run_chart`], [`order_chart`]) turns series into a scene of plain shapes in pixels, and a
//! renderer draws the scene with plotters' SVG or bitmap backend. Both therefore show the same.
//! Text is measured, and in a PNG drawn, with a font that is compiled in: nothing of the system is
//! needed, and pictures look the same everywhere.
//!
//! To add a resource nothing changes here: the caller adds a [`Panel`]. To add a unit: a variant of
//! [`units::Unit`], its `format` and its `axis`. To add a shape: `scene::Shape` and both renderers.

mod areas;
mod axis;
mod error;
mod header;
mod input;
mod labels;
mod legend;
mod lines;
mod order;
mod palette;
mod panel;
mod png;
mod reduce;
mod report;
mod run;
mod scene;
mod stack;
mod svg;
mod text;
pub mod units;

pub use error::Error;
pub use input::{
    Attempt, DEFAULT_WIDTH, Kind, Look, OrderChart, Outcome, Panel, Point, Reference, RunChart,
    Series, TaskRow,
};
pub use report::{
    Column, FactGroup, Figure, Note, Output, Picture, Report, Row, Table, Tone, report,
};

/// The form of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// An SVG document, UTF-8.
    Svg,
    /// A PNG file, RGB, 8 bits a channel.
    Png,
}

/// Draws one attempt of a task: a panel per resource over the time from the attempt's start.
pub fn run_chart(chart: &RunChart, format: Format) -> Result<Vec<u8>, Error> {
    render(&run::layout(chart), format)
}

/// Draws one order: a bar per attempt, and stacked CPU and memory on the same time axis.
pub fn order_chart(chart: &OrderChart, format: Format) -> Result<Vec<u8>, Error> {
    render(&order::layout(chart), format)
}

fn render(scene: &scene::Scene, format: Format) -> Result<Vec<u8>, Error> {
    match format {
        Format::Svg => svg::render(scene),
        Format::Png => png::render(scene),
    }
}
