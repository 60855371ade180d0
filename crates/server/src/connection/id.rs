//! The numbers of clients.

use std::{fmt, num::ParseIntError, str::FromStr};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, Unexpected, Visitor},
};

/// A client's number. No two clients of one server ever have the same, nor, in all probability, two of a
/// [`Cluster`](crate::Cluster): there the number of the node that it came to is in it, and it stays below 2^53.
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

/// How many bits of an id are not its node's.
const NODE_SHIFT: u32 = 31;

impl ClientId {
    /// The largest number of a node.
    pub(crate) const MAX_NODE: u32 = (1 << 22) - 1;

    /// The `serial`th client of the worker `worker` among `workers`. The lowest bits are the worker's
    /// number: finding it is no division for each message.
    pub(crate) fn new(serial: u64, worker: usize, workers: usize) -> Self {
        Self(serial * workers.next_power_of_two() as u64 + worker as u64)
    }

    /// The same as a client of a node of a cluster. The 2^31st client of all its workers has the number of the first.
    pub(crate) fn on_node(self, node: u32) -> Self {
        Self(u64::from(node) << NODE_SHIFT | self.0 & ((1 << NODE_SHIFT) - 1))
    }

    /// The number of its node.
    pub(crate) fn node(self) -> u32 {
        (self.0 >> NODE_SHIFT) as u32 & Self::MAX_NODE
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
        let of_node = given.iter().map(|id| id.on_node(ClientId::MAX_NODE));
        let of_node: std::collections::HashSet<_> = of_node.collect();
        assert!(of_node.len() == given.len() && of_node.is_disjoint(&given));
        assert!(of_node.iter().all(|id| id.as_u64() < 1 << 53));
        for nobody in [0, 3, 7, u64::MAX].map(ClientId) {
            assert!(nobody.worker(3) < 3);
        }
    }
}
