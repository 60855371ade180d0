//! Texts: names, files, secrets, and what has to be one of a few words.

use std::{borrow::Cow, fmt, fs, path::PathBuf};

use toml::de::DeValue;

use super::{Format, Reading, Value, Wrong, variables::escaped};
use crate::config::nearest::instead;

/// A text of any kind, of which the end of "write …" tells more.
pub(in crate::config) struct Text(pub(in crate::config) &'static str);

impl Format<String> for Text {
    fn read(&self, value: &Value<'_>, reading: &mut Reading<'_>) -> Result<String, Wrong> {
        reading.text(value)
    }

    fn write(&self, value: &String) -> Option<String> {
        Some(quoted(value))
    }

    fn expected(&self) -> Cow<'static, str> {
        self.0.into()
    }
}

/// A text that makes sense, or a sentence about why it does not.
pub(in crate::config) struct Valid<F: Fn(&str) -> Result<(), String>>(
    pub(in crate::config) &'static str,
    pub(in crate::config) F,
);

impl<F: Fn(&str) -> Result<(), String>> Format<String> for Valid<F> {
    fn read(&self, value: &Value<'_>, reading: &mut Reading<'_>) -> Result<String, Wrong> {
        let text = reading.text(value)?;
        (self.1)(&text).map_err(Wrong::Because)?;
        Ok(text)
    }

    fn write(&self, value: &String) -> Option<String> {
        Some(quoted(value))
    }

    fn expected(&self) -> Cow<'static, str> {
        self.0.into()
    }
}

/// A file or a folder. A relative path begins where the file is that names it.
pub(in crate::config) struct FilePath;

impl Format<PathBuf> for FilePath {
    fn read(&self, value: &Value<'_>, reading: &mut Reading<'_>) -> Result<PathBuf, Wrong> {
        match reading.text(value)? {
            text if text.is_empty() => Err(Wrong::Unexpected),
            text => Ok(reading.folder.join(text)),
        }
    }

    fn write(&self, value: &PathBuf) -> Option<String> {
        Some(quoted(&value.to_string_lossy()))
    }

    fn expected(&self) -> Cow<'static, str> {
        "a path, absolute or from the folder of this file".into()
    }
}

/// One of a few words.
pub(in crate::config) struct OneOf<T: 'static>(pub(in crate::config) &'static [(&'static str, T)]);

impl<T: Copy + PartialEq> Format<T> for OneOf<T> {
    fn read(&self, value: &Value<'_>, reading: &mut Reading<'_>) -> Result<T, Wrong> {
        let text = reading.text(value)?;
        match self.0.iter().find(|(word, _)| *word == text) {
            Some((_, value)) => Ok(*value),
            None => Err(Wrong::Unexpected),
        }
    }

    fn write(&self, value: &T) -> Option<String> {
        self.0.iter().find(|(_, it)| it == value).map(|(word, _)| quoted(word))
    }

    fn expected(&self) -> Cow<'static, str> {
        let words: Vec<_> = self.0.iter().map(|(word, _)| format!("{word:?}")).collect();
        words.join(" or ").into()
    }
}

/// The name of something that the program has registered.
pub(in crate::config) struct Registered<'n>(
    pub(in crate::config) &'static str,
    pub(in crate::config) &'n [&'n str],
);

impl Registered<'_> {
    /// Why there is nothing of this name.
    pub(in crate::config) fn check(&self, name: &str) -> Result<(), String> {
        if self.1.contains(&name) {
            return Ok(());
        }
        let instead = instead(name, self.1, "the program has registered none");
        Err(format!("no {} is named {name:?}{instead}", self.0))
    }
}

/// A text that is nobody's business, and how it was written.
#[derive(Clone)]
pub(in crate::config) struct SecretText {
    pub(in crate::config) text: String,
    written: String,
}

/// Not what it is.
impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText")
    }
}

/// A secret: in the file itself, in the environment (`"${NAME}"`), or in a file of its own (`"file:/path"`).
pub(in crate::config) struct Secret;

/// In the place of a secret that stands in the file itself.
const LEFT_OUT: &str = "${SECRET_THAT_WAS_LEFT_OUT}";

impl Format<SecretText> for Secret {
    fn read(&self, value: &Value<'_>, reading: &mut Reading<'_>) -> Result<SecretText, Wrong> {
        let text = reading.text(value)?;
        let DeValue::String(given) = value.get_ref() else { return Err(Wrong::Unexpected) };
        let Some(path) = text.strip_prefix("file:") else {
            let is_named = given.starts_with("${") && given.find('}') == Some(given.len() - 1);
            let written = if is_named { given.clone().into_owned() } else { LEFT_OUT.to_owned() };
            return Ok(SecretText { text, written });
        };
        let path = reading.folder.join(path);
        let written = escaped(&format!("file:{}", path.display()));
        let cannot_read = |cause| format!("cannot read the secret in {}: {cause}", path.display());
        let text = fs::read_to_string(&path).map_err(cannot_read).map_err(Wrong::Because)?;
        Ok(SecretText { text: text.trim_end_matches(['\r', '\n']).to_owned(), written })
    }

    fn write(&self, value: &SecretText) -> Option<String> {
        Some(toml_text(&value.written))
    }

    fn expected(&self) -> Cow<'static, str> {
        "a text, \"${NAME}\" for what the environment has, or \"file:/path\" for what is in a file"
            .into()
    }
}

/// As TOML, so that it is read as it is.
pub(in crate::config) fn quoted(text: &str) -> String {
    toml_text(&escaped(text))
}

/// A basic string of TOML.
pub(super) fn toml_text(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => quoted += "\\\"",
            '\\' => quoted += "\\\\",
            '\n' => quoted += "\\n",
            character if character.is_control() => {
                quoted += &format!("\\u{:04X}", u32::from(character));
            }
            character => quoted.push(character),
        }
    }
    quoted + "\""
}
