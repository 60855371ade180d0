//! Pongs that are due: RFC 6455 §5.5.3.

use bytes::Bytes;

const MAX_COUNT: u8 = 128;

/// The payloads of the pings that have not been answered yet, in order, each after its length.
///
/// Bounded, so that a peer that pings and does not read costs no more than 16 KiB. Empty, it owns
/// no memory.
#[derive(Debug, Default)]
pub(super) struct Pongs {
    payloads: Vec<u8>,
    count: u8,
    newest_len: u8,
}

impl Pongs {
    /// Adds the answer to a ping, or replaces the newest if there are too many: RFC 6455 §5.5.3,
    /// "the endpoint MAY elect to send a Pong frame for only the most recently processed Ping
    /// frame".
    pub(super) fn push(&mut self, payload: &[u8]) {
        if self.count == MAX_COUNT {
            self.payloads.truncate(self.payloads.len() - 1 - usize::from(self.newest_len));
        } else {
            self.count += 1;
        }
        // RFC 6455 §5.5: a control frame's payload has at most 125 bytes.
        self.newest_len = payload.len() as u8;
        self.payloads.push(self.newest_len);
        self.payloads.extend_from_slice(payload);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Takes the oldest.
    pub(super) fn pop(&mut self) -> Option<Bytes> {
        let (&len, rest) = self.payloads.split_first()?;
        let payload = Bytes::copy_from_slice(&rest[..len.into()]);
        self.count -= 1;
        if self.count == 0 {
            *self = Self::default();
        } else {
            self.payloads.drain(..1 + payload.len());
        }
        Some(payload)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drain(pongs: &mut Pongs) -> Vec<Bytes> {
        std::iter::from_fn(|| pongs.pop()).collect()
    }

    #[test]
    fn pongs_come_out_as_the_pings_came_in() {
        let mut pongs = Pongs::default();
        for payload in [&b"one"[..], b"", &[7; 125]] {
            pongs.push(payload);
        }
        assert_eq!(drain(&mut pongs), [&b"one"[..], b"", &[7; 125]]);
        assert_eq!(pongs.payloads.capacity(), 0);
    }

    #[test]
    fn past_the_bound_the_newest_replaces_the_last() {
        let mut pongs = Pongs::default();
        for number in 0..200_u8 {
            pongs.push(&vec![number; usize::from(number) % 100]);
        }
        let payloads = drain(&mut pongs);
        assert_eq!(payloads.len(), 128);
        assert_eq!(payloads[126], vec![126; 26]);
        assert_eq!(payloads[127], vec![199; 99]);
    }
}
