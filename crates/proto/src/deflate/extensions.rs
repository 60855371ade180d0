//! The grammar of `Sec-WebSocket-Extensions`: RFC 6455 §9.1.
//!
//! ```text
//! extension-list  = 1#extension
//! extension       = extension-token *( ";" extension-param )
//! extension-param = token [ "=" (token | quoted-string) ]
//! ```

use std::borrow::Cow;

use http::header;

use crate::{Fields, upgrade::is_token_byte};

/// One element of the list, in the order of the headers.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Extension<'h> {
    pub(super) name: &'h [u8],
    pub(super) params: Vec<Param<'h>>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Param<'h> {
    pub(super) name: &'h [u8],
    pub(super) value: Option<Cow<'h, [u8]>>,
}

/// What a client offers. A line that is not of the grammar offers nothing.
pub(super) fn offered(fields: &impl Fields) -> impl Iterator<Item = Extension<'_>> {
    let lines = fields.values_of(header::SEC_WEBSOCKET_EXTENSIONS);
    lines.flat_map(|line| parse(line).unwrap_or_default())
}

fn parse(line: &[u8]) -> Option<Vec<Extension<'_>>> {
    let mut scanner = Scanner { rest: line };
    let mut list = Vec::new();
    loop {
        // RFC 9110 §5.6.1.2: a recipient must "parse and ignore a reasonable number of empty list
        // elements".
        while scanner.eat(b',') {}
        if scanner.is_at_end() {
            return Some(list);
        }
        list.push(scanner.extension()?);
        if !scanner.is_at_end() && !scanner.eat(b',') {
            return None;
        }
    }
}

/// What is left of a line.
struct Scanner<'h> {
    rest: &'h [u8],
}

impl<'h> Scanner<'h> {
    fn extension(&mut self) -> Option<Extension<'h>> {
        let name = self.token()?;
        let mut params = Vec::new();
        while self.eat(b';') {
            params.push(self.param()?);
        }
        Some(Extension { name, params })
    }

    fn param(&mut self) -> Option<Param<'h>> {
        let name = self.token()?;
        let value = if !self.eat(b'=') {
            None
        } else if self.eat(b'"') {
            Some(Cow::Owned(self.quoted()?))
        } else {
            Some(Cow::Borrowed(self.token()?))
        };
        Some(Param { name, value })
    }

    fn token(&mut self) -> Option<&'h [u8]> {
        self.skip_whitespace();
        let end =
            self.rest.iter().position(|byte| !is_token_byte(*byte)).unwrap_or(self.rest.len());
        let (token, rest) = self.rest.split_at(end);
        self.rest = rest;
        Some(token).filter(|token| !token.is_empty())
    }

    /// The rest of a quoted string. RFC 6455 §9.1: "the value after quoted-string unescaping MUST
    /// conform to the 'token' ABNF".
    fn quoted(&mut self) -> Option<Vec<u8>> {
        let mut value = Vec::new();
        loop {
            let (&byte, rest) = self.rest.split_first()?;
            self.rest = rest;
            let byte = match byte {
                b'"' => return Some(value).filter(|value| !value.is_empty()),
                b'\\' => {
                    let (&escaped, rest) = self.rest.split_first()?;
                    self.rest = rest;
                    escaped
                }
                byte => byte,
            };
            if !is_token_byte(byte) {
                return None;
            }
            value.push(byte);
        }
    }

    fn eat(&mut self, byte: u8) -> bool {
        self.skip_whitespace();
        let rest = self.rest.strip_prefix(&[byte]);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn is_at_end(&mut self) -> bool {
        self.skip_whitespace();
        self.rest.is_empty()
    }

    fn skip_whitespace(&mut self) {
        while let [b' ' | b'\t', rest @ ..] = self.rest {
            self.rest = rest;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extension<'h>(name: &'h str, params: &[(&'h str, Option<&'h str>)]) -> Extension<'h> {
        let param = |&(name, value): &(&'h str, Option<&'h str>)| Param {
            name: name.as_bytes(),
            value: value.map(|value| Cow::Borrowed(value.as_bytes())),
        };
        Extension { name: name.as_bytes(), params: params.iter().map(param).collect() }
    }

    #[test]
    fn a_list_is_read_in_its_order() {
        let cases = [
            ("", vec![]),
            (" , ,", vec![]),
            ("a", vec![extension("a", &[])]),
            ("a,,b ,", vec![extension("a", &[]), extension("b", &[])]),
            ("a;x", vec![extension("a", &[("x", None)])]),
            (
                " a ; x = 1;y\t, b;x=2",
                vec![
                    extension("a", &[("x", Some("1")), ("y", None)]),
                    extension("b", &[("x", Some("2"))]),
                ],
            ),
            (r#"a;x="10""#, vec![extension("a", &[("x", Some("10"))])]),
            (r#"a;x="1\0",b"#, vec![extension("a", &[("x", Some("10"))]), extension("b", &[])]),
        ];
        for (line, list) in cases {
            assert_eq!(parse(line.as_bytes()), Some(list), "{line}");
        }
    }

    #[test]
    fn what_is_not_of_the_grammar_offers_nothing() {
        for line in [
            ";",
            "a;",
            "a;;x",
            "a;=1",
            "a;x=",
            "a b",
            "a;x y",
            "a;x=1 2",
            "=",
            "a=1",
            "é",
            "a;x=é",
            r#"a;x=""#,
            r#"a;x="""#,
            r#"a;x="1"#,
            r#"a;x="1\"#,
            r#"a;x="1 2""#,
            r#"a;x="1"2"#,
            r#"a;x="1,2""#,
            r#""a""#,
        ] {
            assert_eq!(parse(line.as_bytes()), None, "{line}");
        }
    }
}
