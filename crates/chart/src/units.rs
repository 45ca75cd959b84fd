//! Numbers as people read them: three significant digits and the unit that fits.

const BINARY: [(&str, f64); 7] = [
    ("EiB", 1_152_921_504_606_846_976.0),
    ("PiB", 1_125_899_906_842_624.0),
    ("TiB", 1_099_511_627_776.0),
    ("GiB", 1_073_741_824.0),
    ("MiB", MIB),
    ("KiB", 1024.0),
    ("B", 1.0),
];

const MIB: f64 = 1_048_576.0;

/// What the numbers of a panel or a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unit {
    /// Processor cores in use.
    Cores,
    /// Bytes.
    Bytes,
    /// Bytes per second.
    BytesPerSecond,
    /// A share: 1.0 is 100 %.
    Share,
    /// A number of things.
    #[default]
    Count,
    /// Events per second.
    PerSecond,
    /// Seconds.
    Seconds,
}

impl Unit {
    /// The value with its unit: "1.25 cores", "312 MiB/s", "40 %". A value that is not finite is "–".
    pub fn format(self, value: f64) -> String {
        match self {
            Self::Cores => format_cores(value),
            Self::Bytes => format_bytes(value),
            Self::BytesPerSecond => format_bytes_per_second(value),
            Self::Share => format_share(value),
            Self::Count => format_count(value),
            Self::PerSecond => format_per_second(value),
            Self::Seconds => format_seconds(value),
        }
    }

    /// The divisor and the name of the unit that suits an axis which reaches to `max`. Where all is
    /// zero it is the unit that people expect.
    pub(crate) fn axis(self, max: f64) -> (f64, String) {
        match self {
            Self::Cores if max != 0.0 && max < 0.1 => (0.001, "millicores".into()),
            Self::Cores => (1.0, "cores".into()),
            Self::Bytes => {
                let (name, size) = binary(if max == 0.0 { MIB } else { max });
                (size, name.into())
            }
            Self::BytesPerSecond => {
                let (name, size) = binary(if max == 0.0 { MIB } else { max });
                (size, format!("{name}/s"))
            }
            Self::Share => (0.01, "%".into()),
            Self::Count => (1.0, String::new()),
            Self::PerSecond => (1.0, "per second".into()),
            Self::Seconds if max < 0.001 => (1e-6, "µs".into()),
            Self::Seconds if max < 1.0 => (0.001, "ms".into()),
            Self::Seconds => (1.0, "s".into()),
        }
    }
}

/// Bytes: "312 MiB", "1.5 GiB", "0 B".
pub fn format_bytes(bytes: f64) -> String {
    let (name, size) = binary(bytes);
    with_unit(bytes / size, name)
}

/// Bytes per second: "12.5 MiB/s".
pub fn format_bytes_per_second(bytes_per_second: f64) -> String {
    let (name, size) = binary(bytes_per_second);
    with_unit(bytes_per_second / size, &format!("{name}/s"))
}

/// Cores: "1.25 cores", "1 core", and below a tenth "12.5 millicores".
pub fn format_cores(cores: f64) -> String {
    if cores != 0.0 && cores.abs() < 0.1 {
        return with_unit(cores * 1000.0, "millicores");
    }
    let number = format_number(cores);
    let unit = if number == "1" { "core" } else { "cores" };
    with_unit(cores, unit)
}

/// CPU time: "4.2 CPU s", "10.3 CPU ms", from 10 000 seconds on "2.78 CPU h".
pub fn format_cpu_seconds(cpu_seconds: f64) -> String {
    let (size, unit) = match cpu_seconds.abs() {
        s if s >= 10_000.0 => (3600.0, "h"),
        s => small_time(s),
    };
    with_unit(cpu_seconds / size, &format!("CPU {unit}"))
}

/// A duration: "850 µs", "10.3 ms", "4.2 s", "2 min 5 s", "1 h 4 min", "3 d 2 h".
pub fn format_seconds(seconds: f64) -> String {
    if !seconds.is_finite() {
        return MISSING.into();
    }
    let whole = seconds.abs().round();
    if whole < 100.0 {
        let (size, unit) = small_time(seconds.abs());
        return with_unit(seconds / size, unit);
    }
    if whole >= 1e9 {
        return with_unit(seconds / 86_400.0, "d");
    }
    let sign = if seconds < 0.0 { "-" } else { "" };
    let (big, big_unit, small_unit, step) = match whole {
        w if w < 3600.0 => (60.0, "min", "s", 1.0),
        w if w < 86_400.0 => (3600.0, "h", "min", 60.0),
        _ => (86_400.0, "d", "h", 3600.0),
    };
    let whole = (whole / step).round() * step;
    let (count, rest) = ((whole / big).floor(), (whole % big / step).floor());
    if rest == 0.0 {
        return format!("{sign}{count} {big_unit}");
    }
    format!("{sign}{count} {big_unit} {rest} {small_unit}")
}

/// A share as per cent: "40 %", "0.25 %".
pub fn format_share(share: f64) -> String {
    with_unit(share * 100.0, "%")
}

/// A number of things, in full up to 10 million: "12 345".
pub fn format_count(count: f64) -> String {
    if !count.is_finite() {
        return MISSING.into();
    }
    if count.fract() != 0.0 || count.abs() >= 1e7 {
        return format_number(count);
    }
    grouped(count)
}

/// Events per second: "12.5 /s".
pub fn format_per_second(per_second: f64) -> String {
    with_unit(per_second, "/s")
}

/// A bare number with three significant digits: "1.25", "312", "0.004", "1.2e12".
pub fn format_number(number: f64) -> String {
    if !number.is_finite() {
        return MISSING.into();
    }
    let size = rounded(number).abs();
    if size == 0.0 {
        return "0".into();
    }
    if !(1e-6..1e7).contains(&size) {
        return format!("{number:.2e}");
    }
    if size >= 1000.0 {
        return grouped(number.round());
    }
    let decimals = (2 - size.log10().floor() as i32).max(0) as usize;
    trimmed(&format!("{number:.decimals$}"))
}

/// What stands where there is no number.
pub const MISSING: &str = "–";

fn with_unit(number: f64, unit: &str) -> String {
    if number.is_finite() {
        format!("{} {unit}", format_number(number))
    } else {
        MISSING.into()
    }
}

/// The unit in which the number is at least 1 as three digits show it: 1023.9 KiB is 1 MiB.
fn binary(bytes: f64) -> (&'static str, f64) {
    let size = bytes.abs();
    BINARY
        .into_iter()
        .find(|(_, unit)| size >= 0.9995 * unit)
        .unwrap_or(("B", 1.0))
}

fn small_time(seconds: f64) -> (f64, &'static str) {
    match rounded(seconds) {
        s if s == 0.0 || s >= 1.0 => (1.0, "s"),
        s if s >= 1e-3 => (1e-3, "ms"),
        _ => (1e-6, "µs"),
    }
}

/// The number as three digits show it, so that 999.9 µs becomes 1 ms and not 1000 µs.
fn rounded(number: f64) -> f64 {
    if number == 0.0 || !number.is_finite() {
        return number;
    }
    let scale = 10f64.powi(2 - number.abs().log10().floor() as i32);
    let result = (number * scale).round() / scale;
    if result.is_finite() { result } else { number }
}

/// Digits in groups of three, parted by a no-break space.
fn grouped(whole: f64) -> String {
    let digits = format!("{:.0}", whole.abs());
    let mut text = String::from(if whole < 0.0 { "-" } else { "" });
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) && digits.len() > 4 {
            text.push('\u{a0}');
        }
        text.push(digit);
    }
    text
}

pub(crate) fn trimmed(number: &str) -> String {
    if number.contains('.') {
        return number.trim_end_matches('0').trim_end_matches('.').into();
    }
    number.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn bytes_read_well() {
        let shown = [
            0.0,
            1.0,
            1023.0,
            1024.0,
            1_048_575.0,
            327_155_712.0,
            1.61e9,
            1e18,
            -2048.0,
        ];
        let texts: Vec<_> = shown.into_iter().map(format_bytes).collect();
        let expected = [
            "0 B", "1 B", "1023 B", "1 KiB", "1 MiB", "312 MiB", "1.5 GiB", "888 PiB", "-2 KiB",
        ];
        assert_eq!(texts, expected);
    }

    #[test]
    fn cores_read_well() {
        let texts: Vec<_> = [0.0, 0.0125, 0.25, 1.0, 1.2549]
            .into_iter()
            .map(format_cores)
            .collect();
        assert_eq!(
            texts,
            [
                "0 cores",
                "12.5 millicores",
                "0.25 cores",
                "1 core",
                "1.25 cores"
            ]
        );
    }

    #[test]
    fn times_read_well() {
        let shown = [
            0.0, 8.5e-4, 0.0103, 0.9996, 4.2, 99.4, 125.0, 3840.0, 7199.9, 266_400.0,
        ];
        let texts: Vec<_> = shown.into_iter().map(format_seconds).collect();
        let expected = [
            "0 s",
            "850 µs",
            "10.3 ms",
            "1 s",
            "4.2 s",
            "99.4 s",
            "2 min 5 s",
            "1 h 4 min",
            "2 h",
            "3 d 2 h",
        ];
        assert_eq!(texts, expected);
    }

    #[test]
    fn what_is_no_number_is_a_dash() {
        for unit in [
            Unit::Bytes,
            Unit::Cores,
            Unit::Count,
            Unit::Share,
            Unit::Seconds,
        ] {
            assert_eq!(unit.format(f64::NAN), MISSING);
            assert_eq!(unit.format(f64::INFINITY), MISSING);
        }
    }

    #[test]
    fn counts_are_grouped() {
        assert_eq!(format_count(1234.0), "1234");
        assert_eq!(format_count(12_345.0), "12\u{a0}345");
        assert_eq!(format_share(0.4), "40 %");
        assert_eq!(format_cpu_seconds(0.0042), "4.2 CPU ms");
    }

    proptest! {
        #[test]
        fn every_number_has_a_short_text(value in any::<f64>()) {
            for unit in [Unit::Bytes, Unit::BytesPerSecond, Unit::Cores, Unit::Count, Unit::Share,
                         Unit::PerSecond, Unit::Seconds] {
                let text = unit.format(value);
                prop_assert!(!text.is_empty());
                prop_assert!(text.chars().count() < 40, "{text}");
                let (size, _) = unit.axis(value);
                prop_assert!(size > 0.0);
            }
        }
    }
}
