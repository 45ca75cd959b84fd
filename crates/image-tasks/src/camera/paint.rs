//! Colours: soil, leaf, veins, spots, light and the sensor's noise.

use image::{Rgb, RgbImage};

use super::chance::{Chance, Noise, lerp, smooth};
use super::leaf::{Leaf, Place};
use super::spots::Spots;

type Colour = [f32; 3];

const GREEN: Colour = [62.0, 124.0, 46.0];
const YOUNG_GREEN: Colour = [86.0, 150.0, 56.0];
const VEIN: Colour = [124.0, 176.0, 88.0];
const HALO: Colour = [210.0, 186.0, 70.0];
const BROWN: Colour = [126.0, 82.0, 44.0];
const TAN: Colour = [166.0, 122.0, 74.0];
/// Duller than any part of the leaf: that is how the two are told apart.
const SOIL: Colour = [116.0, 109.0, 101.0];

/// Everything that the picture's colours depend on.
pub(crate) struct Painter<'a> {
    pub(crate) leaf: &'a Leaf,
    pub(crate) spots: &'a Spots,
    soil: Noise,
    blade: Noise,
    fine: Noise,
    /// Which half of the folded leaf the light falls on: -1 to 1.
    light: f32,
    half: (f32, f32),
}

impl<'a> Painter<'a> {
    pub(crate) fn new(
        leaf: &'a Leaf,
        spots: &'a Spots,
        (width, height): (u32, u32),
        chance: &mut Chance,
    ) -> Self {
        let [soil, blade, fine] = [(); 3].map(|()| Noise::new(chance));
        let half = (width as f32 / 2.0, height as f32 / 2.0);
        Self {
            leaf,
            spots,
            soil,
            blade,
            fine,
            light: chance.between(-1.0, 1.0),
            half,
        }
    }

    /// Paints it all; `noise` is the sensor's, in grey levels.
    pub(crate) fn paint(
        &self,
        width: u32,
        height: u32,
        noise: f32,
        chance: &mut Chance,
    ) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| {
            let colour = self.pixel(x, y, (y * width + x) as usize);
            let grain = chance.normal_triple();
            let [r, g, b] =
                [0, 1, 2].map(|c| (colour[c] + noise * grain[c] + 0.5).clamp(0.0, 255.0) as u8);
            Rgb([r, g, b])
        })
    }

    fn pixel(&self, x: u32, y: u32, index: usize) -> Colour {
        let (x, y) = (x as f32, y as f32);
        let place = self.leaf.place(x, y);
        let coverage = (place.inside + 0.5).clamp(0.0, 1.0);
        let leaf = if coverage > 0.0 {
            self.on_leaf(place, self.spots.depth(index))
        } else {
            SOIL
        };
        let ground = if coverage < 1.0 {
            self.on_soil(x, y)
        } else {
            SOIL
        };
        let (from_x, from_y) = (x / self.half.0 - 1.0, y / self.half.1 - 1.0);
        let vignette = 1.06 - 0.12 * (from_x * from_x + from_y * from_y);
        scale(mix(ground, leaf, coverage), vignette)
    }

    /// Crumbly ground, lit from the upper left, with the leaf's shadow.
    fn on_soil(&self, x: f32, y: f32) -> Colour {
        let unit = self.leaf.length * 0.04;
        let (u, v) = (x / unit, y / unit);
        let height = self.soil.cloud(u, v, 4);
        let relief = height - self.soil.cloud(u + 0.09, v + 0.11, 3);
        let offset = self.leaf.length * 0.022;
        let under = self.leaf.place(x - offset, y - offset * 1.3).inside / offset;
        let shadow = 1.0 - 0.5 * smooth(under + 0.5);
        let tint = 6.0 * (self.fine.at(u * 0.4, v * 0.4) - 0.5);
        let base = [SOIL[0] + tint, SOIL[1], SOIL[2] - tint];
        scale(
            base,
            (0.62 + 0.55 * height + 1.6 * relief).clamp(0.25, 1.6) * shadow,
        )
    }

    fn on_leaf(&self, place: Place, depth: f32) -> Colour {
        let (u, v) = (place.along * 9.0, place.across * 9.0);
        let mottled = self.blade.cloud(u, v, 3);
        let vein = place.vein(self.leaf.length);
        let blade = mix(GREEN, YOUNG_GREEN, smooth(1.4 * mottled - 0.2) * 0.8);
        let net = self.fine.at(place.along * 90.0, place.across * 90.0);
        let net = (1.0 - (net - 0.5).abs() * 12.0).clamp(0.0, 1.0) * 0.14;
        let healthy = mix(blade, VEIN, vein.max(net));
        let sick = (depth + 0.5).clamp(0.0, 1.0);
        let colour = if sick > 0.0 {
            mix(healthy, self.in_spot(place, depth, vein), sick)
        } else {
            healthy
        };
        scale(colour, self.brightness(place))
    }

    /// Yellow halo, dark rim, brown and tan inside with faint rings.
    fn in_spot(&self, place: Place, depth: f32, vein: f32) -> Colour {
        let halo = (0.009 * self.leaf.length).max(2.0);
        let cloud = self.fine.cloud(place.along * 40.0, place.across * 40.0, 3);
        let dead = mix(
            BROWN,
            TAN,
            smooth((depth - 2.2 * halo) / (2.5 * halo)) * cloud * 1.3,
        );
        let rings = 1.0 + 0.07 * (depth / halo * 3.4).sin();
        let core = smooth((depth - halo * (0.7 + 0.6 * cloud)) / (0.7 * halo));
        scale(mix(HALO, scale(dead, rings), core), 1.0 - 0.13 * vein)
    }

    /// Folded along the midrib, bulging between the veins, darker at the edge.
    fn brightness(&self, place: Place) -> f32 {
        let side = if place.across < 0.0 { -1.0 } else { 1.0 };
        let fold = 0.09 * self.light * side * smooth(place.outward * 6.0);
        let bulge =
            -0.07 * (place.vein_phase() * std::f32::consts::TAU).cos() * (1.0 - place.outward);
        let gloss = 0.12
            * smooth(1.0 - (place.outward - 0.45).abs() * 3.0)
            * smooth(self.light * side + 0.4);
        let edge = -0.12 * smooth((place.outward - 0.8) * 5.0);
        1.0 + fold + bulge + gloss + edge
    }
}

fn mix(a: Colour, b: Colour, t: f32) -> Colour {
    [0, 1, 2].map(|c| lerp(a[c], b[c], t))
}

fn scale(colour: Colour, factor: f32) -> Colour {
    colour.map(|c| c * factor)
}
