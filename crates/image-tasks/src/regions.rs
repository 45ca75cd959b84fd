//! Connected regions of a mask.
//!
//! Own code, because `imageproc::region_labelling` (0.27) panics on masks without background
//! in which every pixel differs from its neighbours, and keeps 4 bytes a pixel twice. Here a
//! row is cut into runs of equal pixels, and runs that touch are one region.

use image::GrayImage;

/// A pixel of a mask that is in.
pub(crate) const IN: u8 = 255;

/// Equal pixels beside one another in a row: from `start` up to `end` in the mask's bytes.
struct Run {
    start: usize,
    end: usize,
    is_in: bool,
    /// A run of the same region that comes no later; in the end the region's first run.
    parent: usize,
}

/// What is known of a region, kept at its first run.
#[derive(Clone, Default)]
struct Region {
    pixels: usize,
    touches_border: bool,
}

/// Keeps the large regions of a mask, fills the holes in them and drops the rest. Large is
/// at least `share_of_largest` of the largest one.
pub(crate) fn clean(mask: &mut GrayImage, share_of_largest: f64) {
    let width = mask.width() as usize;
    let runs = find_runs(mask);
    let regions = measure(&runs, width, mask.len());
    let sizes = runs
        .iter()
        .zip(&regions)
        .filter(|(run, _)| run.is_in)
        .map(|(_, r)| r.pixels);
    let enough = (sizes.max().unwrap_or(0) as f64 * share_of_largest).ceil() as usize;
    let mut keep: Vec<bool> = Vec::with_capacity(runs.len());
    for (index, run) in runs.iter().enumerate() {
        if run.parent != index {
            keep.push(keep[run.parent]);
            continue;
        }
        // A region's first run: if the region does not touch the border, there is a run left
        // of it, which is part of what lies around the region and is decided already.
        let enclosed = !regions[index].touches_border && keep[index - 1];
        keep.push(enclosed || (run.is_in && regions[index].pixels >= enough));
    }
    let bytes: &mut [u8] = mask;
    for (run, keep) in runs.iter().zip(keep) {
        bytes[run.start..run.end].fill(if keep { IN } else { 0 });
    }
}

/// How many regions of at least `pixels` pixels a mask has.
pub(crate) fn count(mask: &GrayImage, pixels: usize) -> usize {
    let runs = find_runs(mask);
    let regions = measure(&runs, mask.width() as usize, mask.len());
    let firsts = runs
        .iter()
        .enumerate()
        .filter(|(index, run)| run.parent == *index && run.is_in);
    firsts
        .filter(|(index, _)| regions[*index].pixels >= pixels)
        .count()
}

/// All runs in reading order, each with the first run of its region as parent.
fn find_runs(mask: &GrayImage) -> Vec<Run> {
    let width = (mask.width() as usize).max(1);
    let mut runs: Vec<Run> = Vec::new();
    let mut above = 0..0;
    for (y, row) in mask.chunks_exact(width).enumerate() {
        let first = runs.len();
        let mut start = y * width;
        for equal in row.chunk_by(|a, b| (*a != 0) == (*b != 0)) {
            let end = start + equal.len();
            let index = runs.len();
            runs.push(Run {
                start,
                end,
                is_in: equal[0] != 0,
                parent: index,
            });
            // Runs of the row above that end before this one begins can't touch later ones.
            while above.start < above.end && runs[above.start].end + width <= start {
                above.start += 1;
            }
            let mut other = above.start;
            while other < above.end && runs[other].start + width < end {
                if runs[other].is_in == runs[index].is_in {
                    unite(&mut runs, other, index);
                }
                other += 1;
            }
            start = end;
        }
        above = first..runs.len();
    }
    for index in 0..runs.len() {
        // Parents come first, so theirs is final.
        runs[index].parent = runs[runs[index].parent].parent;
    }
    runs
}

fn unite(runs: &mut [Run], a: usize, b: usize) {
    let (a, b) = (root(runs, a), root(runs, b));
    runs[a.max(b)].parent = a.min(b);
}

fn root(runs: &mut [Run], mut index: usize) -> usize {
    while runs[index].parent != index {
        let parent = runs[index].parent;
        runs[index].parent = runs[parent].parent;
        index = parent;
    }
    index
}

fn measure(runs: &[Run], width: usize, pixels: usize) -> Vec<Region> {
    let mut regions = vec![Region::default(); runs.len()];
    for run in runs {
        let region = &mut regions[run.parent];
        region.pixels += run.end - run.start;
        region.touches_border |= run.start % width == 0
            || run.end % width == 0
            || run.start < width
            || run.end + width > pixels;
    }
    regions
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn mask(rows: &[&str]) -> GrayImage {
        let width = rows[0].len() as u32;
        let bytes = rows
            .concat()
            .bytes()
            .map(|b| if b == b'#' { IN } else { 0 })
            .collect();
        GrayImage::from_raw(width, rows.len() as u32, bytes).unwrap()
    }

    #[test]
    fn holes_are_filled_and_specks_dropped() {
        let mut dirty = mask(&[
            ".........#",
            ".#####....",
            ".#...#..#.",
            ".#.#.#....",
            ".#...#....",
            ".#####....",
        ]);
        clean(&mut dirty, 0.5);
        let wanted = mask(&[
            "..........",
            ".#####....",
            ".#####....",
            ".#####....",
            ".#####....",
            ".#####....",
        ]);
        assert_eq!(dirty, wanted);
    }

    #[test]
    fn regions_are_counted_by_size() {
        let two = mask(&["##..#", "##...", "....."]);
        assert_eq!((count(&two, 1), count(&two, 2), count(&two, 5)), (2, 1, 0));
    }

    proptest! {
        #[test]
        fn cleaning_only_fills_when_every_region_is_large_enough(
            cells in prop::collection::vec(any::<bool>(), 1..200), width in 1usize..20,
        ) {
            let height = cells.len().div_ceil(width);
            let mut bytes: Vec<u8> = cells.iter().map(|&c| if c { IN } else { 0 }).collect();
            bytes.resize(width * height, 0);
            let dirty = GrayImage::from_raw(width as u32, height as u32, bytes).unwrap();
            let mut cleaned = dirty.clone();
            clean(&mut cleaned, 0.0);
            for (x, y, pixel) in dirty.enumerate_pixels() {
                let on_border = x == 0 || y == 0 || x + 1 == width as u32 || y + 1 == height as u32;
                let now = cleaned.get_pixel(x, y);
                prop_assert!(now.0[0] >= pixel.0[0]);
                prop_assert!(!on_border || now == pixel);
            }
            let mut largest_only = dirty.clone();
            clean(&mut largest_only, 1.0);
            prop_assert_eq!(dirty.iter().any(|&v| v != 0), largest_only.iter().any(|&v| v != 0));
        }
    }
}
