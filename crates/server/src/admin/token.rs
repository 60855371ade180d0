//! What whoever is let in has to know.

use std::hint;

use crate::error::ServerError;

/// How long a token is that somebody has chosen, at least.
const SHORTEST_TOKEN: usize = 16;

/// Those that a token may have beside letters and digits: which stand for themselves in a subprotocol (RFC 9110 §5.6.2),
/// in `Authorization: Bearer` (RFC 6750 §2.1), and in a URL's fragment (RFC 3986 §3.5).
const SIGNS: &[u8] = b"-._~+";

/// Of URL-safe Base64 (RFC 4648 §5).
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// How long a token is that nobody has chosen: six bits each, so 132.
const RANDOM_LENGTH: usize = 22;

#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Token {
    text: String,
    is_given: bool,
}

impl Token {
    /// What was given, or else a random one.
    pub(crate) fn new(given: Option<String>) -> Result<Self, ServerError> {
        match given {
            Some(text) => match complaint(&text) {
                None => Ok(Self { text, is_given: true }),
                Some(problem) => Err(ServerError::AdminPageToken { problem }),
            },
            None => Self::random(),
        }
    }

    fn random() -> Result<Self, ServerError> {
        let mut bytes = [0; RANDOM_LENGTH];
        getrandom::fill(&mut bytes).map_err(|error| ServerError::System(error.into()))?;
        let text = bytes.map(|byte| char::from(ALPHABET[usize::from(byte % 64)]));
        Ok(Self { text: text.into_iter().collect(), is_given: false })
    }

    /// Whether it is this one. How long that takes tells nothing but whether it is as long.
    pub(super) fn is(&self, other: &str) -> bool {
        let (own, other) = (self.text.as_bytes(), other.as_bytes());
        let differing = own.iter().zip(other).fold(0, |all, (a, b)| hint::black_box(all | (a ^ b)));
        own.len() == other.len() && differing == 0
    }

    /// The end of a URL by which a page learns of it; empty if somebody has chosen it, and knows it anyway.
    pub(crate) fn fragment(&self) -> String {
        if self.is_given { String::new() } else { format!("#token={}", self.text) }
    }
}

/// Why a text cannot be one.
pub(crate) fn complaint(text: &str) -> Option<&'static str> {
    if text.len() < SHORTEST_TOKEN {
        return Some(
            "is shorter than 16 characters: write a longer one, as by `openssl rand -hex 16`",
        );
    }
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || SIGNS.contains(byte);
    (!text.as_bytes().iter().all(is_plain)).then_some(
        "has other characters than letters, digits and -._~+, which headers do not take: write one without, \
         as by `openssl rand -hex 16`",
    )
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn given(text: &str) -> Token {
        Token::new(Some(text.to_owned())).unwrap()
    }

    #[test]
    fn one_is_told_from_all_others() {
        let token = given("0123456789abcdef");
        assert!(token.is("0123456789abcdef"));
        for other in ["", "0", "0123456789abcdeF", "1123456789abcdef", "0123456789abcdef0"] {
            assert!(!token.is(other), "{other}");
        }
    }

    #[test]
    fn a_random_one_is_long_and_never_the_same_and_would_do_for_one_that_is_chosen() {
        let tokens: Vec<_> = (0..1000).map(|_| Token::new(None).unwrap()).collect();
        assert!(tokens.iter().all(|it| it.text.len() == 22 && complaint(&it.text).is_none()));
        assert_eq!(tokens.iter().map(|it| &it.text).collect::<HashSet<_>>().len(), 1000);
        let characters: HashSet<_> = tokens.iter().flat_map(|it| it.text.chars()).collect();
        assert_eq!(characters.len(), 64);
    }

    #[test]
    fn what_is_short_or_no_header_takes_is_refused() {
        for (text, end) in [
            ("", "shorter"),
            ("0123456789abcde", "shorter"),
            ("0123456789abcde=", "other characters"),
            ("0123456789 abcdef", "other characters"),
            ("0123456789abcdeé", "other characters"),
        ] {
            let error = Token::new(Some(text.to_owned())).err().unwrap().to_string();
            assert!(error.contains(end), "{text}: {error}");
            assert!(text.is_empty() || !error.contains(text), "{error}");
        }
        assert!(given("-._~+ABCxyz01234").fragment().is_empty());
    }
}
