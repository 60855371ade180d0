//! Which media type a file has (RFC 9110 §8.3), by the end of its name.

use http::HeaderValue;

const JAVASCRIPT: HeaderValue = HeaderValue::from_static("text/javascript; charset=utf-8");
const UNKNOWN: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// The type of a file named so, with the charset where the type has one.
///
/// Text is taken to be UTF-8. XML says in its first line what it is in, which a parameter would
/// overrule (RFC 7303 §3.2), and JSON is UTF-8 and has no parameter (RFC 8259 §11).
pub(super) fn content_type(name: &str) -> HeaderValue {
    match mime_guess::from_path(name).first_raw() {
        // RFC 9239 §6: the others are old names for it.
        Some("application/javascript" | "application/x-javascript") => JAVASCRIPT,
        Some("text/xml") => HeaderValue::from_static("application/xml"),
        Some(text) if text.starts_with("text/") => {
            HeaderValue::try_from(format!("{text}; charset=utf-8")).unwrap_or(UNKNOWN)
        }
        Some(kind) => HeaderValue::from_static(kind),
        None => UNKNOWN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_utf_8_and_what_says_itself_what_it_is_in_is_left_to() {
        for (name, kind) in [
            ("index.html", "text/html; charset=utf-8"),
            ("A.HTM", "text/html; charset=utf-8"),
            ("a.css", "text/css; charset=utf-8"),
            ("a.txt", "text/plain; charset=utf-8"),
            ("a.md", "text/markdown; charset=utf-8"),
            ("a.csv", "text/csv; charset=utf-8"),
            ("a.vtt", "text/vtt; charset=utf-8"),
            ("a.js", "text/javascript; charset=utf-8"),
            ("a.mjs", "text/javascript; charset=utf-8"),
            ("a.json", "application/json"),
            ("a.webmanifest", "application/manifest+json"),
            ("a.svg", "image/svg+xml"),
            ("a.xml", "application/xml"),
            ("a.xhtml", "application/xhtml+xml"),
            ("a.wasm", "application/wasm"),
            ("a.woff2", "font/woff2"),
            ("a.png", "image/png"),
            ("a.tar.gz", "application/gzip"),
            ("a.unheard-of", "application/octet-stream"),
            ("LICENSE", "application/octet-stream"),
        ] {
            assert_eq!(content_type(name), kind, "{name}");
        }
    }
}
