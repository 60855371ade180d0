//! A client that compresses by the rules, in every way that they allow: RFC 7692 §7.2.1.

use arbitrary::Arbitrary;
use flate2::{Compress, Compression, FlushCompress, Status};

use crate::wire::{CONTINUATION, FIN, PING, frame};

/// A client's compressor, which may end streams and go on in their window.
pub(crate) struct Compressor {
    state: Compress,
    level: u32,
    bits: u8,
    /// What has been compressed since it last [forgot](Self::forget).
    said: Vec<u8>,
}

impl Compressor {
    pub(crate) fn new(level: u32, bits: u8) -> Self {
        Self { state: compress(level, bits), level, bits, said: Vec::new() }
    }

    /// Nothing refers to what was before.
    pub(crate) fn forget(&mut self) {
        self.state.reset();
        self.said.clear();
    }

    fn step(&mut self, input: &[u8], flush: FlushCompress, output: &mut Vec<u8>) {
        step(&mut self.state, input, flush, output);
        self.said.extend(input);
    }

    /// Ends the stream after `input`; what follows refers to what is before, if that `goes_on`.
    fn finish(&mut self, input: &[u8], goes_on: bool, output: &mut Vec<u8>) {
        self.step(input, FlushCompress::Finish, output);
        self.state = compress(self.level, self.bits);
        if goes_on && !self.said.is_empty() {
            let window = self.said.len().saturating_sub(1 << self.bits);
            self.state.set_dictionary(&self.said[window..]).expect("it has compressed nothing");
        }
    }
}

fn compress(level: u32, bits: u8) -> Compress {
    Compress::new_with_window_bits(Compression::new(level), false, bits)
}

/// How a client sends a message.
#[derive(Arbitrary, Debug)]
pub(crate) struct Style {
    /// RFC 7692 §6: compressed and other messages may follow each other.
    pub(crate) plain: bool,
    /// RFC 7692 §7.2.3.4: some end with a final block.
    end: u8,
    /// RFC 7692 §7.2.3.5: in more than one block, flushed or ended at these places.
    flushes: [u16; 2],
    /// Where its frames end.
    pub(crate) cuts: [u16; 3],
}

impl Style {
    /// Ends in a final block.
    fn finish(&self) -> bool {
        self.end % 4 < 2
    }

    /// Leaves out the octet that should follow a final block.
    fn is_terse(&self) -> bool {
        self.end % 4 == 1
    }

    /// Refers to what is before a final block: RFC 7692 §7.2.2.
    fn goes_on(&self) -> bool {
        self.end % 8 < 4
    }

    /// RFC 7692 §7.2.1.
    pub(crate) fn compress(&self, client: &mut Compressor, message: &[u8]) -> Vec<u8> {
        let mut output = Vec::new();
        let mut start = 0;
        let mut flushes = self.flushes.map(usize::from);
        flushes.sort_unstable();
        for end in flushes.into_iter().filter(|end| *end < message.len()) {
            let piece = &message[start..end];
            match end % 4 {
                0 | 2 => client.step(piece, FlushCompress::Sync, &mut output),
                1 => client.step(piece, FlushCompress::Full, &mut output),
                _ => client.finish(piece, self.goes_on(), &mut output),
            }
            start = end;
        }
        if self.finish() {
            client.finish(&message[start..], self.goes_on(), &mut output);
            // RFC 7692 §7.2.3.4: of "an empty DEFLATE block with no compression" that follows a
            // final one, this octet is left once the end is taken off.
            if !self.is_terse() {
                output.push(0x00);
            }
            return output;
        }
        client.step(&message[start..], FlushCompress::Sync, &mut output);
        if output.is_empty() {
            // RFC 7692 §7.2.3.6: what is left of an empty block, where there was nothing to flush.
            return vec![0x00];
        }
        without_tail(output)
    }
}

fn without_tail(mut output: Vec<u8>) -> Vec<u8> {
    assert!(output.ends_with(TAIL), "a flush ends like this");
    output.truncate(output.len() - TAIL.len());
    output
}

fn step(state: &mut Compress, mut input: &[u8], flush: FlushCompress, output: &mut Vec<u8>) {
    loop {
        output.reserve(0x1_0000);
        let before = state.total_in();
        let room = output.capacity() - output.len();
        let made = output.len();
        let status = state.compress_vec(input, output, flush).expect("any bytes can be compressed");
        input = &input[(state.total_in() - before) as usize..];
        let is_full = output.len() - made == room;
        let is_done = match flush {
            FlushCompress::Finish => status == Status::StreamEnd,
            _ => input.is_empty() && !is_full,
        };
        if is_done {
            return;
        }
    }
}

/// The frames of a message, with a ping after each but the last.
pub(crate) fn fragments(first: u8, key: [u8; 4], payload: &[u8], cuts: &[u16]) -> Vec<u8> {
    let mut ends: Vec<_> = cuts.iter().map(|cut| usize::from(*cut)).collect();
    ends.retain(|end| *end <= payload.len());
    ends.sort_unstable();
    let mut bytes = Vec::new();
    let (mut start, mut first) = (0, first);
    for end in ends {
        bytes.extend(frame(first, key, &payload[start..end]));
        bytes.extend(frame(FIN | PING, key, b"ping"));
        (start, first) = (end, CONTINUATION);
    }
    bytes.extend(frame(FIN | first, key, &payload[start..]));
    bytes
}

/// RFC 7692 §7.2.1.
const TAIL: &[u8] = &[0x00, 0x00, 0xff, 0xff];
