//! Sizes: `"64 KiB"`, or bytes as a plain number.

use std::borrow::Cow;

use toml::de::DeValue;

use super::{Format, Reading, Value, Wrong, number::whole};

/// A size in bytes, of which there are so many at least.
pub(in crate::config) struct Size(pub(in crate::config) u64);

const SIZE_UNITS: [(&str, u64); 4] =
    [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

impl<T: TryFrom<u64> + TryInto<u64> + Copy> Format<T> for Size {
    fn read(&self, value: &Value<'_>, reading: &mut Reading<'_>) -> Result<T, Wrong> {
        let bytes = match value.get_ref() {
            DeValue::Integer(_) => whole(value),
            _ => parse_size(&reading.text(value)?),
        };
        let bytes = bytes.filter(|it| *it >= self.0).ok_or(Wrong::Unexpected)?;
        bytes.try_into().map_err(|_| Wrong::Unexpected)
    }

    fn write(&self, value: &T) -> Option<String> {
        (*value).try_into().ok().map(|bytes| format!("\"{}\"", size_text(bytes)))
    }

    fn expected(&self) -> Cow<'static, str> {
        let least = match self.0 {
            0 => String::new(),
            1 => ", more than nothing".to_owned(),
            least => format!(", {} or more", size_text(least)),
        };
        format!("a size such as \"64 KiB\": a whole number with B, KiB, MiB or GiB{least}").into()
    }
}

fn parse_size(text: &str) -> Option<u64> {
    let (number, unit) = split(text)?;
    let (_, bytes) = SIZE_UNITS.iter().find(|(name, _)| *name == unit)?;
    number.checked_mul(*bytes)
}

/// In the largest unit of which it is a whole number.
fn size_text(bytes: u64) -> String {
    let is_whole = |(_, unit): &&(&str, u64)| bytes >= *unit && bytes.is_multiple_of(*unit);
    let (name, unit) = SIZE_UNITS.iter().find(is_whole).unwrap_or(&("B", 1));
    format!("{} {name}", bytes / unit)
}

/// A number, and the unit behind it, with a space between them or none.
pub(super) fn split(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|it: char| !it.is_ascii_digit())?;
    Some((text[..end].parse().ok()?, text[end..].strip_prefix(' ').unwrap_or(&text[end..])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_has_a_unit_and_is_written_in_the_largest_that_fits() {
        for (text, bytes, written) in [
            ("10 MiB", 10 << 20, "10 MiB"),
            ("64KiB", 64 << 10, "64 KiB"),
            ("1024 KiB", 1 << 20, "1 MiB"),
            ("1500 B", 1500, "1500 B"),
            ("0 B", 0, "0 B"),
            ("3 GiB", 3 << 30, "3 GiB"),
        ] {
            assert_eq!(parse_size(text), Some(bytes), "{text}");
            assert_eq!(size_text(bytes), written);
        }
        for text in
            ["", "10", "10 MB", "10 mib", "1.5 MiB", "-1 B", "MiB", "10  MiB", "99999999999 GiB"]
        {
            assert_eq!(parse_size(text), None, "{text}");
        }
    }
}
