//! An outgoing frame: RFC 6455 §5.2.

use bytes::Bytes;

use crate::header::Start;

const MAX_SENT_HEADER: usize = 10;

/// One frame to write to the socket: first [`header`](Self::header), then
/// [`payload`](Self::payload).
///
/// They are kept apart so that a payload is written from where the message has it.
#[derive(Clone, Debug)]
#[must_use = "write its header and its payload to the socket"]
pub struct Frame {
    header: [u8; MAX_SENT_HEADER],
    header_len: u8,
    payload: Bytes,
}

impl Frame {
    #[inline]
    pub(crate) fn new(start: Start, payload: Bytes) -> Self {
        let mut header = [0; MAX_SENT_HEADER];
        header[0] = start.byte();
        // RFC 6455 §5.2: "the minimal number of bytes MUST be used to encode the length".
        // §5.1: "A server MUST NOT mask any frames".
        let header_len = match payload.len() {
            len @ ..=125 => {
                header[1] = len as u8;
                2
            }
            len @ 126..=0xffff => {
                header[1] = 126;
                header[2..4].copy_from_slice(&(len as u16).to_be_bytes());
                4
            }
            len => {
                header[1] = 127;
                header[2..10].copy_from_slice(&(len as u64).to_be_bytes());
                10
            }
        };
        Self { header, header_len, payload }
    }

    /// The header: 2, 4 or 10 bytes.
    #[inline]
    pub fn header(&self) -> &[u8] {
        &self.header[..self.header_len.into()]
    }

    /// The payload.
    #[inline]
    pub fn payload(&self) -> &Bytes {
        &self.payload
    }

    /// Whether it is the first, or only, one of a message that is compressed (RFC 7692 §6).
    pub fn is_compressed(&self) -> bool {
        self.header[0] & 0x40 != 0
    }

    /// Whether it is a control frame (RFC 6455 §5.5).
    pub fn is_control(&self) -> bool {
        self.header[0] & 0x08 != 0
    }

    /// The payload, to keep it when the header has been written.
    pub fn into_payload(self) -> Bytes {
        self.payload
    }

    /// The length of header and payload together, in bytes; never 0.
    #[expect(clippy::len_without_is_empty, reason = "a frame is at least its header")]
    #[inline]
    pub fn len(&self) -> usize {
        self.header().len() + self.payload.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::header::Opcode;

    const BINARY: Start = Start { fin: true, compressed: false, opcode: Opcode::Binary };

    #[test]
    fn lengths_are_encoded_in_as_few_bytes_as_possible() {
        let cases: &[(usize, &[u8])] = &[
            (0, &[0x82, 0]),
            (125, &[0x82, 125]),
            (126, &[0x82, 126, 0, 126]),
            (0xffff, &[0x82, 126, 0xff, 0xff]),
            (0x10000, &[0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ];
        for (len, header) in cases {
            let frame = Frame::new(BINARY, vec![0; *len].into());
            assert_eq!(frame.header(), *header);
            assert_eq!(frame.len(), header.len() + len);
        }
    }

    #[test]
    fn flags_and_opcode_share_the_first_byte() {
        let first = |fin, compressed, opcode| {
            Frame::new(Start { fin, compressed, opcode }, Bytes::new()).header()[0]
        };
        assert_eq!(first(true, false, Opcode::Pong), 0x8a);
        assert_eq!(first(false, false, Opcode::Text), 0x01);
        assert_eq!(first(true, true, Opcode::Binary), 0xc2);
        assert_eq!(first(true, false, Opcode::Continuation), 0x80);
    }
}
