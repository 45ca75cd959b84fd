//! The shape of the leaf: an ovate, serrated blade with a stalk, laid into the picture.

use super::chance::Chance;

/// Where the stalk's end lies, in leaf lengths before the blade's base.
const STALK: f32 = 0.17;
/// Entries of the outline's table, from the stalk's end to the tip.
const STEPS: usize = 4096;
/// Side veins on each half.
const VEINS: f32 = 9.0;

/// A leaf in picture coordinates (pixels).
#[derive(Debug)]
pub(crate) struct Leaf {
    /// From the blade's base to its tip, in pixels.
    pub(crate) length: f32,
    base: (f32, f32),
    axis: (f32, f32),
    bend: f32,
    /// Half the leaf's width along the axis, in leaf lengths: right half, left half.
    outline: [Vec<f32>; 2],
}

/// A place on (or beside) the leaf.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// Along the axis: 0 at the blade's base, 1 at the tip.
    pub(crate) along: f32,
    /// Across it, in leaf lengths, negative on the left.
    pub(crate) across: f32,
    /// To the leaf's edge in pixels, about; positive inside.
    pub(crate) inside: f32,
    /// 0 on the midrib, 1 at the edge.
    pub(crate) outward: f32,
}

impl Leaf {
    /// A leaf that fits into a picture of that many pixels.
    pub(crate) fn new(width: u32, height: u32, chance: &mut Chance) -> Self {
        let (width, height) = (width as f32, height as f32);
        let half_width = chance.between(0.25, 0.30);
        let tilt = chance.between(-0.22, 0.22);
        let (long, short) = (width.max(height), width.min(height));
        let length =
            (0.74 * long).min(0.88 * short / (2.0 * half_width + 0.12)) * chance.between(0.93, 1.0);
        let along_x = if width >= height {
            tilt
        } else {
            tilt - std::f32::consts::FRAC_PI_2
        };
        let axis = (along_x.cos(), along_x.sin());
        // The middle of stalk and blade together lies in the middle of the picture.
        let to_base = length * (0.5 - STALK / 2.0);
        let base = (
            width / 2.0 - axis.0 * to_base,
            height / 2.0 - axis.1 * to_base,
        );
        let outline = [(); 2].map(|()| outline(half_width, chance));
        Self {
            length,
            base,
            axis,
            bend: chance.between(-0.05, 0.05),
            outline,
        }
    }

    /// What lies at a pixel's centre.
    pub(crate) fn place(&self, x: f32, y: f32) -> Place {
        let (dx, dy) = (
            (x + 0.5 - self.base.0) / self.length,
            (y + 0.5 - self.base.1) / self.length,
        );
        let along = dx * self.axis.0 + dy * self.axis.1;
        let bow = self.bend * 4.0 * along * (1.0 - along);
        let across = dy * self.axis.0 - dx * self.axis.1 - bow;
        let (half_width, slope) = self.half_width(along, across < 0.0);
        let steepness = (1.0 + slope * slope).sqrt();
        let inside = (half_width - across.abs()) * self.length / steepness;
        let outward = if half_width > 0.0 {
            (across.abs() / half_width).min(1.0)
        } else {
            1.0
        };
        Place {
            along,
            across,
            inside,
            outward,
        }
    }

    /// Half the width there, and how steeply it changes; negative beyond the ends.
    fn half_width(&self, along: f32, left: bool) -> (f32, f32) {
        let table = &self.outline[usize::from(left)];
        let step = (along + STALK) / (1.0 + STALK) * (STEPS - 1) as f32;
        if step < 0.0 {
            return (along + STALK, 0.0);
        }
        let index = step as usize;
        if index + 1 >= STEPS {
            return (1.0 - along, 0.0);
        }
        let (low, high) = (table[index], table[index + 1]);
        let slope = (high - low) * (STEPS - 1) as f32 / (1.0 + STALK);
        (
            low + (high - low) * (step - index as f32),
            slope.clamp(-3.0, 3.0),
        )
    }
}

impl Place {
    /// How far along the pattern of side veins the place is: whole numbers lie on veins.
    pub(crate) fn vein_phase(self) -> f32 {
        let side = if self.across < 0.0 { 0.5 } else { 0.0 };
        let from_rib = self.across.abs();
        (self.along - 0.62 * from_rib - 0.9 * from_rib * from_rib) * VEINS + side
    }

    /// From 0 to 1: how much of a vein is at the place, on a leaf of that many pixels.
    pub(crate) fn vein(self, length: f32) -> f32 {
        let line = |distance: f32, half_width: f32| {
            // Lines thinner than a pixel become paler instead.
            let (distance, half_width) = (distance * length, half_width * length);
            let drawn = half_width.max(0.7);
            (1.3 - distance / drawn).clamp(0.0, 1.0) * (half_width / drawn)
        };
        let rib = line(
            self.across.abs(),
            0.002 + 0.007 * (1.0 - self.along).clamp(0.0, 1.2),
        );
        let phase = self.vein_phase();
        if !(0.35..VEINS - 0.6).contains(&phase) {
            return rib;
        }
        let to_vein = (phase - (phase + 0.5) as i32 as f32).abs() / VEINS * 0.8;
        rib.max(line(to_vein, 0.0042 * (1.0 - 0.75 * self.outward)) * 0.85)
    }
}

/// Half the width from the stalk's end to the tip, with teeth.
fn outline(half_width: f32, chance: &mut Chance) -> Vec<f32> {
    let teeth = chance.between(20.0, 26.0);
    let (rise, fall) = (0.55f32, 0.9f32);
    let widest = rise / (rise + fall);
    let scale = half_width / (widest.powf(rise) * (1.0 - widest).powf(fall));
    let at = |step: usize| {
        let along = step as f32 / (STEPS - 1) as f32 * (1.0 + STALK) - STALK;
        let stalk = if along < 0.4 { 0.0085 } else { 0.0 };
        if along <= 0.0 {
            // Thicker where it was cut off the twig.
            return stalk + 0.006 * (-along / STALK).powi(4);
        }
        let blade = scale * along.powf(rise) * (1.0 - along).max(0.0).powf(fall);
        let tooth = (along * teeth).fract();
        let tooth = if tooth < 0.8 {
            tooth / 0.8
        } else {
            (1.0 - tooth) / 0.2
        };
        stalk.max(blade * (1.0 + 0.06 * (tooth - 0.5)))
    };
    (0..STEPS).map(at).collect()
}
