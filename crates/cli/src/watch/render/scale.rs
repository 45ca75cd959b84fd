//! The scale of a chart's values.

use chart::units::Unit;
use model::resource;

/// What the scale of values may end with, of its power of ten.
const STEPS: [f64; 9] = [1.0, 1.2, 1.6, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0];
/// A line further above than so many times the values isn't drawn: they would lie flat at the bottom.
const FAR: f64 = 4.0;

/// How numbers of a resource are written.
pub(super) fn unit(of: resource::Unit) -> Unit {
    match of {
        resource::Unit::Cores => Unit::Cores,
        resource::Unit::Share => Unit::Share,
        resource::Unit::Bytes => Unit::Bytes,
        resource::Unit::BytesPerSecond => Unit::BytesPerSecond,
        resource::Unit::Count => Unit::Count,
        resource::Unit::PerSecond => Unit::PerSecond,
    }
}

/// Where the scale ends that begins at zero, for values up to `high` and lines at `lines`.
pub(super) fn top(unit: Unit, high: f64, lines: &[f64]) -> f64 {
    let near = lines
        .iter()
        .filter(|line| high <= 0.0 || **line <= high * FAR);
    let most = near.fold(high, |most, line| most.max(*line));
    let size = match unit {
        Unit::Bytes | Unit::BytesPerSecond => binary(most),
        _ => 1.0,
    };
    round_up(most / size) * size
}

/// The unit of 1024 to some power that suits a number.
fn binary(bytes: f64) -> f64 {
    let mut size = 1.0;
    while bytes >= size * 1024.0 {
        size *= 1024.0;
    }
    size
}

fn round_up(value: f64) -> f64 {
    if value <= 0.0 || !value.is_finite() {
        return 1.0;
    }
    let power = 10f64.powf(value.log10().floor());
    let step = STEPS.iter().find(|step| **step * power >= value);
    step.unwrap_or(&10.0) * power
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn scales_end_with_round_numbers() {
        let mib = 1_048_576.0;
        let tops = [
            top(Unit::Cores, 0.97, &[1.0]),
            top(Unit::Cores, 1.03, &[]),
            top(Unit::Cores, 0.0, &[]),
            top(Unit::Bytes, 23.0 * mib, &[48.0 * mib]) / mib,
            top(Unit::Bytes, 23.0 * mib, &[4096.0 * mib]) / mib,
        ];
        let expected = [1.0, 1.2, 1.0, 50.0, 30.0];
        assert!(
            tops.iter()
                .zip(expected)
                .all(|(top, expected)| (top - expected).abs() < 1e-9),
            "{tops:?}"
        );
    }

    proptest! {
        #[test]
        fn values_fit_below(high in 0.0..1e18, line in 0.0..1e18) {
            for unit in [Unit::Cores, Unit::Bytes] {
                let end = top(unit, high, &[line]);
                prop_assert!(end >= high && end > 0.0);
                prop_assert!(line > high * FAR || end >= line * 0.999_999);
            }
        }
    }
}
