//! `${NAME}` in a text: what the environment has under that name. A dollar itself is `$$`.

use toml::de::DeValue;

use super::{Reading, Value, Wrong};

impl Reading<'_> {
    /// A text, with what the environment has in the place of each `${NAME}`.
    pub(in crate::config) fn text(&self, value: &Value<'_>) -> Result<String, Wrong> {
        let DeValue::String(text) = value.get_ref() else { return Err(Wrong::Unexpected) };
        expanded(text, self.variable).map_err(Wrong::Because)
    }
}

fn expanded(text: &str, variable: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
    let mut pieces = text.split('$');
    let mut expanded = pieces.next().unwrap_or_default().to_owned();
    while let Some(piece) = pieces.next() {
        if let Some((name, rest)) = piece.strip_prefix('{').and_then(|it| it.split_once('}')) {
            let value = variable(name);
            expanded += &value.ok_or_else(|| format!("the variable {name:?} is not set"))?;
            expanded += rest;
        } else if let ("", Some(rest)) = (piece, pieces.next()) {
            expanded.push('$');
            expanded += rest;
        } else {
            let write = "write \"${NAME}\" for what the environment has, and \"$$\" for a dollar";
            return Err(format!("{text:?} has a single dollar: {write}"));
        }
    }
    Ok(expanded)
}

/// As it has to be written to be read as this text.
pub(super) fn escaped(text: &str) -> String {
    text.replace('$', "$$")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_becomes_its_value_and_two_dollars_are_one() {
        let variable = |name: &str| (name == "HOME").then(|| "/home/$x".to_owned());
        for (text, expected) in [
            ("plain", Ok("plain")),
            ("${HOME}/a", Ok("/home/$x/a")),
            ("a${HOME}${HOME}", Ok("a/home/$x/home/$x")),
            ("5 $$", Ok("5 $")),
            ("$$${HOME}$$", Ok("$/home/$x$")),
            ("$${HOME}", Ok("${HOME}")),
            ("$$$$", Ok("$$")),
            ("", Ok("")),
            ("${USER}", Err("\"USER\" is not set")),
            ("${}", Err("\"\" is not set")),
            ("$HOME", Err("single dollar")),
            ("5 $", Err("single dollar")),
            ("${HOME", Err("single dollar")),
        ] {
            match (expanded(text, &variable), expected) {
                (Ok(expanded), Ok(expected)) => assert_eq!(expanded, expected, "{text}"),
                (Err(error), Err(part)) => assert!(error.contains(part), "{text}: {error}"),
                (found, _) => panic!("{text}: {found:?}"),
            }
        }
    }

    #[test]
    fn what_is_escaped_is_read_as_it_was() {
        for text in ["plain", "$", "${HOME}", "$$", "a$b$$c"] {
            assert_eq!(expanded(&escaped(text), &|_| None).unwrap(), text);
        }
    }
}
