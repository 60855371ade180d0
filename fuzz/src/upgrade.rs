//! Any request against the rules of RFC 6455 §4.2.1, stated a second time.

use aerys_proto::upgrade::{self, UpgradeError};
use arbitrary::{Arbitrary, Result, Unstructured};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Version};

/// A method, a version and headers.
pub fn upgrade(data: &[u8]) {
    if let Ok(request) = Request::arbitrary(&mut Unstructured::new(data)) {
        let answer = upgrade::check(&request.method, request.version, &request.headers);
        match (&answer, request.fault()) {
            (Ok(accept), Ok(key)) => assert_eq!(accept.header_value(), accept_value(&key)),
            (Err(error), Err(fault)) => {
                assert_eq!(fault_of(error), fault);
                assert!(!error.to_string().is_empty());
            }
            (_, expected) => panic!("expected {expected:?}: {answer:?}, {request:?}"),
        }
    }
}

#[derive(Debug)]
struct Request {
    method: Method,
    version: Version,
    headers: HeaderMap,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Connect,
    Method,
    Http,
    Upgrade,
    Connection,
    NoVersion,
    Version,
    NoKey,
    ManyKeys,
    Key,
}

impl<'a> Arbitrary<'a> for Request {
    fn arbitrary(input: &mut Unstructured<'a>) -> Result<Self> {
        let [method, version] = input.arbitrary()?;
        let method = match method {
            0..=199 => Method::GET,
            200..=209 => Method::POST,
            210..=219 => Method::CONNECT,
            _ => Method::from_bytes(short(input)?).unwrap_or(Method::HEAD),
        };
        let version = match version {
            0..=199 => Version::HTTP_11,
            200..=215 => Version::HTTP_10,
            216..=230 => Version::HTTP_2,
            231..=240 => Version::HTTP_09,
            _ => Version::HTTP_3,
        };
        let mut headers = HeaderMap::new();
        while !input.is_empty() && headers.len() < 30 {
            let kind: u8 = input.arbitrary()?;
            let Some((name, usual)) = USUAL.get(usize::from(kind >> 4)) else {
                let name = HeaderName::from_bytes(short(input)?);
                let value = HeaderValue::from_bytes(short(input)?);
                if let (Ok(name), Ok(value)) = (name, value) {
                    headers.append(name, value);
                }
                continue;
            };
            let value = match kind & 0b11 {
                0 | 1 => usual.as_bytes().to_vec(),
                2 => short(input)?.to_vec(),
                // The usual value with something put over a part of it.
                _ => {
                    let at = usize::from(input.arbitrary::<u8>()?).min(usual.len());
                    let cut = usize::from(input.arbitrary::<u8>()? % 4).min(usual.len() - at);
                    [&usual.as_bytes()[..at], short(input)?, &usual.as_bytes()[at + cut..]].concat()
                }
            };
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                headers.append(*name, value);
            }
        }
        Ok(Self { method, version, headers })
    }
}

/// A few bytes, of which the first says how many.
fn short<'a>(input: &mut Unstructured<'a>) -> Result<&'a [u8]> {
    let len = usize::from(input.arbitrary::<u8>()? % 40);
    input.bytes(len.min(input.len()))
}

const USUAL: &[(&str, &str)] = &[
    ("upgrade", "websocket"),
    ("upgrade", "h2c , WebSocket"),
    ("connection", "Upgrade"),
    ("connection", "keep-alive,\tupgrade"),
    ("sec-websocket-version", "13"),
    ("sec-websocket-version", "8"),
    ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ("sec-websocket-key", "AAAAAAAAAAAAAAAAAAAAAB=="),
    ("host", "example.com"),
];

impl Request {
    /// The key of a request for a websocket, or the first rule that it breaks.
    fn fault(&self) -> std::result::Result<Vec<u8>, Fault> {
        let require = |rule: bool, fault| rule.then_some(()).ok_or(fault);
        require(!matches!(self.version, Version::HTTP_2 | Version::HTTP_3), Fault::Connect)?;
        require(self.method.as_str() == "GET", Fault::Method)?;
        require(!matches!(self.version, Version::HTTP_09 | Version::HTTP_10), Fault::Http)?;
        require(self.lists("upgrade").contains(&b"websocket".to_vec()), Fault::Upgrade)?;
        require(self.lists("connection").contains(&b"upgrade".to_vec()), Fault::Connection)?;
        let versions = self.values("sec-websocket-version");
        require(!versions.is_empty(), Fault::NoVersion)?;
        require(versions.iter().all(|version| version == b"13"), Fault::Version)?;
        match &self.values("sec-websocket-key")[..] {
            [] => Err(Fault::NoKey),
            [key] if is_key(key) => Ok(key.clone()),
            [_] => Err(Fault::Key),
            _ => Err(Fault::ManyKeys),
        }
    }

    /// The values of a header, without the whitespace around them.
    fn values(&self, name: &str) -> Vec<Vec<u8>> {
        let values = self.headers.iter().filter(|(it, _)| it.as_str() == name);
        values.map(|(_, value)| trimmed(value.as_bytes())).collect()
    }

    /// The elements of the lists in a header, in lower case.
    fn lists(&self, name: &str) -> Vec<Vec<u8>> {
        let line = self.values(name).join(&b","[..]).to_ascii_lowercase();
        line.split(|byte| *byte == b',').map(trimmed).collect()
    }
}

/// RFC 9110 §5.6.3: optional whitespace is spaces and tabs.
fn trimmed(bytes: &[u8]) -> Vec<u8> {
    let is_blank = |byte: &u8| *byte == b' ' || *byte == b'\t';
    let start = bytes.iter().take_while(|byte| is_blank(byte)).count();
    let end = bytes[start..].iter().rev().take_while(|byte| is_blank(byte)).count();
    bytes[start..bytes.len() - end].to_vec()
}

/// RFC 4648 §4: 16 bytes are 22 digits of 6 bits, the last 4 of them unused, and two of padding.
fn is_key(key: &[u8]) -> bool {
    let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/".contains(byte);
    key.strip_suffix(b"==").is_some_and(|digits| digits.len() == 22 && digits.iter().all(is_digit))
}

fn fault_of(error: &UpgradeError) -> Fault {
    match error {
        UpgradeError::ConnectNeeded => Fault::Connect,
        UpgradeError::ProtocolUnknown => panic!("there is no protocol without an extended CONNECT"),
        UpgradeError::MethodNotGet { .. } => Fault::Method,
        UpgradeError::HttpTooOld { .. } => Fault::Http,
        UpgradeError::UpgradeMissing => Fault::Upgrade,
        UpgradeError::ConnectionMissing => Fault::Connection,
        UpgradeError::VersionMissing => Fault::NoVersion,
        UpgradeError::VersionUnsupported { .. } => Fault::Version,
        UpgradeError::KeyMissing => Fault::NoKey,
        UpgradeError::KeyRepeated => Fault::ManyKeys,
        UpgradeError::KeyInvalid => Fault::Key,
    }
}

/// RFC 6455 §4.2.2.
fn accept_value(key: &[u8]) -> String {
    let hash = sha1(&[key, b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"].concat());
    base64(&hash)
}

/// RFC 3174 §6.1.
fn sha1(message: &[u8]) -> [u8; 20] {
    let mut padded = message.to_vec();
    padded.push(0x80);
    while padded.len() % 64 != 56 {
        padded.push(0);
    }
    padded.extend((message.len() as u64 * 8).to_be_bytes());

    let mut hash = [0x6745_2301_u32, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];
    for block in padded.chunks_exact(64) {
        let mut words = [0_u32; 80];
        for (word, bytes) in words.iter_mut().zip(block.chunks_exact(4)) {
            *word = u32::from_be_bytes(bytes.try_into().expect("four bytes"));
        }
        for t in 16..80 {
            let mixed = words[t - 3] ^ words[t - 8] ^ words[t - 14] ^ words[t - 16];
            words[t] = mixed.rotate_left(1);
        }
        let [mut a, mut b, mut c, mut d, mut e] = hash;
        for (t, word) in words.iter().enumerate() {
            let (f, k) = match t {
                0..20 => (b & c | !b & d, 0x5a82_7999_u32),
                20..40 => (b ^ c ^ d, 0x6ed9_eba1),
                40..60 => (b & c | b & d | c & d, 0x8f1b_bcdc),
                _ => (b ^ c ^ d, 0xca62_c1d6),
            };
            let next = [a.rotate_left(5), f, e, *word, k].into_iter().fold(0, u32::wrapping_add);
            (a, b, c, d, e) = (next, a, b.rotate_left(30), c, d);
        }
        for (sum, word) in hash.iter_mut().zip([a, b, c, d, e]) {
            *sum = sum.wrapping_add(word);
        }
    }
    let mut bytes = [0; 20];
    for (bytes, word) in bytes.chunks_exact_mut(4).zip(hash) {
        bytes.copy_from_slice(&word.to_be_bytes());
    }
    bytes
}

/// RFC 4648 §4.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let all = (0..3).fold(0, |all, i| all << 8 | u32::from(three.get(i).copied().unwrap_or(0)));
        for digit in 0..4 {
            if digit <= three.len() {
                let bits = all >> (18 - 6 * digit) & 63;
                text.push(char::from(DIGITS[bits as usize]));
            } else {
                text.push('=');
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_of_the_rfc_is_accepted() {
        assert_eq!(accept_value(b"dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }
}
