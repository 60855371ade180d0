//! Ranges of bytes (RFC 9110 §14).

use std::ops::Range;

use http::{HeaderMap, header};

/// More ranges than anybody needs who reads a file: a request for more gets all of it.
const MAX_RANGES: usize = 32;

/// What the head of a part and the line before it take, about (RFC 9110 §15.3.7.2).
const PART_OVERHEAD: u64 = 80;

/// What of a file is to be sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Selection {
    /// All of it: 200.
    Whole,
    /// This range: 206.
    One(Range<u64>),
    /// These ranges, none of which overlap: 206, in parts.
    Several(Vec<Range<u64>>),
    /// 416
    Unsatisfiable,
}

/// What the `Range` header selects of `len` bytes. One that is not understood is ignored (§14.2).
pub(super) fn select(headers: &HeaderMap, len: u64) -> Selection {
    let mut lines = headers.get_all(header::RANGE).iter();
    let (Some(line), None) = (lines.next(), lines.next()) else { return Selection::Whole };
    let Some(specs) = line.to_str().ok().and_then(parse) else { return Selection::Whole };
    let mut ranges: Vec<Range<u64>> = Vec::new();
    for spec in specs {
        match spec.resolve(len) {
            Ok(range) if range.is_empty() => return Selection::Whole,
            Ok(range) => insert(&mut ranges, range),
            Err(Unsatisfiable) => {}
        }
    }
    let sent: u64 = ranges.iter().map(|it| it.end - it.start).sum();
    match ranges.len() {
        0 => Selection::Unsatisfiable,
        1 => Selection::One(ranges.remove(0)),
        // Then all of it is the shorter answer.
        parts if sent + parts as u64 * PART_OVERHEAD >= len => Selection::Whole,
        _ => Selection::Several(ranges),
    }
}

/// Adds a range, in its place, which is the first of those that it overlaps or touches: what is sent
/// is never more than the file.
fn insert(ranges: &mut Vec<Range<u64>>, mut range: Range<u64>) {
    let mut place = ranges.len();
    while let Some(other) =
        ranges.iter().rposition(|it| it.start <= range.end && range.start <= it.end)
    {
        let merged = ranges.remove(other);
        range = range.start.min(merged.start)..range.end.max(merged.end);
        place = other;
    }
    ranges.insert(place, range);
}

/// RFC 9110 §14.1.1.
#[derive(Debug, PartialEq, Eq)]
enum Spec {
    /// `first-pos "-" [ last-pos ]`
    From(u64, Option<u64>),
    /// `"-" suffix-length`
    Suffix(u64),
}

struct Unsatisfiable;

impl Spec {
    /// `int-range / suffix-range`
    fn parse(text: &str) -> Option<Self> {
        let (first, last) = text.split_once('-')?;
        match (first, last) {
            ("", length) => Some(Self::Suffix(number(length)?)),
            (first, "") => Some(Self::From(number(first)?, None)),
            (first, last) => {
                let (first, last) = (number(first)?, number(last)?);
                // One whose end is before its start is invalid.
                (first <= last).then_some(Self::From(first, Some(last)))
            }
        }
    }

    /// RFC 9110 §14.1.2. The last bytes of an empty file are satisfiable, and empty.
    fn resolve(&self, len: u64) -> Result<Range<u64>, Unsatisfiable> {
        match *self {
            Self::Suffix(0) => Err(Unsatisfiable),
            Self::Suffix(suffix) => Ok(len.saturating_sub(suffix)..len),
            Self::From(first, _) if first >= len => Err(Unsatisfiable),
            Self::From(first, None) => Ok(first..len),
            Self::From(first, Some(last)) => Ok(first..last.saturating_add(1).min(len)),
        }
    }
}

/// `range-unit "=" range-set`, if the unit is bytes, in any case of letters, and the set is one.
fn parse(text: &str) -> Option<Vec<Spec>> {
    let (unit, set) = text.split_once('=')?;
    if !unit.eq_ignore_ascii_case("bytes") {
        return None;
    }
    // RFC 9110 §5.6.1.2: empty elements of a list are nothing.
    let specs = set.split(',').map(|it| it.trim_matches([' ', '\t'])).filter(|it| !it.is_empty());
    let specs = specs.take(MAX_RANGES + 1).map(Spec::parse).collect::<Option<Vec<_>>>()?;
    (1..=MAX_RANGES).contains(&specs.len()).then_some(specs)
}

/// Digits; more than there are bytes anywhere is as far as can be.
fn number(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn selection(value: &str, len: u64) -> Selection {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, HeaderValue::from_str(value).unwrap());
        select(&headers, len)
    }

    #[test]
    fn several_ranges_are_sent_in_the_order_asked_for_and_no_byte_twice() {
        for (value, ranges) in [
            ("bytes=0-9,100-109", vec![0..10, 100..110]),
            ("bytes=100-109,0-9", vec![100..110, 0..10]),
            ("bytes=-10,0-9", vec![990..1000, 0..10]),
            ("bytes=0-9, 20-29 ,,\t5-24,100-109", vec![0..30, 100..110]),
            ("bytes=100-109,0-9,10-19,90-99", vec![90..110, 0..20]),
            ("bytes=0-9,100-109,2000-3000", vec![0..10, 100..110]),
        ] {
            assert_eq!(selection(value, 1000), Selection::Several(ranges), "{value}");
        }
    }

    #[test]
    fn what_comes_to_one_range_is_one() {
        for (value, range) in [
            ("bytes=0-9,5-14", 0..15),
            ("bytes=0-9,10-19", 0..20),
            ("bytes=0-9,0-9,0-9", 0..10),
            ("bytes=0-9,2000-", 0..10),
            ("bytes=0-,0-,0-,0-", 0..1000),
        ] {
            assert_eq!(selection(value, 1000), Selection::One(range), "{value}");
        }
    }

    #[test]
    fn too_many_ranges_or_too_small_ones_are_answered_with_all() {
        let tiny: Vec<_> = (0..MAX_RANGES).map(|it| format!("{}-{0}", it * 2)).collect();
        assert_eq!(selection(&format!("bytes={}", tiny.join(",")), 1000), Selection::Whole);
        let far = |count: usize| {
            let ranges: Vec<_> = (0..count).map(|it| format!("{}-{0}", it * 1000)).collect();
            selection(&format!("bytes={}", ranges.join(",")), 1 << 40)
        };
        assert!(matches!(far(MAX_RANGES), Selection::Several(it) if it.len() == MAX_RANGES));
        assert_eq!(far(MAX_RANGES + 1), Selection::Whole);
    }

    #[test]
    fn no_number_is_too_large() {
        let huge = "9".repeat(40);
        assert_eq!(selection(&format!("bytes=5-{huge}"), 10), Selection::One(5..10));
        assert_eq!(selection(&format!("bytes=-{huge}"), 10), Selection::One(0..10));
        assert_eq!(selection(&format!("bytes={huge}-"), 10), Selection::Unsatisfiable);
        assert_eq!(
            selection(&format!("bytes=0-{}", u64::MAX), u64::MAX),
            Selection::One(0..u64::MAX)
        );
    }
}
