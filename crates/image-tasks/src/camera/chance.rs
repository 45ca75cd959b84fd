//! Chance that is the same on every machine: a seeded generator and seeded noise.

/// `SplitMix64` (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
#[derive(Clone, Debug)]
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// Evenly spread from 0 up to 1.
    pub(crate) fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1u64 << 24) as f32
    }

    pub(crate) fn between(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// Three values that are nearly normal, mean 0 and deviation 1: each the sum of four
    /// evenly spread bytes (Irwin-Hall).
    pub(crate) fn normal_triple(&mut self) -> [f32; 3] {
        let (first, second) = (self.next(), self.next());
        [first as u32, (first >> 32) as u32, second as u32].map(|four| {
            let sum: u32 = four.to_le_bytes().iter().map(|&b| u32::from(b)).sum();
            // Four bytes have the mean 510 and the deviation 147.8.
            (sum as f32 - 510.0) / 147.8
        })
    }
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Smooth noise from 0 to 1 whose lattice has one point per unit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Noise(u32);

impl Noise {
    pub(crate) fn new(chance: &mut Chance) -> Self {
        Self(chance.next() as u32)
    }

    pub(crate) fn at(self, x: f32, y: f32) -> f32 {
        let (left, top) = (floor(x), floor(y));
        let (fx, fy) = (smooth(x - left as f32), smooth(y - top as f32));
        let (ix, iy) = (left as u32, top as u32);
        let upper = lerp(self.corner(ix, iy), self.corner(ix.wrapping_add(1), iy), fx);
        let iy = iy.wrapping_add(1);
        let lower = lerp(self.corner(ix, iy), self.corner(ix.wrapping_add(1), iy), fx);
        lerp(upper, lower, fy)
    }

    /// Several octaves, each half as strong and twice as fine; 0 to 1.
    /// Each octave is turned against the one before, so that no lattice shows.
    pub(crate) fn cloud(self, mut x: f32, mut y: f32, octaves: u32) -> f32 {
        let (mut sum, mut weight, mut total) = (0.0, 1.0, 0.0);
        for _ in 0..octaves {
            sum += self.at(x, y) * weight;
            total += weight;
            weight *= 0.5;
            (x, y) = (
                2.0 * (0.8 * x - 0.6 * y) + 17.3,
                2.0 * (0.6 * x + 0.8 * y) - 9.1,
            );
        }
        sum / total
    }

    fn corner(self, x: u32, y: u32) -> f32 {
        let mut h = self.0 ^ x.wrapping_mul(0x85eb_ca6b) ^ y.wrapping_mul(0xc2b2_ae35);
        h = (h ^ (h >> 15)).wrapping_mul(0x2c1b_3c6d);
        h = (h ^ (h >> 12)).wrapping_mul(0x297a_2d39);
        ((h ^ (h >> 15)) >> 8) as f32 / (1u32 << 24) as f32
    }
}

/// The next whole number below, without the library call that `f32::floor` is on processors
/// of the oldest kind that Rust builds for.
fn floor(x: f32) -> i32 {
    let cut = x as i32;
    cut - i32::from(cut as f32 > x)
}

pub(crate) fn lerp(a: f32, b: f32, t: f32) -> f32 {
    a + (b - a) * t
}

/// 0 below 0, 1 above 1, an S between.
pub(crate) fn smooth(t: f32) -> f32 {
    let t = t.clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn normal_values_have_mean_0_and_deviation_1() {
        let mut chance = Chance::new(7);
        let values: Vec<f32> = (0..30_000).flat_map(|_| chance.normal_triple()).collect();
        let mean = values.iter().sum::<f32>() / values.len() as f32;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / values.len() as f32;
        assert!(mean.abs() < 0.02, "{mean}");
        assert!((variance - 1.0).abs() < 0.03, "{variance}");
    }

    proptest! {
        #[test]
        fn noise_stays_between_0_and_1(seed: u64, x in -1e4f32..1e4, y in -1e4f32..1e4) {
            let noise = Noise::new(&mut Chance::new(seed));
            prop_assert!((0.0..=1.0).contains(&noise.at(x, y)));
            prop_assert!((0.0..=1.0).contains(&noise.cloud(x, y, 4)));
        }
    }
}
