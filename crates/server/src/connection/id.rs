//! The numbers of clients.

use std::{fmt, num::ParseIntError, str::FromStr};

/// A client's number. No two clients of one server ever have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(u64);

impl ClientId {
    /// The `serial`th client of the worker `worker` among `workers`.
    pub(crate) fn new(serial: u64, worker: usize, workers: usize) -> Self {
        Self(serial * workers as u64 + worker as u64)
    }

    /// Which of `workers` drives the client.
    pub(crate) fn worker(self, workers: usize) -> usize {
        (self.0 % workers as u64) as usize
    }

    /// As a plain number, for logs and wire formats.
    pub fn as_u64(self) -> u64 {
        self.0
    }

    /// The id with this number, which need not be anybody's.
    pub fn from_u64(number: u64) -> Self {
        Self(number)
    }
}

impl FromStr for ClientId {
    type Err = ParseIntError;

    fn from_str(number: &str) -> Result<Self, ParseIntError> {
        number.parse().map(Self)
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_tells_its_worker_and_is_given_once() {
        let mut given = std::collections::HashSet::new();
        for worker in 0..3 {
            for serial in 1..100 {
                let id = ClientId::new(serial, worker, 3);
                assert_eq!(id.worker(3), worker);
                assert!(given.insert(id));
            }
        }
    }
}
