//! Many small inputs in one file: each after its length, four bytes with the highest first.

/// The inputs in `pack`.
///
/// # Panics
///
/// If `pack` ends within an input.
pub fn inputs(mut pack: &[u8]) -> Vec<&[u8]> {
    let mut inputs = Vec::new();
    while let Some((len, rest)) = pack.split_first_chunk() {
        let (input, rest) = rest.split_at(u32::from_be_bytes(*len) as usize);
        inputs.push(input);
        pack = rest;
    }
    assert!(pack.is_empty(), "the pack ends within a length");
    inputs
}

/// A pack of `inputs`, the shortest first.
pub fn pack(mut inputs: Vec<Vec<u8>>) -> Vec<u8> {
    inputs.sort_by(|a, b| (a.len(), a).cmp(&(b.len(), b)));
    let mut pack = Vec::new();
    for input in inputs {
        pack.extend((input.len() as u32).to_be_bytes());
        pack.extend(input);
    }
    pack
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_packed_comes_out_shortest_first() {
        let packed = pack(vec![b"longer".to_vec(), b"".to_vec(), b"b".to_vec(), b"a".to_vec()]);
        assert_eq!(inputs(&packed), [&b""[..], b"a", b"b", b"longer"]);
    }
}
