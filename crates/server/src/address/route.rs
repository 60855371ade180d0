//! The path of an endpoint, as the router compares it with requests' paths.

use super::{
    parameter::{Part, foreign_parameter, parts, simple_parameter},
    path,
};

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
    /// It has a parameter in another router's way, whose name here would not be what is meant.
    #[error("a parameter is `{{name}}`, and `{{*name}}` the rest of a path: write {instead:?}")]
    Parameter {
        /// What can be written in its place.
        instead: String,
    },
    /// `Handshake::param` could read one of them alone.
    #[error("two parameters are named {name:?}: give each a name of its own")]
    SameName {
        /// What they are named.
        name: String,
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
    let mut names = Vec::new();
    for part in parts(path) {
        match part {
            Part::Parameter(parameter) if simple_parameter(parameter).is_some() => {
                return Err(PathError::Parameter { instead: instead() });
            }
            Part::Parameter(parameter) => {
                let name = parameter.trim_matches(['{', '}', '*']);
                if !name.is_empty() && names.contains(&name) {
                    return Err(PathError::SameName { name: name.to_owned() });
                }
                names.push(name);
                pattern.push_str(parameter);
            }
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

/// A path that can be asked for, and is most likely meant.
fn instead(path: &str) -> String {
    let path = path.trim();
    let path = match path.split_once("://") {
        Some((_, url)) => url.find('/').map_or("", |at| &url[at..]),
        None => path,
    };
    let path = path[..query_start(path)].trim_start_matches('/').trim_end();
    let segments = path.split('/').map(|it| foreign_parameter(it).unwrap_or_else(|| it.to_owned()));
    let path = segments.collect::<Vec<_>>().join("/");
    let mut instead = String::from("/");
    for part in parts(&path) {
        match part {
            Part::Parameter(parameter) => {
                instead.push_str(simple_parameter(parameter).as_deref().unwrap_or(parameter));
            }
            Part::Literal(literal) => instead.push_str(&path::encoded(literal)),
        }
    }
    instead
}

/// Where a path ends, at a `?` or `#` that is in no parameter.
fn query_start(path: &str) -> usize {
    let mut depth = 0_usize;
    let found = path.bytes().position(|byte| {
        match byte {
            b'{' => depth += 1,
            b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && matches!(byte, b'?' | b'#')
    });
    found.unwrap_or(path.len())
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
            ("/%63hat/{x_y-2}", "/chat/{x_y-2}"),
            ("/{größe}", "/{größe}"),
            ("/{user.id}", "/{user.id}"),
            ("/:8080", "/:8080"),
            ("/a:b", "/a:b"),
            ("/caf%c3%a9", "/caf%C3%A9"),
            ("/a/../b/./c", "/b/c"),
            ("/{{x}}", "/%7Bx%7D"),
            ("/{x", "/{x"),
            ("/x}", "/x}"),
            ("/{}", "/{}"),
        ] {
            assert_eq!(route(path).as_deref(), Ok(pattern), "{path}");
        }
    }

    #[test]
    fn each_parameter_has_a_name_of_its_own() {
        for path in ["/{x}/{x}", "/{x}/a/{*x}", "/{y}/{x}/{y}.json"] {
            let name = if path.contains('y') { "y" } else { "x" }.to_owned();
            assert_eq!(route(path), Err(PathError::SameName { name }), "{path}");
        }
        assert!(route("/{x}/{xx}").is_ok());
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
            ("/a b/{x}", &encoded(' '), "/a%20b/{x}"),
            ("/a b/{x:y}", &encoded(' '), "/a%20b/{x}"),
            ("/{id:[0-9]+}", &parameter, "/{id}"),
            ("/{id:[0-9]{2}}/b", &parameter, "/{id}/b"),
            ("/{id?}", &parameter, "/{id}"),
            ("/{rest:path}", &parameter, "/{*rest}"),
            ("/{x y}", &parameter, "/{x}"),
            ("/:id(.*)", &parameter, "/{id}"),
            ("/:name.json", &parameter, "/{name}.json"),
            ("/*.js", &parameter, "/{name}.js"),
            ("/:id?", &query, "/{id}"),
            ("/**", &parameter, "/{*rest}"),
            ("/<int:id>", &encoded('<'), "/{id}"),
            ("/<path:rest>", &encoded('<'), "/{*rest}"),
            ("/<rest..>", &encoded('<'), "/{*rest}"),
            ("/[id]", &encoded('['), "/{id}"),
            ("/[...rest]", &encoded('['), "/{*rest}"),
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
