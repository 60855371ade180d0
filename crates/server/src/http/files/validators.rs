//! What tells one version of a file from another (RFC 9110 §8.8): entity tag and modification date.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::{HeaderMap, HeaderValue, header};

use super::{date::Date, encoding::Encoding};

/// The validators of what would be sent.
#[derive(Debug)]
pub(super) struct Validators {
    /// A strong one, with its quotes.
    tag: Option<String>,
    pub(super) modified: Option<Date>,
}

impl Validators {
    /// Those of a file that was modified then, is `len` bytes long and is sent in this encoding.
    pub(super) fn new(
        modified: Option<SystemTime>,
        len: u64,
        encoding: Encoding,
        now: SystemTime,
    ) -> Self {
        let since = modified.and_then(|it| it.duration_since(UNIX_EPOCH).ok());
        // Reproducible builds set every file to the beginning of time, or a second after: that date
        // tells no version from another.
        let Some(since) = since.filter(|it| *it > Duration::from_secs(1)) else {
            return Self { tag: None, modified: None };
        };
        let (dash, coding) = encoding.name().map_or(("", ""), |name| ("-", name));
        // RFC 9110 §8.8.2.1: a date that is yet to come becomes that of the answer.
        let modified = Date::of((UNIX_EPOCH + since).min(now));
        let tag = format!("\"{:x}-{len:x}{dash}{coding}\"", since.as_nanos());
        Self { tag: Some(tag), modified: Some(modified) }
    }

    pub(super) fn write(&self, headers: &mut HeaderMap) {
        let tag = self.tag.as_deref().and_then(|tag| HeaderValue::from_str(tag).ok());
        let modified = self.modified.and_then(Date::to_header);
        let both = [(header::ETAG, tag), (header::LAST_MODIFIED, modified)];
        headers.extend(both.into_iter().filter_map(|(name, value)| Some((name, value?))));
    }

    /// RFC 9110 §8.8.3.2: strong comparison.
    pub(super) fn is_strongly(&self, presented: EntityTag<'_>) -> bool {
        !presented.is_weak && self.is_weakly(presented)
    }

    /// RFC 9110 §8.8.3.2: weak comparison.
    pub(super) fn is_weakly(&self, presented: EntityTag<'_>) -> bool {
        self.tag.as_ref().is_some_and(|tag| tag.as_bytes() == presented.quoted)
    }
}

/// An entity tag that a client presents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct EntityTag<'v> {
    is_weak: bool,
    /// The opaque tag with its quotes.
    quoted: &'v [u8],
}

impl<'v> EntityTag<'v> {
    /// RFC 9110 §8.8.3: `[ "W/" ] DQUOTE *etagc DQUOTE`, and what stands behind it.
    pub(super) fn parse(value: &'v [u8]) -> Option<(Self, &'v [u8])> {
        let (is_weak, quoted) = match value.strip_prefix(b"W/") {
            Some(quoted) => (true, quoted),
            None => (false, value),
        };
        let opaque = quoted.strip_prefix(b"\"")?;
        let is_etagc = |byte: &u8| matches!(byte, 0x21 | 0x23..=0x7E | 0x80..);
        let end = opaque.iter().position(|byte| !is_etagc(byte))?;
        let (quoted, rest) = quoted.split_at(end + 2);
        quoted.ends_with(b"\"").then_some((Self { is_weak, quoted }, rest))
    }
}

/// The entity tags in a list (RFC 9110 §5.6.1.2): its empty elements are nothing, and elements that
/// are no entity tags match nothing, so they are left out.
pub(super) struct EntityTags<'v>(&'v [u8]);

impl<'v> EntityTags<'v> {
    pub(super) fn new(value: &'v HeaderValue) -> Self {
        Self(value.as_bytes())
    }
}

impl<'v> Iterator for EntityTags<'v> {
    type Item = EntityTag<'v>;

    fn next(&mut self) -> Option<EntityTag<'v>> {
        loop {
            let start = self.0.iter().position(|byte| !matches!(byte, b' ' | b'\t' | b','))?;
            self.0 = &self.0[start..];
            let parsed = EntityTag::parse(self.0);
            let behind = parsed.map_or(self.0, |(_, rest)| rest);
            let end = behind.iter().position(|byte| *byte == b',').unwrap_or(behind.len());
            let (between, rest) = behind.split_at(end);
            self.0 = rest;
            if let Some((tag, _)) = parsed.filter(|_| between.trim_ascii().is_empty()) {
                return Some(tag);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_entity_tags_is_read_as_far_as_it_is_one() {
        for (list, tags) in [
            ("", &[][..]),
            (" , ,\t,", &[]),
            ("\"a\"", &["\"a\""]),
            ("\"\"", &["\"\""]),
            ("\"a\",\"b\" , W/\"c\",", &["\"a\"", "\"b\"", "W/\"c\""]),
            ("\"a, b\", \"c\"", &["\"a, b\"", "\"c\""][1..]),
            ("\"a,b\"", &["\"a,b\""]),
            ("a, \"b\"", &["\"b\""]),
            ("w/\"a\", \"b\"", &["\"b\""]),
            ("\"a\" \"b\", \"c\"", &["\"c\""]),
            ("*, \"a\"", &["\"a\""]),
            ("\"a", &[]),
            ("W/", &[]),
        ] {
            let value = HeaderValue::from_str(list).unwrap();
            let read: Vec<_> = EntityTags::new(&value)
                .map(|it| [if it.is_weak { &b"W/"[..] } else { b"" }, it.quoted].concat())
                .collect();
            let tags: Vec<_> = tags.iter().map(|it| it.as_bytes()).collect();
            assert_eq!(read, tags, "{list}");
        }
    }

    #[test]
    fn weak_tags_are_equal_to_strong_ones_by_weak_comparison_alone() {
        let ours = Validators { tag: Some("\"1\"".to_owned()), modified: None };
        for (presented, weakly, strongly) in
            [("\"1\"", true, true), ("W/\"1\"", true, false), ("\"2\"", false, false)]
        {
            let (tag, _) = EntityTag::parse(presented.as_bytes()).unwrap();
            assert_eq!((ours.is_weakly(tag), ours.is_strongly(tag)), (weakly, strongly));
        }
    }
}
