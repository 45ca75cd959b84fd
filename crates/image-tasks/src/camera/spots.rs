//! Diseased spots: placed until exactly the wanted share of the leaf is covered.

use super::chance::{Chance, Noise};
use super::leaf::Leaf;

/// Depths are kept in eighths of a pixel, which saves half the memory of floats.
const PARTS: f32 = 8.0;

/// What is leaf and what of it is diseased: the truth, pixel by pixel.
#[derive(Debug)]
pub(crate) struct Spots {
    width: usize,
    is_leaf: Vec<bool>,
    /// How deep inside a spot a pixel is; negative: outside, not far.
    depth: Vec<i16>,
    /// Pixels of the leaf.
    pub(crate) leaf_pixels: usize,
    /// Pixels of the leaf inside a spot.
    pub(crate) diseased_pixels: usize,
    /// How many were placed.
    pub(crate) count: usize,
}

/// One spot: a circle whose radius wobbles with the direction.
struct Spot {
    x: f32,
    y: f32,
    radius: f32,
    noise: Noise,
    grain: f32,
}

impl Spot {
    /// The wobble at a pixel: the factor on the radius.
    fn stretch(&self, x: f32, y: f32) -> f32 {
        0.78 + 0.44 * self.noise.at(x / self.grain, y / self.grain)
    }

    fn distance(&self, x: f32, y: f32) -> f32 {
        let (dx, dy) = (x - self.x, y - self.y);
        (dx * dx + dy * dy).sqrt()
    }
}

impl Spots {
    /// Spots on that leaf until `share` (0 to 1) of its pixels are covered.
    pub(crate) fn place(
        leaf: &Leaf,
        (width, height): (u32, u32),
        share: f64,
        chance: &mut Chance,
    ) -> Self {
        let (w, h) = (width as usize, height as usize);
        let inside = |i: usize| leaf.place((i % w) as f32, (i / w) as f32).inside >= 0.0;
        let is_leaf: Vec<bool> = (0..w * h).map(inside).collect();
        let leaf_pixels = is_leaf.iter().filter(|&&l| l).count();
        let depth = vec![i16::MIN; w * h];
        let mut spots = Self {
            width: w,
            is_leaf,
            depth,
            leaf_pixels,
            diseased_pixels: 0,
            count: 0,
        };
        let goal = (leaf_pixels as f64 * share).round() as usize;
        while spots.diseased_pixels < goal {
            let Some(mut spot) = spots.next_spot(leaf, chance) else {
                break;
            };
            spots.shrink(&mut spot, goal - spots.diseased_pixels);
            spots.cover(&spot);
            spots.count += 1;
        }
        spots
    }

    /// How deep in a spot a pixel is, in pixels; far below zero if it is in none.
    pub(crate) fn depth(&self, index: usize) -> f32 {
        f32::from(self.depth[index]) / PARTS
    }

    /// The truth about a pixel: on the leaf and in a spot.
    #[cfg(test)]
    pub(crate) fn is_diseased(&self, index: usize) -> bool {
        self.is_leaf[index] && self.depth[index] >= 0
    }

    fn is_free(&self, index: usize) -> bool {
        self.is_leaf[index] && self.depth[index] < 0
    }

    fn next_spot(&self, leaf: &Leaf, chance: &mut Chance) -> Option<Spot> {
        let pixels = self.depth.len();
        let mut draw = || (chance.unit() * pixels as f32) as usize % pixels.max(1);
        let drawn = (0..40).map(|_| draw()).find(|&i| self.is_free(i));
        // A nearly covered leaf: the first free pixel will do.
        let centre = drawn.or_else(|| (0..pixels).find(|&i| self.is_free(i)))?;
        let smallest = (0.018 * leaf.length).max(7.0).min(0.09 * leaf.length);
        let size = chance.unit().powi(3);
        let radius = smallest + (0.075 * leaf.length - smallest).max(0.0) * size;
        let noise = Noise::new(chance);
        let (x, y) = ((centre % self.width) as f32, (centre / self.width) as f32);
        Some(Spot {
            x,
            y,
            radius,
            noise,
            grain: (0.7 * radius).max(1.0),
        })
    }

    /// Makes the spot as small as it must be to cover no more than `wanted` free pixels.
    fn shrink(&self, spot: &mut Spot, wanted: usize) {
        let mut needed = Vec::new();
        self.around(spot, |index, x, y| {
            let radius = spot.distance(x, y) / spot.stretch(x, y);
            if radius <= spot.radius && self.is_free(index) {
                needed.push(radius);
            }
        });
        if needed.len() > wanted && wanted > 0 {
            let (_, radius, _) = needed.select_nth_unstable_by(wanted - 1, f32::total_cmp);
            spot.radius = *radius * 1.000_01 + 1e-4;
        }
    }

    fn cover(&mut self, spot: &Spot) {
        let mut deeper = Vec::new();
        self.around(spot, |index, x, y| {
            let depth = spot.radius * spot.stretch(x, y) - spot.distance(x, y);
            deeper.push((index, (depth * PARTS).floor() as i16));
        });
        for (index, depth) in deeper {
            self.diseased_pixels += usize::from(depth >= 0 && self.is_free(index));
            self.depth[index] = self.depth[index].max(depth);
        }
    }

    /// Calls `see` with every pixel that the spot can reach.
    fn around(&self, spot: &Spot, mut see: impl FnMut(usize, f32, f32)) {
        let reach = spot.radius * 1.25 + 2.0;
        let height = self.depth.len() / self.width.max(1);
        let range = |middle: f32, end: usize| {
            (middle - reach).max(0.0) as usize..((middle + reach) as usize + 1).min(end)
        };
        for y in range(spot.y, height) {
            for x in range(spot.x, self.width) {
                see(y * self.width + x, x as f32, y as f32);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counts_are_those_of_the_pixels() {
        let size = (160, 120);
        for (seed, share) in [(1, 0.0), (2, 0.1), (3, 0.6), (4, 0.9)] {
            let mut chance = Chance::new(seed);
            let leaf = Leaf::new(size.0, size.1, &mut chance);
            let spots = Spots::place(&leaf, size, share, &mut chance);
            let leaf_pixels = spots.is_leaf.iter().filter(|&&l| l).count();
            let diseased = (0..spots.depth.len())
                .filter(|&i| spots.is_diseased(i))
                .count();
            assert_eq!(
                (spots.leaf_pixels, spots.diseased_pixels),
                (leaf_pixels, diseased)
            );
            let goal = (leaf_pixels as f64 * share).round() as usize;
            assert!(diseased.abs_diff(goal) <= 2, "{diseased} of {goal}");
        }
    }
}
