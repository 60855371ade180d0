//! The names of files, as requests and options give them.

use std::{
    fmt,
    path::{Component, Path},
};

use http::{HeaderValue, Uri};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// What has to be encoded in a path: all but RFC 3986's `pchar` and the slash.
const ENCODED: AsciiSet = NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b';')
    .remove(b'=')
    .remove(b':')
    .remove(b'@');

/// Where a file or folder is beneath the root: `css/style.css`, or nothing for the root itself.
///
/// Each part is one name and no more, so that what is opened cannot be elsewhere but by a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name {
    path: String,
    /// Whether only a folder is meant: a slash is at the end.
    is_folder: bool,
}

impl Name {
    /// What the path of a request names; `None` if that cannot be a file that is to be seen.
    pub(super) fn from_request(path: &str) -> Option<Self> {
        let parts = path.strip_prefix('/')?.split('/');
        let decoded = parts.map(|part| percent_decode_str(part).decode_utf8().ok());
        Self::join(decoded.collect::<Option<Vec<_>>>()?)
    }

    /// What an option names, with or without a slash before it.
    pub(super) fn from_option(path: &str) -> Option<Self> {
        Self::join(path.split('/'))
    }

    /// Names in a row; empty ones, between slashes that stand together, are nothing.
    fn join<P: AsRef<str>>(parts: impl IntoIterator<Item = P>) -> Option<Self> {
        let mut path = String::new();
        let mut is_folder = true;
        for part in parts {
            let part = part.as_ref();
            is_folder = part.is_empty();
            if is_folder {
                continue;
            }
            if !is_visible(part) {
                return None;
            }
            if !path.is_empty() {
                path.push('/');
            }
            path.push_str(part);
        }
        Some(Self { path, is_folder })
    }

    /// The name of a file in this folder.
    pub(super) fn child(&self, name: &str) -> Self {
        let path = if self.path.is_empty() { name.to_owned() } else { format!("{self}/{name}") };
        Self { path, is_folder: false }
    }

    /// The name of a file beside this one, whose name goes on with `suffix`.
    pub(super) fn sibling(&self, suffix: &str) -> Self {
        Self { path: format!("{self}{suffix}"), is_folder: false }
    }

    pub(super) fn is_folder(&self) -> bool {
        self.is_folder
    }

    /// The path to open in the root.
    pub(super) fn as_path(&self) -> &Path {
        Path::new(if self.path.is_empty() { "." } else { &self.path })
    }

    /// Where this folder is on the site, and nowhere else: one slash stands at the beginning.
    pub(super) fn location(&self, asked: &Uri) -> Option<HeaderValue> {
        let path = utf8_percent_encode(&self.path, &ENCODED);
        let location = match asked.query() {
            Some(query) => format!("/{path}/?{query}"),
            None => format!("/{path}/"),
        };
        HeaderValue::try_from(location).ok()
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)
    }
}

/// Whether this is one name, and not one that begins with a dot: `.git`, `..`. RFC 8615's
/// `.well-known` is meant to be seen.
fn is_visible(name: &str) -> bool {
    let mut components = Path::new(name).components();
    let is_one = matches!(components.next(), Some(Component::Normal(it)) if it == name)
        && components.next().is_none();
    // A backslash separates names where there are drives, and browsers take it for a slash; a colon
    // names a stream of a file there.
    let is_odd = name.contains(['\\', '\0']) || cfg!(windows) && name.contains(':');
    is_one && !is_odd && (!name.starts_with('.') || name == ".well-known")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_names_what_is_beneath_the_root() {
        for (path, name, is_folder) in [
            ("/", "", true),
            ("//", "", true),
            ("/index.html", "index.html", false),
            ("//a///b.c", "a/b.c", false),
            ("/a/b//", "a/b", true),
            ("/pl%61in%20text", "plain text", false),
            ("/%C3%BC", "ü", false),
            ("/%zz", "%zz", false),
            ("/.well-known/acme", ".well-known/acme", false),
        ] {
            let expected = Name { path: name.to_owned(), is_folder };
            assert_eq!(Name::from_request(path), Some(expected), "{path}");
        }
    }

    #[test]
    fn what_is_not_to_be_seen_has_no_name() {
        for path in [
            "",
            "*",
            "index.html",
            "/.git/config",
            "/a/.env",
            "/a/%2Eenv",
            "/.",
            "/./a",
            "/..",
            "/../etc/passwd",
            "/a/%2e%2e/b",
            "/a%2fb",
            "/a%2f.env",
            "/a%5C%2Eenv",
            "/a\\b",
            "/%00",
            "/a%00.txt",
            "/%ff",
        ] {
            assert_eq!(Name::from_request(path), None, "{path}");
        }
    }

    #[test]
    fn the_location_of_a_folder_is_on_the_site() {
        for (asked, location) in [
            ("/dir", "/dir/"),
            ("//dir", "/dir/"),
            ("///dir?a=/b", "/dir/?a=/b"),
            ("//evil.example/a", "/evil.example/a/"),
            ("/a%20b/%C3%BC%23", "/a%20b/%C3%BC%23/"),
            ("/a:b@c", "/a:b@c/"),
        ] {
            let asked = Uri::from_static(asked);
            let name = Name::from_request(asked.path()).unwrap();
            assert_eq!(name.location(&asked).unwrap(), location, "{asked}");
        }
    }
}
