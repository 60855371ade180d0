//! The numbers of clients.

use std::{fmt, num::ParseIntError, str::FromStr};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, Unexpected, Visitor},
};

/// A client's number. No two clients of one server ever have the same.
///
/// Serde writes and reads it as a text: JavaScript's numbers are exact up to 2^53 only.
///
/// ```
/// # use aerys::ClientId;
/// # fn main() -> Result<(), serde_json::Error> {
/// let id = ClientId::from_u64(7);
/// assert_eq!(serde_json::to_string(&id)?, r#""7""#);
/// assert_eq!(serde_json::from_str::<ClientId>(r#""7""#)?, id);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(u64);

impl ClientId {
    /// The `serial`th client of the worker `worker` among `workers`. The lowest bits are the worker's
    /// number: finding it is no division for each message.
    pub(crate) fn new(serial: u64, worker: usize, workers: usize) -> Self {
        Self(serial * workers.next_power_of_two() as u64 + worker as u64)
    }

    /// Which of `workers` drives the client. An id that is nobody's may be of any.
    #[inline]
    pub(crate) fn worker(self, workers: usize) -> usize {
        let worker = self.0 & (workers.next_power_of_two() as u64 - 1);
        (worker as usize).min(workers - 1)
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

impl Serialize for ClientId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ClientId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(InText)
    }
}

struct InText;

impl Visitor<'_> for InText {
    type Value = ClientId;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a client's number as a text")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<ClientId, E> {
        text.parse().map_err(|_| E::invalid_value(Unexpected::Str(text), &self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_text_to_serde_also_as_a_key() {
        let id = ClientId(u64::MAX);
        let seats = std::collections::HashMap::from([(id, id)]);
        let json = serde_json::to_string(&seats).unwrap();
        assert_eq!(json, r#"{"18446744073709551615":"18446744073709551615"}"#);
        assert_eq!(serde_json::from_str::<std::collections::HashMap<_, _>>(&json).unwrap(), seats);
        for json in ["7", r#""""#, r#""-1""#, r#""18446744073709551616""#, "null"] {
            assert!(serde_json::from_str::<ClientId>(json).is_err(), "{json}");
        }
    }

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
        for nobody in [0, 3, 7, u64::MAX].map(ClientId) {
            assert!(nobody.worker(3) < 3);
        }
    }
}
