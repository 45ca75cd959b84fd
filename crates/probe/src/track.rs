//! The anonymous peak of one process, from samples and high-water marks. Pure.
//!
//! The kernel keeps the high-water mark of all resident pages (`VmHWM`, at the end `ru_maxrss`), not
//! of the anonymous ones. Between two samples the file part is taken to lie between what both show.
//! Then each interval bounds the anonymous peak in it: from above by the mark at its end less the
//! smaller file part; from below, where the mark rose, by the mark less the larger one.

/// What one look at a live process shows, bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) anon: u64,
    /// Files and shared memory.
    pub(crate) file: u64,
    /// High-water mark of both.
    pub(crate) hwm: u64,
}

/// The anonymous peak lies between these, bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) lower: u64,
    pub(crate) upper: u64,
}

impl Range {
    pub(crate) fn middle(self) -> u64 {
        self.lower + (self.upper - self.lower) / 2
    }

    /// Whether the middle, allowing for `slack` bytes, is within 1 % of whatever lies in the range.
    pub(crate) fn within_one_percent(self, slack: u64) -> bool {
        let error = (self.upper - self.lower) / 2 + slack;
        error.saturating_mul(100) <= self.lower
    }
}

/// What the looks at one process add up to.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Track {
    /// Looks at the present program.
    looks: u32,
    last: Seen,
    file_before_last: u64,
    lower: u64,
    upper: u64,
    /// The smallest file part at the last look at a program that was since replaced (exec).
    file_of_earlier: Option<u64>,
}

impl Track {
    pub(crate) fn saw(&mut self, seen: Seen) {
        if self.looks > 0 && seen.hwm < self.last.hwm {
            self.replaced();
        }
        let first = self.looks == 0;
        let (smaller, larger) = if first {
            (0, seen.file)
        } else {
            (self.last.file.min(seen.file), self.last.file.max(seen.file))
        };
        if !first && seen.hwm > self.last.hwm {
            self.lower = self.lower.max(seen.hwm.saturating_sub(larger));
        }
        self.lower = self.lower.max(seen.anon);
        let still_at_the_first_peak = first && seen.anon + seen.file >= seen.hwm;
        let least_file = if still_at_the_first_peak {
            seen.file
        } else {
            smaller
        };
        self.upper = self
            .upper
            .max(seen.hwm.saturating_sub(least_file))
            .max(self.lower);
        self.file_before_last = if first { seen.file } else { self.last.file };
        self.last = seen;
        self.looks = self.looks.saturating_add(1);
    }

    /// Another program runs in the process: high-water mark and file part begin anew.
    fn replaced(&mut self) {
        let least = self
            .file_of_earlier
            .map_or(self.last.file, |file| file.min(self.last.file));
        *self = Self {
            lower: self.lower,
            upper: self.upper,
            file_of_earlier: Some(least),
            ..Self::default()
        };
    }

    /// What is known of the peak from below while the process lives, or when it vanished.
    pub(crate) fn lower(&self) -> Option<u64> {
        (self.looks > 0 || self.file_of_earlier.is_some()).then_some(self.lower)
    }

    /// What its file part may have grown to since the last look, bytes. `None` with fewer than two.
    pub(crate) fn largest_file(&self) -> Option<u64> {
        (self.looks >= 2).then(|| self.last.file + self.drift())
    }

    fn drift(&self) -> u64 {
        self.last.file.abs_diff(self.file_before_last)
    }

    /// The process ended, its high-water mark over all of its programs is `maxrss`. `None` with
    /// fewer than two looks: then nothing says how its file part developed.
    pub(crate) fn ended(&self, maxrss: u64) -> Option<Range> {
        if self.looks < 2 {
            return None;
        }
        let drift = self.drift();
        let mut lower = self.lower;
        if maxrss > self.last.hwm {
            lower = lower.max(maxrss.saturating_sub(self.last.file + drift));
        }
        let least = self.last.file.saturating_sub(drift);
        let least = self.file_of_earlier.map_or(least, |file| file.min(least));
        let mark = maxrss.max(self.last.hwm);
        Some(Range {
            lower,
            upper: self.upper.max(mark.saturating_sub(least)).max(lower),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MIB: u64 = 1 << 20;

    fn seen(anon: u64, file: u64, hwm: u64) -> Seen {
        Seen {
            anon: anon * MIB,
            file: file * MIB,
            hwm: hwm * MIB,
        }
    }

    #[test]
    fn a_ramp_between_two_samples_is_exact() {
        let mut track = Track::default();
        for look in [
            seen(1, 2, 3),
            seen(4, 3, 7),
            seen(4, 3, 307),
            seen(4, 3, 307),
        ] {
            track.saw(look);
        }
        let range = track.ended(307 * MIB).unwrap();
        assert_eq!(
            range,
            Range {
                lower: 304 * MIB,
                upper: 304 * MIB
            }
        );
        assert!(range.within_one_percent(MIB / 4));
    }

    #[test]
    fn a_ramp_after_the_last_sample_is_exact_if_the_file_part_was_steady() {
        let mut track = Track::default();
        track.saw(seen(1, 3, 4));
        track.saw(seen(2, 3, 5));
        assert!(track.ended(303 * MIB).unwrap().within_one_percent(0));
        track.saw(seen(2, 13, 15));
        assert!(!track.ended(303 * MIB).unwrap().within_one_percent(0));
    }

    #[test]
    fn a_file_peak_hides_a_later_ramp() {
        let mut track = Track::default();
        for look in [
            seen(1, 2, 3),
            seen(1, 400, 401),
            seen(1, 2, 401),
            seen(1, 2, 401),
        ] {
            track.saw(look);
        }
        let range = track.ended(401 * MIB).unwrap();
        assert_eq!(range.lower, MIB);
        assert!(!range.within_one_percent(0));
    }

    #[test]
    fn one_look_says_nothing_of_the_end() {
        let mut track = Track::default();
        assert_eq!(track.lower(), None);
        track.saw(seen(1, 2, 3));
        assert_eq!(track.ended(300 * MIB), None);
        assert_eq!(track.lower(), Some(MIB));
    }

    #[test]
    fn a_program_that_was_replaced_keeps_its_part() {
        let mut track = Track::default();
        for look in [
            seen(1, 1, 2),
            seen(200, 1, 201),
            seen(1, 4, 5),
            seen(1, 4, 5),
        ] {
            track.saw(look);
        }
        let range = track.ended(201 * MIB).unwrap();
        assert!(range.lower == 200 * MIB && range.upper == 200 * MIB);
    }

    proptest! {
        /// Whatever is done between samples, if the file part stays between its neighbours the
        /// true peak is in the range.
        #[test]
        fn the_truth_is_in_the_range(
            steps in proptest::collection::vec((0_u64..1000, 0_u64..1000, 0_u64..=100), 2..20),
        ) {
            let (mut track, mut hwm, mut truth, mut file) = (Track::default(), 0, 0, 0);
            for (index, (hidden, anon, share)) in steps.iter().enumerate() {
                let next_file = (file + share) / 2;
                let hidden_file = if index == 0 { next_file } else { u64::midpoint(file, next_file) };
                hwm = hwm.max(hidden + hidden_file).max(anon + next_file);
                truth = truth.max(*hidden).max(*anon);
                track.saw(Seen { anon: *anon, file: next_file, hwm });
                file = next_file;
            }
            let range = track.ended(hwm).unwrap();
            prop_assert!(range.lower <= truth && truth <= range.upper, "{range:?} {truth}");
            prop_assert!(track.lower().unwrap() <= truth);
        }
    }
}
