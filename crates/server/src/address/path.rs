//! A path in its normal form: RFC 3986 §6.2.2.

use std::borrow::Cow;

/// The path that all equivalent ones become: nothing is percent-encoded that need not be, everything
/// is that must be, in upper case, and there are no dot segments.
///
/// A `%` that begins no percent-encoding stands for itself. Slashes are not touched: an empty segment
/// is a segment.
pub(crate) fn normal_path(path: &str) -> Cow<'_, str> {
    let is_plain =
        |segment: &str| segment != "." && segment != ".." && segment.bytes().all(is_pchar);
    if path.split('/').all(is_plain) {
        return Cow::Borrowed(path);
    }
    Cow::Owned(without_dot_segments(&encoded(path)))
}

/// RFC 3986 §6.2.2.1, §6.2.2.2.
pub(super) fn encoded(path: &str) -> String {
    let mut normal = String::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((&first, behind)) = rest.split_first() {
        rest = behind;
        match (first, encoded_byte(behind)) {
            (b'%', Some(byte)) => {
                rest = &behind[2..];
                if is_unreserved(byte) {
                    normal.push(byte.into());
                } else {
                    encode(byte, &mut normal);
                }
            }
            (byte, _) if byte == b'/' || is_pchar(byte) => normal.push(byte.into()),
            (byte, _) => encode(byte, &mut normal),
        }
    }
    normal
}

/// RFC 3986 §5.2.4.
pub(super) fn without_dot_segments(path: &str) -> String {
    let mut kept = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        match segment {
            "." | ".." => {
                if segment == ".." {
                    kept.pop();
                }
                if segments.peek().is_none() {
                    kept.push("");
                }
            }
            segment => kept.push(segment),
        }
    }
    format!("/{}", kept.join("/"))
}

/// Which byte these two digits behind a `%` are.
pub(super) fn encoded_byte(digits: &[u8]) -> Option<u8> {
    let digit = |at: usize| char::from(*digits.get(at)?).to_digit(16);
    Some((digit(0)? * 16 + digit(1)?) as u8)
}

/// RFC 3986 §3.3: what stands for itself in a segment.
pub(super) fn is_pchar(byte: u8) -> bool {
    is_unreserved(byte) || matches!(byte, b'!' | b'$' | b'&'..=b',' | b';' | b'=' | b':' | b'@')
}

/// RFC 3986 §2.3.
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

fn encode(byte: u8, onto: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    onto.push('%');
    onto.push(DIGITS[usize::from(byte >> 4)].into());
    onto.push(DIGITS[usize::from(byte & 15)].into());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equivalent_paths_have_one_form() {
        for (normal, spellings) in [
            ("/", &["/", "/.", "/..", "/./", "/../", "/a/..", "/%2e", "/%2E%2e/"][..]),
            ("/chat", &["/chat", "/%63hat", "/%63%68%61%74", "/./chat", "/a/../chat", "/../chat"]),
            ("/chat/", &["/chat/", "/chat/.", "/chat/a/..", "/chat/%2e"]),
            ("/a/b", &["/a/b", "/a/./b", "/a/c/../b", "/a/%2E/b", "/x/%2e%2e/a/b"]),
            ("/caf%C3%A9", &["/caf%C3%A9", "/caf%c3%a9", "/café", "/c%61f%c3%A9"]),
            ("/a%2Fb", &["/a%2Fb", "/a%2fb", "/%61%2fb"]),
            ("/a%20b", &["/a%20b", "/a b"]),
            ("/%7Bx%7D%7C", &["/{x}|", "/%7bx%7d%7c"]),
            ("/~a-b.c_d", &["/~a-b.c_d", "/%7Ea%2Db%2Ec%5Fd"]),
            ("/a:b@c;d=e,f!$&'()*+", &["/a:b@c;d=e,f!$&'()*+"]),
            ("/...", &["/...", "/%2e.%2E"]),
            ("//a", &["//a", "/./%2E//a", "//b/../a"]),
            ("/%25zz%25", &["/%25zz%25", "/%zz%", "/./%zz%25"]),
            ("/%2561", &["/%2561", "/%%36%31", "/%%361"]),
            ("/%00", &["/%00"]),
        ] {
            assert_eq!(normal_path(normal), normal);
            for spelling in spellings {
                assert_eq!(normal_path(spelling), normal, "{spelling}");
            }
        }
    }

    #[test]
    fn what_is_normal_is_not_copied() {
        for path in ["/", "/chat", "/rooms/7/", "/.well-known/x", "/a..b/.c"] {
            assert!(matches!(normal_path(path), Cow::Borrowed(_)), "{path}");
        }
    }
}
