//! How long things take, in buckets that never change.

use std::{array, iter::Sum, ops::Add, time::Duration};

use super::counter::SharedCounter;

/// The longest duration of each bucket but the last, which has all that takes longer: from what a handler takes that
/// waits for nothing to what nobody waits for.
pub(super) const BOUNDS: [Duration; 13] = [
    Duration::from_micros(10),
    Duration::from_micros(25),
    Duration::from_micros(100),
    Duration::from_micros(250),
    Duration::from_millis(1),
    Duration::from_micros(2_500),
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_secs(1),
    Duration::from_millis(2_500),
    Duration::from_secs(10),
];

const BUCKETS: usize = BOUNDS.len() + 1;

/// Durations as they are counted, by any thread: what is measured is a sample, or rare.
#[derive(Debug, Default)]
pub(crate) struct Histogram {
    buckets: [SharedCounter; BUCKETS],
    /// In nanoseconds, which is room for five centuries.
    sum: SharedCounter,
}

/// How many durations there were of each length, since the server has started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Durations {
    buckets: [u64; BUCKETS],
    sum: Duration,
}

impl Histogram {
    pub(crate) fn observe(&self, duration: Duration) {
        let bucket = BOUNDS.partition_point(|bound| *bound < duration);
        self.buckets[bucket].count();
        self.sum.add(duration.as_nanos().try_into().unwrap_or(u64::MAX));
    }

    pub(crate) fn read(&self) -> Durations {
        Durations {
            buckets: array::from_fn(|bucket| self.buckets[bucket].get()),
            sum: Duration::from_nanos(self.sum.get()),
        }
    }
}

impl Durations {
    /// How many there were.
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// All of them together.
    pub fn sum(&self) -> Duration {
        self.sum
    }

    /// How many there were that took no longer than each of some durations, from the shortest on.
    pub fn cumulative(&self) -> impl Iterator<Item = (Duration, u64)> {
        let up_to = self.buckets.iter().scan(0, |up_to, count| {
            *up_to += count;
            Some(*up_to)
        });
        BOUNDS.into_iter().zip(up_to)
    }
}

impl Add for Durations {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            buckets: array::from_fn(|bucket| self.buckets[bucket] + other.buckets[bucket]),
            sum: self.sum + other.sum,
        }
    }
}

impl Sum for Durations {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), Add::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_in_the_first_bucket_that_it_is_not_too_long_for() {
        let histogram = Histogram::default();
        for micros in [0, 10, 11, 1_000, 10_000_000, 10_000_001] {
            histogram.observe(Duration::from_micros(micros));
        }
        let durations = histogram.read();
        let cumulative: Vec<_> = durations.cumulative().map(|(_, count)| count).collect();
        assert_eq!(cumulative, [2, 3, 3, 3, 4, 4, 4, 4, 4, 4, 4, 4, 5]);
        assert_eq!((durations.count(), durations.sum()), (6, Duration::from_micros(20_001_022)));
        assert_eq!((durations + durations).count(), 12);
    }

    #[test]
    fn the_bounds_rise() {
        assert!(BOUNDS.is_sorted_by(|one, next| one < next));
    }
}
