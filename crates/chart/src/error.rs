/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The picture's width is outside of what can be laid out.
    #[error("a chart can't be {width} pixels wide: ask for 400 to 8000")]
    Width {
        /// The width that was asked for, in pixels.
        width: u32,
    },
    /// The picture would be too high to hold in memory.
    #[error("the chart would be {height} pixels high: draw fewer panels or tasks, at most 60000")]
    Height {
        /// The height that the panels or tasks would take, in pixels.
        height: u32,
    },
    /// plotters could not draw.
    #[error("could not draw the chart with plotters' {backend} backend")]
    Draw {
        /// Which backend.
        backend: &'static str,
        /// What it says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The picture could not be compressed.
    #[error("could not write the chart as PNG")]
    Encode(#[from] image::ImageError),
}
