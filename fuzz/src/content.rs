//! Payloads that are worth compressing, from few bytes of input.

use arbitrary::{Arbitrary, Result, Unstructured};

/// A part of a payload.
#[derive(Arbitrary, Debug)]
enum Part<'a> {
    Literal(&'a [u8]),
    Run {
        byte: u8,
        len: u16,
    },
    /// What does not compress.
    Noise {
        seed: u8,
        len: u16,
    },
    /// What came before, from so far back, as far as there is as much.
    Copy {
        distance: u16,
        len: u16,
    },
}

/// At most `most` bytes.
pub(crate) fn payload(input: &mut Unstructured<'_>, most: usize) -> Result<Vec<u8>> {
    let mut payload = Vec::new();
    for _ in 0..input.int_in_range(0..=6)? {
        append(&mut payload, input.arbitrary()?);
    }
    payload.truncate(most);
    Ok(payload)
}

fn append(payload: &mut Vec<u8>, part: Part<'_>) {
    match part {
        Part::Literal(bytes) => payload.extend(bytes),
        Part::Run { byte, len } => payload.resize(payload.len() + usize::from(len), byte),
        Part::Noise { seed, len } => {
            let mut state = u32::from(seed) | 0x100;
            payload.extend((0..len).map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            }));
        }
        Part::Copy { distance, len } => {
            let distance = usize::from(distance).clamp(1, payload.len().max(1));
            for _ in 0..len {
                let Some(&byte) = payload.get(payload.len() - distance.min(payload.len())) else {
                    break;
                };
                payload.push(byte);
            }
        }
    }
}
