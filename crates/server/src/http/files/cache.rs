//! Which `Cache-Control` (RFC 9111 §5.2) goes with which files.

use http::HeaderValue;

use super::name::Name;
use crate::error::RootError;

/// Patterns of paths, and what holds for the files that match; the first pattern counts.
#[derive(Debug)]
pub(super) struct CacheRules(Vec<(Pattern, HeaderValue)>);

impl CacheRules {
    pub(super) fn new(rules: Vec<(String, String)>) -> Result<Self, RootError> {
        let rules = rules.into_iter().map(|(pattern, value)| {
            let header = HeaderValue::from_str(&value).ok().filter(|it| !it.is_empty());
            let header = header.ok_or_else(|| RootError::CacheControl { value: value.clone() })?;
            Ok((Pattern::new(pattern)?, header))
        });
        rules.collect::<Result<_, _>>().map(Self)
    }

    pub(super) fn of(&self, name: &Name) -> Option<&HeaderValue> {
        let path = format!("/{name}");
        self.0.iter().find(|(pattern, _)| pattern.matches(&path)).map(|(_, value)| value)
    }
}

/// A path in which each `*` is for any characters, slashes too.
#[derive(Debug)]
struct Pattern(String);

impl Pattern {
    fn new(pattern: String) -> Result<Self, RootError> {
        // What is compared with it is a path, decoded, and begins with a slash.
        let can_match = pattern.starts_with(['/', '*']) && !pattern.contains("//");
        let is_path = !pattern.contains(['?', '#', '\\']) && !pattern.ends_with('/');
        if can_match && is_path { Ok(Self(pattern)) } else { Err(RootError::Pattern { pattern }) }
    }

    fn matches(&self, path: &str) -> bool {
        let Some((start, rest)) = self.0.split_once('*') else { return self.0 == path };
        let Some(mut path) = path.strip_prefix(start) else { return false };
        let (middle, end) = rest.rsplit_once('*').unwrap_or(("", rest));
        for piece in middle.split('*') {
            // The earliest place leaves the most for what comes behind it.
            let Some(place) = path.find(piece) else { return false };
            path = &path[place + piece.len()..];
        }
        path.ends_with(end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_for_any_characters() {
        for (pattern, matching, others) in [
            ("*", &["/", "/a", "/a/b.c"][..], &[][..]),
            ("/*", &["/a", "/a/b.c"], &["a"]),
            ("/a.js", &["/a.js"], &["/a.jsx", "/b/a.js", "/a"]),
            ("/assets/*", &["/assets/a", "/assets/b/c.js"], &["/assets", "/x/assets/a"]),
            ("*.js", &["/a.js", "/b/c.js", "/.js"], &["/a.json", "/js"]),
            ("/a*a", &["/aa", "/aba"], &["/a", "/ab"]),
            ("/a/*.min.*", &["/a/b.min.js", "/a/c/d.min.css"], &["/a/b.js", "/b.min.js"]),
            ("**.css", &["/a.css", "/b/c.css"], &["/css"]),
            ("/[id].js", &["/[id].js"], &["/i.js"]),
            ("*a*b*c", &["/abc", "/cacbbc"], &["/acb", "/cba"]),
        ] {
            let pattern = Pattern::new(pattern.to_owned()).unwrap();
            for path in matching {
                assert!(pattern.matches(path), "{pattern:?} {path}");
            }
            for path in others {
                assert!(!pattern.matches(path), "{pattern:?} {path}");
            }
        }
    }

    #[test]
    fn what_can_never_match_is_no_pattern() {
        for pattern in ["", "a.js", "assets/*", "//a", "/a?v=1", "/a#b", "/dir/"] {
            assert!(Pattern::new(pattern.to_owned()).is_err(), "{pattern}");
        }
    }
}
