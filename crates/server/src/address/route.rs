//! The path of an endpoint, as the router compares it with requests' paths.

use super::path;

/// Why no request could ever be for an endpoint's path; found when the server starts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PathError {
    /// RFC 9112 §3.2.1: what a request asks for begins with a slash.
    #[error("a path begins with a slash: write {instead:?}")]
    NoSlash {
        /// What can be written in its place.
        instead: String,
    },
    /// RFC 3986 §3.5: what is behind a `#` stays in the browser.
    #[error("what is behind a `#` is never sent: write {instead:?}")]
    Fragment {
        /// What can be written in its place.
        instead: String,
    },
    /// Which query a request has is for `on_open` to read.
    #[error("a path ends before the `?` of a query: write {instead:?}")]
    Query {
        /// What can be written in its place.
        instead: String,
    },
    /// It has a parameter in another router's way.
    #[error("a parameter is `{{name}}`, and `{{*name}}` the rest of a path: write {instead:?}")]
    Parameter {
        /// What can be written in its place.
        instead: String,
    },
    /// RFC 3986 §3.3: a path has this only percent-encoded.
    #[error("{character:?} is percent-encoded in a path: write {instead:?}")]
    NotEncoded {
        /// The first that is not.
        character: char,
        /// What can be written in its place.
        instead: String,
    },
}

/// The pattern, in the router's words, that matches the normal form of every path meant.
pub(crate) fn route(path: &str) -> Result<String, PathError> {
    let instead = || instead(path);
    if !path.starts_with('/') {
        return Err(PathError::NoSlash { instead: instead() });
    }
    let mut pattern = String::with_capacity(path.len());
    for part in parts(path) {
        match part {
            Part::Parameter(parameter) => pattern.push_str(parameter),
            Part::Literal(literal) => match first_fault(literal) {
                None => pattern.push_str(&path::encoded(literal)),
                Some('#') => return Err(PathError::Fragment { instead: instead() }),
                Some('?') => return Err(PathError::Query { instead: instead() }),
                Some(character) => {
                    return Err(PathError::NotEncoded { character, instead: instead() });
                }
            },
        }
    }
    if path.split('/').any(|segment| foreign_parameter(segment).is_some()) {
        return Err(PathError::Parameter { instead: instead() });
    }
    Ok(path::without_dot_segments(&pattern))
}

enum Part<'p> {
    Literal(&'p str),
    /// With its braces.
    Parameter(&'p str),
}

/// A path's parameters and what is between them. A brace that is doubled stands for itself; what is
/// wrong with the others is the router's to say.
fn parts(mut path: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    while let Some(at) = path.find(['{', '}']) {
        let (literal, rest) = path.split_at(at);
        parts.push(Part::Literal(literal));
        let len = if rest.starts_with("{{") || rest.starts_with("}}") {
            2
        } else {
            rest.find('}').map_or(rest.len(), |end| end + 1)
        };
        let (parameter, rest) = rest.split_at(len);
        parts.push(match parameter {
            "{{" => Part::Parameter("%7B"),
            "}}" => Part::Parameter("%7D"),
            _ => Part::Parameter(parameter),
        });
        path = rest;
    }
    parts.push(Part::Literal(path));
    parts
}

/// The first character that a path cannot have; the `%` of one that is percent-encoded it can.
fn first_fault(literal: &str) -> Option<char> {
    literal
        .char_indices()
        .find(|&(at, character)| match character {
            '/' => false,
            '%' => path::encoded_byte(&literal.as_bytes()[at + 1..]).is_none(),
            _ => !u8::try_from(character).is_ok_and(path::is_pchar),
        })
        .map(|(_, character)| character)
}

/// `:name`, `<name>`, `*name` and `*`, in the router's words.
fn foreign_parameter(segment: &str) -> Option<String> {
    let is_name = |name: &&str| {
        name.chars().all(|it| it.is_alphanumeric() || it == '_' || it == '-') && !name.is_empty()
    };
    if segment == "*" {
        return Some("{*rest}".to_owned());
    }
    if let Some(name) = segment.strip_prefix('*').filter(is_name) {
        return Some(format!("{{*{name}}}"));
    }
    let colon = segment.strip_prefix(':');
    let name = colon.or_else(|| segment.strip_prefix('<').and_then(|it| it.strip_suffix('>')));
    name.filter(is_name).map(|name| format!("{{{name}}}"))
}

/// A path that can be asked for, and is most likely meant.
fn instead(path: &str) -> String {
    let path = path.trim();
    let path = match path.split_once("://") {
        Some((_, url)) => url.find('/').map_or("", |at| &url[at..]),
        None => path,
    };
    let end = path.find(['?', '#']).unwrap_or(path.len());
    let path = path[..end].trim_start_matches('/').trim_end();
    let segments = path.split('/').map(|it| foreign_parameter(it).unwrap_or_else(|| it.to_owned()));
    let path = segments.collect::<Vec<_>>().join("/");
    let mut instead = String::from("/");
    for part in parts(&path) {
        match part {
            Part::Parameter(parameter) => instead.push_str(parameter),
            Part::Literal(literal) => match first_fault(literal) {
                None => instead.push_str(literal),
                Some(_) => instead.push_str(&path::encoded(&with_percents(literal))),
            },
        }
    }
    instead
}

/// Each `%` that begins no percent-encoding, as one that is meant.
fn with_percents(literal: &str) -> String {
    let parts = literal.split('%').enumerate().map(|(index, part)| match part {
        part if index == 0 => part.to_owned(),
        part if path::encoded_byte(part.as_bytes()).is_some() => format!("%{part}"),
        part => format!("%25{part}"),
    });
    parts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_becomes_the_pattern_of_its_normal_form() {
        for (path, pattern) in [
            ("/", "/"),
            ("/chat", "/chat"),
            ("/rooms/{room}", "/rooms/{room}"),
            ("/{*rest}", "/{*rest}"),
            ("/files/{name}.json", "/files/{name}.json"),
            ("/at/12:30", "/at/12:30"),
            ("/a*b", "/a*b"),
            ("/%63hat/{x y}", "/chat/{x y}"),
            ("/caf%c3%a9", "/caf%C3%A9"),
            ("/a/../b/./c", "/b/c"),
            ("/{{x}}", "/%7Bx%7D"),
            ("/{x", "/{x"),
        ] {
            assert_eq!(route(path).as_deref(), Ok(pattern), "{path}");
        }
    }

    #[test]
    fn what_cannot_be_asked_for_is_refused_with_what_can() {
        let no_slash = |instead| PathError::NoSlash { instead };
        let fragment = |instead| PathError::Fragment { instead };
        let query = |instead| PathError::Query { instead };
        let parameter = |instead| PathError::Parameter { instead };
        fn encoded(character: char) -> impl Fn(String) -> PathError {
            move |instead| PathError::NotEncoded { character, instead }
        }
        for (path, error, instead) in [
            ("", &no_slash as &dyn Fn(String) -> PathError, "/"),
            ("ws", &no_slash, "/ws"),
            ("a/:id?x", &no_slash, "/a/{id}"),
            (" /ws", &no_slash, "/ws"),
            ("ws://localhost/ws?x", &no_slash, "/ws"),
            ("https://localhost", &no_slash, "/"),
            ("*", &no_slash, "/{*rest}"),
            ("/a#b", &fragment, "/a"),
            ("/a?b#c", &query, "/a"),
            ("/a?", &query, "/a"),
            ("/a/:id", &parameter, "/a/{id}"),
            ("/:a/b/:c", &parameter, "/{a}/b/{c}"),
            ("/a/*", &parameter, "/a/{*rest}"),
            ("/a/*path", &parameter, "/a/{*path}"),
            ("/a/<id>", &encoded('<'), "/a/{id}"),
            ("/a b?c", &encoded(' '), "/a%20b"),
            ("/a b/{x y}", &encoded(' '), "/a%20b/{x y}"),
            ("/ws ", &encoded(' '), "/ws"),
            ("/café", &encoded('é'), "/caf%C3%A9"),
            ("/a\\b", &encoded('\\'), "/a%5Cb"),
            ("/100%", &encoded('%'), "/100%25"),
            ("/a|\"b\"", &encoded('|'), "/a%7C%22b%22"),
        ] {
            assert_eq!(route(path), Err(error(instead.to_owned())), "{path}");
            assert!(route(instead).is_ok(), "{instead}");
        }
    }
}
