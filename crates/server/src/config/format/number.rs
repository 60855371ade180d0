//! Numbers, and whether something is so.

use std::{borrow::Cow, ops::RangeInclusive};

use toml::de::DeValue;

use super::{Format, Reading, Value, Wrong};

/// How many there are of something.
pub(in crate::config) struct Count(pub(in crate::config) RangeInclusive<u64>);

impl Count {
    /// At least one.
    pub(in crate::config) const SOME: Self = Self(1..=MOST);

    /// Any number.
    pub(in crate::config) const ANY: Self = Self(0..=MOST);
}

/// More than can be counted in a file.
const MOST: u64 = i64::MAX as u64;

impl<T: TryFrom<u64> + TryInto<u64> + Copy> Format<T> for Count {
    fn read(&self, value: &Value<'_>, _: &mut Reading<'_>) -> Result<T, Wrong> {
        let number = whole(value).filter(|it| self.0.contains(it)).ok_or(Wrong::Unexpected)?;
        number.try_into().map_err(|_| Wrong::Unexpected)
    }

    fn write(&self, value: &T) -> Option<String> {
        (*value).try_into().ok().map(|it| it.to_string())
    }

    fn expected(&self) -> Cow<'static, str> {
        match (self.0.start(), self.0.end()) {
            (0, &MOST) => "a whole number".into(),
            (least, &MOST) => format!("a whole number, {least} or more").into(),
            (least, most) => format!("a whole number from {least} to {most}").into(),
        }
    }
}

/// A whole number that is not negative.
pub(super) fn whole(value: &Value<'_>) -> Option<u64> {
    let DeValue::Integer(number) = value.get_ref() else { return None };
    u64::from_str_radix(number.as_str(), number.radix()).ok()
}

/// Whether something is so.
pub(in crate::config) struct Flag;

impl Format<bool> for Flag {
    fn read(&self, value: &Value<'_>, _: &mut Reading<'_>) -> Result<bool, Wrong> {
        let DeValue::Boolean(flag) = *value.get_ref() else { return Err(Wrong::Unexpected) };
        Ok(flag)
    }

    fn write(&self, value: &bool) -> Option<String> {
        Some(value.to_string())
    }

    fn expected(&self) -> Cow<'static, str> {
        "true or false".into()
    }
}

/// The mode of a file, in octal.
pub(in crate::config) struct Mode;

const MAX_MODE: u64 = 0o777;

impl Format<u32> for Mode {
    fn read(&self, value: &Value<'_>, _: &mut Reading<'_>) -> Result<u32, Wrong> {
        let DeValue::Integer(number) = value.get_ref() else { return Err(Wrong::Unexpected) };
        let mode = whole(value).filter(|it| number.radix() == 8 && *it <= MAX_MODE);
        mode.map(|it| it as u32).ok_or(Wrong::Unexpected)
    }

    fn write(&self, value: &u32) -> Option<String> {
        Some(format!("{value:#o}"))
    }

    fn expected(&self) -> Cow<'static, str> {
        "the mode of a file in octal, such as 0o660".into()
    }
}
