//! How values are written: what stands behind a key, and what becomes of it.

mod list;
mod number;
mod period;
mod size;
mod text;
mod variables;

use std::{borrow::Cow, path::Path};

use toml::{Spanned, de::DeValue};

pub(super) use self::{
    list::{Many, Pairs},
    number::{Count, Flag, Mode},
    period::{Period, period_text},
    size::Size,
    text::{FilePath, OneOf, Registered, Secret, SecretText, Text, Valid, quoted},
};
use super::faults::{Faults, Place};

/// What stands behind a key.
pub(super) type Value<'i> = Spanned<DeValue<'i>>;

/// How a value of this type is written.
pub(super) trait Format<T> {
    fn read(&self, value: &Value<'_>, reading: &mut Reading<'_>) -> Result<T, Wrong>;

    /// As TOML; `None` if it is not written at all.
    fn write(&self, value: &T) -> Option<String>;

    /// What may be written, as the end of "write …".
    fn expected(&self) -> Cow<'static, str>;
}

impl<T, F: Format<T>> Format<T> for &F {
    fn read(&self, value: &Value<'_>, reading: &mut Reading<'_>) -> Result<T, Wrong> {
        (**self).read(value, reading)
    }

    fn write(&self, value: &T) -> Option<String> {
        (**self).write(value)
    }

    fn expected(&self) -> Cow<'static, str> {
        (**self).expected()
    }
}

/// What is known while a file is read.
pub(super) struct Reading<'a> {
    /// The key whose value is read.
    key: &'static str,
    pub(super) faults: &'a mut Faults,
    /// Where the file is, as an absolute path.
    pub(super) folder: &'a Path,
    /// The environment.
    pub(super) variable: &'a dyn Fn(&str) -> Option<String>,
}

/// Why a value is none.
#[derive(Debug)]
pub(super) enum Wrong {
    /// It is not what is expected.
    Unexpected,
    /// For a reason of its own, as a whole sentence.
    Because(String),
    /// It has been told of already.
    Told,
}

impl<'a> Reading<'a> {
    pub(super) fn new(
        faults: &'a mut Faults,
        folder: &'a Path,
        variable: &'a dyn Fn(&str) -> Option<String>,
    ) -> Self {
        Self { key: "", faults, folder, variable }
    }

    /// Reads what stands behind a key; `None` if that makes no sense, which is told of.
    pub(super) fn value<T>(
        &mut self,
        key: &'static str,
        format: &impl Format<T>,
        value: &Value<'_>,
    ) -> Option<T> {
        self.key = key;
        self.value_of("", format, value)
    }

    /// As [`value`](Self::value), for a part of it.
    fn value_of<T>(&mut self, part: &str, format: &impl Format<T>, value: &Value<'_>) -> Option<T> {
        let wrong = match format.read(value, self) {
            Ok(value) => return Some(value),
            Err(wrong) => wrong,
        };
        match wrong {
            Wrong::Unexpected => {
                let (given, expected) = (shown(value), format.expected());
                let sentence = format!("{part}{:?} is {given}: write {expected}", self.key);
                self.faults.add(place(value), sentence);
            }
            Wrong::Because(sentence) => self.faults.add(place(value), sentence),
            Wrong::Told => {}
        }
        None
    }
}

/// Where it stands.
pub(super) fn place(value: &Value<'_>) -> Place {
    value.span().start
}

/// What was written, as a sentence has it.
pub(super) fn shown(value: &Value<'_>) -> String {
    match value.get_ref() {
        DeValue::String(text) => format!("{text:?}"),
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => number.to_string(),
        DeValue::Boolean(flag) => flag.to_string(),
        DeValue::Datetime(date) => date.to_string(),
        DeValue::Array(_) => "an array".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}

/// What may be switched off, by `false`.
pub(super) struct OrFalse<F>(pub(super) F);

impl<T, F: Format<T>> Format<Option<T>> for OrFalse<F> {
    fn read(&self, value: &Value<'_>, reading: &mut Reading<'_>) -> Result<Option<T>, Wrong> {
        if is_off(value) { Ok(None) } else { self.0.read(value, reading).map(Some) }
    }

    fn write(&self, value: &Option<T>) -> Option<String> {
        value.as_ref().map_or_else(|| Some("false".to_owned()), |it| self.0.write(it))
    }

    fn expected(&self) -> Cow<'static, str> {
        format!("{}, or false", self.0.expected()).into()
    }
}

/// Whether it switches something off.
pub(super) fn is_off(value: &Value<'_>) -> bool {
    matches!(value.get_ref(), DeValue::Boolean(false))
}

/// What the server finds out by itself unless it is said.
pub(super) struct OrAuto<F>(pub(super) F);

impl<T, F: Format<T>> Format<Option<T>> for OrAuto<F> {
    fn read(&self, value: &Value<'_>, reading: &mut Reading<'_>) -> Result<Option<T>, Wrong> {
        match value.get_ref() {
            DeValue::String(text) if text == "auto" => Ok(None),
            _ => self.0.read(value, reading).map(Some),
        }
    }

    fn write(&self, value: &Option<T>) -> Option<String> {
        value.as_ref().map_or_else(|| Some("\"auto\"".to_owned()), |it| self.0.write(it))
    }

    fn expected(&self) -> Cow<'static, str> {
        format!("{}, or \"auto\"", self.0.expected()).into()
    }
}

/// What is there only if it is written.
pub(super) struct IfWritten<F>(pub(super) F);

impl<T, F: Format<T>> Format<Option<T>> for IfWritten<F> {
    fn read(&self, value: &Value<'_>, reading: &mut Reading<'_>) -> Result<Option<T>, Wrong> {
        self.0.read(value, reading).map(Some)
    }

    fn write(&self, value: &Option<T>) -> Option<String> {
        value.as_ref().and_then(|it| self.0.write(it))
    }

    fn expected(&self) -> Cow<'static, str> {
        self.0.expected()
    }
}

#[cfg(test)]
mod tests;
