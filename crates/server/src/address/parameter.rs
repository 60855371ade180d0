//! The parameters in an endpoint's path, in this router's words and in those of others.

pub(super) enum Part<'p> {
    Literal(&'p str),
    /// With its braces.
    Parameter(&'p str),
}

/// A path's parameters and what is between them. A brace that is doubled stands for itself; what is
/// wrong with the others is the router's to say.
pub(super) fn parts(mut path: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    while let Some(at) = path.find(['{', '}']) {
        let (literal, rest) = path.split_at(at);
        parts.push(Part::Literal(literal));
        let len = match &rest.as_bytes()[..rest.len().min(2)] {
            b"{{" | b"}}" => 2,
            _ => parameter_len(rest),
        };
        let (parameter, rest) = rest.split_at(len);
        parts.push(match parameter {
            "{{" => Part::Literal("%7B"),
            "}}" => Part::Literal("%7D"),
            _ => Part::Parameter(parameter),
        });
        path = rest;
    }
    parts.push(Part::Literal(path));
    parts
}

/// To the brace that closes the first, with those between them that belong together.
fn parameter_len(text: &str) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    text.len()
}

/// What a segment is in the router's words that is a parameter in another's: `:name`, `*name`, `**`
/// and `*.txt`, `<name>`, `<type:name>` and `<name..>`, `[name]` and `[...name]`.
pub(super) fn foreign_parameter(segment: &str) -> Option<String> {
    if let Some(rest) = segment.strip_prefix(':') {
        let name = first_name(rest)?;
        let extension = Some(&rest[name.len()..]).filter(|it| it.starts_with('.'));
        return Some(format!("{{{name}}}{}", extension.unwrap_or_default()));
    }
    if let Some(rest) = segment.strip_prefix('*') {
        return Some(match rest.trim_start_matches('*') {
            "" => "{*rest}".to_owned(),
            name if first_name(name).is_some() => format!("{{*{}}}", first_name(name)?),
            extension => format!("{{name}}{extension}"),
        });
    }
    let within = |first, last| segment.strip_prefix(first)?.strip_suffix(last);
    let inner = within('<', '>').or_else(|| within('[', ']'))?;
    let (kind, name) = inner.split_once(':').unwrap_or(("", inner));
    let is_rest = kind == "path" || name.ends_with("..") || name.starts_with("...");
    let name = first_name(name.trim_start_matches('.'))?;
    Some(if is_rest { format!("{{*{name}}}") } else { format!("{{{name}}}") })
}

/// A parameter in braces without what the router would take for a part of its name: `{id:[0-9]+}`,
/// `{rest:path}`, `{id?}`. `None` if there is no such thing in it.
pub(super) fn simple_parameter(parameter: &str) -> Option<String> {
    let inner = parameter.strip_prefix('{')?.strip_suffix('}')?;
    let (star, inner) = inner.strip_prefix('*').map_or(("", inner), |inner| ("*", inner));
    let name =
        first_name(inner).filter(|_| !inner.chars().all(|it| it == '.' || is_of_name(it)))?;
    let star = if inner.ends_with(":path") { "*" } else { star };
    Some(format!("{{{star}{name}}}"))
}

/// The name that a text begins with.
fn first_name(text: &str) -> Option<&str> {
    let end = text.find(|it: char| !is_of_name(it)).unwrap_or(text.len());
    let is_name = text.starts_with(|it: char| it.is_alphabetic() || it == '_');
    is_name.then(|| &text[..end])
}

fn is_of_name(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '-')
}
