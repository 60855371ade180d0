//! Frames as a client has them (RFC 6455 §5): masked when they go, and not when they come.

/// A mask as good as any: nobody is between a test and its server.
const MASK: [u8; 4] = [0x12, 0x34, 0x56, 0x78];

/// One frame that has come.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) fin: bool,
    pub(super) opcode: u8,
    pub(super) payload: Vec<u8>,
}

pub(super) const CONTINUATION: u8 = 0;
pub(super) const TEXT: u8 = 1;
pub(super) const BINARY: u8 = 2;
pub(super) const CLOSE: u8 = 8;
pub(super) const PING: u8 = 9;
pub(super) const PONG: u8 = 10;

/// A frame to send.
pub(super) fn frame(fin: bool, opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![u8::from(fin) << 7 | opcode];
    match payload.len() {
        len @ ..126 => frame.push(0x80 | len as u8),
        len @ ..65_536 => {
            frame.push(0x80 | 126);
            frame.extend((len as u16).to_be_bytes());
        }
        len => {
            frame.push(0x80 | 127);
            frame.extend((len as u64).to_be_bytes());
        }
    }
    frame.extend(MASK);
    frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

/// The payload of a CLOSE.
pub(super) fn close(code: u16, reason: &str) -> Vec<u8> {
    [&code.to_be_bytes(), reason.as_bytes()].concat()
}

/// Takes the first frame, if it is whole.
pub(super) fn take(bytes: &mut Vec<u8>) -> Option<Frame> {
    let (&first, &second) = (bytes.first()?, bytes.get(1)?);
    let (len, start) = match second & 0x7F {
        126 => (u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?) as usize, 4),
        127 => (u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?) as usize, 10),
        len => (len as usize, 2),
    };
    let payload = bytes.get(start..start + len)?.to_vec();
    bytes.drain(..start + len);
    Some(Frame { fin: first & 0x80 != 0, opcode: first & 0x0F, payload })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_taken_when_it_is_whole_and_not_before() {
        for len in [0, 1, 125, 126, 65_535, 65_536] {
            let payload = vec![7; len];
            let mut sent = frame(true, BINARY, &payload);
            // As the server would send it: without a mask.
            let start = sent.len() - len - 4;
            sent.drain(start..start + 4);
            sent[1] &= 0x7F;
            sent.truncate(start);
            sent.extend(&payload);
            let mut come = Vec::new();
            for (index, byte) in sent.iter().enumerate() {
                come.push(*byte);
                let taken = take(&mut come);
                assert_eq!(taken.is_some(), index + 1 == sent.len(), "{len}: {index}");
            }
            assert!(come.is_empty());
        }
    }
}
