//! A gauge that is the sum of what many say.

use prometheus_client::metrics::gauge::Gauge;

/// One's part in a gauge that others have parts in, too. It is taken back when this is dropped.
#[derive(Debug)]
pub struct Part {
    gauge: Gauge,
    part: i64,
}

impl Part {
    /// A part of this size.
    pub fn new(gauge: &Gauge, part: i64) -> Self {
        gauge.inc_by(part);
        let gauge = gauge.clone();
        Self { gauge, part }
    }

    /// Changes its size.
    pub fn set(&mut self, part: i64) {
        if part != self.part {
            self.gauge.inc_by(part - self.part);
            self.part = part;
        }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.gauge.dec_by(self.part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_add_up_and_go() {
        let gauge = Gauge::default();
        let mut one = Part::new(&gauge, 2);
        let other = Part::new(&gauge, 3);
        one.set(1);
        assert_eq!(gauge.get(), 4);
        drop(other);
        assert_eq!(gauge.get(), 1);
        drop(one);
        assert_eq!(gauge.get(), 0);
    }
}
