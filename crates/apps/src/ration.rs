//! How many lines of the log something has.

use std::time::{Duration, Instant};

/// So many at once, and as many more in each period.
pub(crate) struct Ration {
    burst: u32,
    period: Duration,
    left: u32,
    since: Instant,
    left_out: u64,
}

/// What there is to be said of lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Allowed {
    /// This one, and so many were left out before it.
    After(u64),
    No,
}

impl Ration {
    pub(crate) fn new(burst: u32, period: Duration) -> Self {
        Self { burst, period, left: burst, since: Instant::now(), left_out: 0 }
    }

    pub(crate) fn take(&mut self) -> Allowed {
        if self.since.elapsed() >= self.period {
            (self.since, self.left) = (Instant::now(), self.burst);
        }
        if self.left == 0 {
            self.left_out += 1;
            return Allowed::No;
        }
        self.left -= 1;
        Allowed::After(std::mem::take(&mut self.left_out))
    }

    /// How many have been left out and not been told of.
    pub(crate) fn left_out(&self) -> u64 {
        self.left_out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_counted_and_told() {
        let mut ration = Ration::new(2, Duration::from_secs(3600));
        let taken: Vec<_> = (0..4).map(|_| ration.take()).collect();
        assert_eq!(taken, [Allowed::After(0), Allowed::After(0), Allowed::No, Allowed::No]);
        ration.since -= Duration::from_secs(3600);
        assert_eq!((ration.take(), ration.left_out()), (Allowed::After(2), 0));
    }
}
