//! Connected regions of a mask.

use image::{GrayImage, Luma};
use imageproc::region_labelling::{Connectivity, connected_components};

/// A pixel of a mask that is in.
pub(crate) const IN: u8 = 255;

struct Region {
    is_in: bool,
    pixels: usize,
    touches_border: bool,
    /// The region that lies around this one (or beside it, where both touch the border).
    around: Option<usize>,
}

/// Keeps the large regions of a mask, fills the holes in them and drops the rest. Large is
/// at least `share_of_largest` of the largest one.
pub(crate) fn clean(mask: &mut GrayImage, share_of_largest: f64) {
    let (labels, regions) = label(mask);
    let largest = regions
        .iter()
        .filter(|r| r.is_in)
        .map(|r| r.pixels)
        .max()
        .unwrap_or(0);
    let enough = (largest as f64 * share_of_largest).ceil() as usize;
    let mut keep: Vec<bool> = Vec::with_capacity(regions.len());
    for region in &regions {
        // What lies around a region begins above or left of it, so it is decided already.
        let in_kept = region
            .around
            .is_some_and(|a| keep.get(a).copied().unwrap_or(false));
        keep.push(if region.is_in {
            region.pixels >= enough || (in_kept && !region.touches_border)
        } else {
            in_kept && !region.touches_border
        });
    }
    for (pixel, &label) in mask.iter_mut().zip(&labels) {
        *pixel = if keep[label as usize] { IN } else { 0 };
    }
}

/// How many regions of at least `pixels` pixels a mask has.
pub(crate) fn count(mask: &GrayImage, pixels: usize) -> usize {
    label(mask)
        .1
        .iter()
        .filter(|r| r.is_in && r.pixels >= pixels)
        .count()
}

/// Numbers the regions, in and out, by their first pixel in reading order.
fn label(mask: &GrayImage) -> (Vec<u32>, Vec<Region>) {
    let (width, height) = (mask.width() as usize, mask.height() as usize);
    // No pixel has the value 1, so that regions that are out get numbers as well.
    let mut labels = connected_components(mask, Connectivity::Four, Luma([1])).into_raw();
    let mut numbers: Vec<Option<u32>> = Vec::new();
    let mut regions: Vec<Region> = Vec::new();
    for index in 0..labels.len() {
        let theirs = labels[index] as usize;
        if theirs >= numbers.len() {
            numbers.resize(theirs + 1, None);
        }
        let (x, y) = (index % width, index / width);
        let number = *numbers[theirs].get_or_insert_with(|| {
            let before = if x > 0 {
                Some(index - 1)
            } else {
                index.checked_sub(width)
            };
            let around = before.map(|i| labels[i] as usize);
            let is_in = mask.as_raw()[index] != 0;
            regions.push(Region {
                is_in,
                pixels: 0,
                touches_border: false,
                around,
            });
            regions.len() as u32 - 1
        });
        labels[index] = number;
        let region = &mut regions[number as usize];
        region.pixels += 1;
        region.touches_border |= x == 0 || y == 0 || x + 1 == width || y + 1 == height;
    }
    (labels, regions)
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
        fn cleaning_twice_is_cleaning_once(
            cells in prop::collection::vec(any::<bool>(), 1..200), width in 1usize..20,
        ) {
            let height = cells.len().div_ceil(width);
            let mut bytes: Vec<u8> = cells.iter().map(|&c| if c { IN } else { 0 }).collect();
            bytes.resize(width * height, 0);
            let mut once = GrayImage::from_raw(width as u32, height as u32, bytes).unwrap();
            clean(&mut once, 0.3);
            let mut twice = once.clone();
            clean(&mut twice, 0.3);
            prop_assert_eq!(once, twice);
        }
    }
}
