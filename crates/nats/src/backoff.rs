//! How long it takes until the next attempt to connect.

use std::time::Duration;

use crate::random::random;

const FIRST: Duration = Duration::from_millis(100);

const LONGEST: Duration = Duration::from_secs(5);

/// Twice as long each time, less up to a half by chance, so that nodes that have lost their bus together do not all
/// come back at once.
#[derive(Default)]
pub(crate) struct Backoff {
    attempts: u32,
}

impl Backoff {
    pub(crate) fn next(&mut self) -> Duration {
        let longest = FIRST.saturating_mul(1 << self.attempts.min(16)).min(LONGEST);
        self.attempts += 1;
        let chance = random() as u32;
        longest - longest.mul_f64(f64::from(chance) / f64::from(u32::MAX) / 2.0)
    }

    pub(crate) fn reset(&mut self) {
        self.attempts = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_to_five_seconds_and_begins_anew() {
        let mut backoff = Backoff::default();
        for _ in 0..2 {
            let mut longest = FIRST;
            for _ in 0..100 {
                let wait = backoff.next();
                assert!(wait <= longest && wait >= longest / 2, "{wait:?} of {longest:?}");
                longest = (longest * 2).min(LONGEST);
            }
            backoff.reset();
        }
    }
}
