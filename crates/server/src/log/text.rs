//! What others have said, as it is fit for a line: escaped, and cut short.

use std::{
    char::REPLACEMENT_CHARACTER as REPLACED,
    fmt::{self, Display, Formatter, Write},
    str::Utf8Chunk,
};

/// How much of what a peer said is shown, in bytes.
const SAID: usize = 200;

/// What stands for the rest.
const CUT: char = '…';

/// How much of an application's error or panic is shown, in bytes.
const BRIEF: usize = 1000;

/// What a peer said, in quotes.
pub(crate) struct PeerText<'t>(pub(crate) &'t [u8]);

/// An application's own words, which may repeat a peer's.
pub(crate) struct Brief<T>(pub(crate) T);

impl Display for PeerText<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        let mut cut = Cut { to: f, left: SAID, is_quoted: true };
        let whole = self.0.utf8_chunks().try_for_each(|chunk| {
            cut.write_str(chunk.valid())?;
            chunk.invalid().iter().try_for_each(|byte| cut.put(&format!("\\x{byte:02x}")))
        });
        match whole {
            Ok(()) => f.write_char('"'),
            Err(fmt::Error) => write!(f, "…\" ({} bytes)", self.0.len()),
        }
    }
}

impl<T: Display> Display for Brief<T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let whole = write!(Cut { to: f, left: BRIEF, is_quoted: false }, "{}", self.0);
        if whole.is_err() { f.write_char('…') } else { Ok(()) }
    }
}

/// What a peer said as a field of its own, which whoever writes the line puts in quotes: on one line, and cut short. A
/// character that could not be seen is replaced, as is what is no UTF-8.
pub(crate) fn plain_text(said: &[u8]) -> String {
    let mut text = String::with_capacity(said.len().min(SAID + CUT.len_utf8()));
    for char in said.utf8_chunks().flat_map(chars) {
        if text.len() + char.len_utf8() > SAID {
            text.push(CUT);
            break;
        }
        text.push(char);
    }
    text
}

fn chars(chunk: Utf8Chunk<'_>) -> impl Iterator<Item = char> {
    let is_invalid = !chunk.invalid().is_empty();
    let valid = chunk.valid().chars().map(|char| if is_shown(char) { char } else { REPLACED });
    valid.chain(is_invalid.then_some(REPLACED))
}

/// Whether it is one that a debugger shows as it is: no control, nothing invisible, and nothing that turns the direction
/// of what is behind it.
fn is_shown(char: char) -> bool {
    matches!(char, '"' | '\'' | '\\') || char.escape_debug().len() == 1
}

/// Escapes what would break a line, and fails when there is no room left: what is being formatted
/// then goes no further.
struct Cut<'a, 'f> {
    to: &'a mut Formatter<'f>,
    left: usize,
    /// Whether a quotation mark would end what is shown.
    is_quoted: bool,
}

impl Cut<'_, '_> {
    fn put(&mut self, text: &str) -> fmt::Result {
        self.left = self.left.checked_sub(text.len()).ok_or(fmt::Error)?;
        self.to.write_str(text)
    }
}

impl Write for Cut<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut utf8 = [0; 4];
        text.chars().try_for_each(|char| match char {
            '\'' => self.put("'"),
            '"' if !self.is_quoted => self.put("\""),
            // Controls, and also what is invisible or turns the direction of what is behind it.
            _ => char.escape_debug().try_for_each(|it| self.put(it.encode_utf8(&mut utf8))),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_peer_says_is_escaped_and_cut_short() {
        for (said, shown) in [
            (&b""[..], r#""""#),
            ("grüß dich".as_bytes(), r#""grüß dich""#),
            (b"a\r\nERROR b\x1b[31m\0", r#""a\r\nERROR b\u{1b}[31m\0""#),
            (b"it's \" by=\"me", r#""it's \" by=\"me""#),
            (b"\xff\xc3", r#""\xff\xc3""#),
            ("\u{202e}".as_bytes(), r#""\u{202e}""#),
        ] {
            assert_eq!(PeerText(said).to_string(), shown);
        }
        for said in [&[b'a'; 7000][..], &[0xff; 7000], &[b'\n'; 7000]] {
            let shown = PeerText(said).to_string();
            assert!(shown.ends_with("…\" (7000 bytes)"), "{shown}");
            assert!((SAID - 4..SAID + 24).contains(&shown.len()), "{shown}");
        }
    }

    #[test]
    fn what_is_a_field_of_its_own_is_on_one_line_and_cut_short() {
        for (said, shown) in [
            (&b""[..], ""),
            ("grüß \"dich\" \\ it's".as_bytes(), "grüß \"dich\" \\ it's"),
            (b"a\r\nERROR b\x1b[31m\0\t", "a\u{fffd}\u{fffd}ERROR b\u{fffd}[31m\u{fffd}\u{fffd}"),
            (b"\xff-\xc3", "\u{fffd}-\u{fffd}"),
            ("\u{202e}\u{2028}\u{feff}".as_bytes(), "\u{fffd}\u{fffd}\u{fffd}"),
        ] {
            assert_eq!(plain_text(said), shown);
        }
        assert_eq!(plain_text(&[b'a'; SAID]), "a".repeat(SAID));
        for said in [&[b'a'; 7000][..], &[0xff; 7000], "ß".repeat(3500).as_bytes()] {
            let shown = plain_text(said);
            assert!(shown.ends_with(CUT) && (SAID..SAID + 4).contains(&shown.len()), "{shown}");
        }
    }

    #[test]
    fn an_application_s_words_are_kept_on_one_line_of_a_bounded_length() {
        assert_eq!(Brief("it's \"all\"\nwell").to_string(), "it's \"all\"\\nwell");
        assert_eq!(Brief("a".repeat(BRIEF)).to_string(), "a".repeat(BRIEF));
        assert_eq!(Brief("a".repeat(BRIEF + 1)).to_string(), "a".repeat(BRIEF) + "…");
    }
}
