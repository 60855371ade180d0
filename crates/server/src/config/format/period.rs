//! Periods: `"3 s"`, `"100 ms"`.

use std::{borrow::Cow, time::Duration};

use super::{Format, Reading, Value, Wrong, size::split};

/// A period of time.
pub(in crate::config) enum Period {
    /// Nothing as well.
    Any,
    /// Longer than nothing.
    Some,
}

/// In milliseconds.
const PERIOD_UNITS: [(&str, u64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1000), ("ms", 1)];

/// In milliseconds: a hundred years.
const LONGEST: u64 = 36_500 * 86_400_000;

impl Format<Duration> for Period {
    fn read(&self, value: &Value<'_>, reading: &mut Reading<'_>) -> Result<Duration, Wrong> {
        let period = parse_period(&reading.text(value)?).ok_or(Wrong::Unexpected)?;
        match self {
            Self::Some if period.is_zero() => Err(Wrong::Unexpected),
            _ => Ok(period),
        }
    }

    fn write(&self, value: &Duration) -> Option<String> {
        Some(format!("\"{}\"", period_text(*value)))
    }

    fn expected(&self) -> Cow<'static, str> {
        let write = "a period such as \"3 s\": a whole number with ms, s, min, h or d";
        match self {
            Self::Any => write.into(),
            Self::Some => format!("{write}, more than nothing").into(),
        }
    }
}

fn parse_period(text: &str) -> Option<Duration> {
    let (number, unit) = split(text)?;
    let (_, millis) = PERIOD_UNITS.iter().find(|(name, _)| *name == unit)?;
    let millis = number.checked_mul(*millis).filter(|it| *it <= LONGEST)?;
    Some(Duration::from_millis(millis))
}

/// In the largest unit of which it is a whole number.
pub(in crate::config) fn period_text(period: Duration) -> String {
    let millis = u64::try_from(period.as_millis()).unwrap_or(u64::MAX);
    let is_whole = |(_, unit): &&(&str, u64)| millis >= *unit && millis.is_multiple_of(*unit);
    let (name, unit) = PERIOD_UNITS.iter().find(is_whole).unwrap_or(&("s", 1));
    format!("{} {name}", millis / unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_has_a_unit_and_is_written_in_the_largest_that_fits() {
        for (text, millis, written) in [
            ("3 s", 3000, "3 s"),
            ("100ms", 100, "100 ms"),
            ("1500 ms", 1500, "1500 ms"),
            ("90 s", 90_000, "90 s"),
            ("120 s", 120_000, "2 min"),
            ("24 h", 86_400_000, "1 d"),
            ("0 s", 0, "0 s"),
        ] {
            let period = Duration::from_millis(millis);
            assert_eq!(parse_period(text), Some(period), "{text}");
            assert_eq!(period_text(period), written);
        }
        for text in ["", "3", "3 sec", "3 S", "1.5 s", "-1 s", "s", "3 m", "36501 d"] {
            assert_eq!(parse_period(text), None, "{text}");
        }
    }
}
