//! Conditional requests (RFC 9110 §13), as they are for GET and HEAD.

use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::{
    date::Date,
    validators::{EntityTag, EntityTags, Validators},
};

/// What a request's preconditions come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HandshakeState {
    Proceed,
    /// 304
    NotModified,
    /// 412
    Failed,
}

/// RFC 9110 §13.2.2: the preconditions in the order in which they count.
pub(super) fn evaluate(headers: &HeaderMap, current: &Validators, now: Date) -> HandshakeState {
    // 1. If-Match; 2. only without it, If-Unmodified-Since.
    let holds = match matches(headers, header::IF_MATCH, |tag| current.is_strongly(tag)) {
        Some(is_match) => is_match,
        None => was_modified(headers, header::IF_UNMODIFIED_SINCE, current, now) != Some(true),
    };
    if !holds {
        return HandshakeState::Failed;
    }
    // 3. If-None-Match; 4. only without it, If-Modified-Since.
    let is_known = match matches(headers, header::IF_NONE_MATCH, |tag| current.is_weakly(tag)) {
        Some(is_match) => is_match,
        None => was_modified(headers, header::IF_MODIFIED_SINCE, current, now) == Some(false),
    };
    if is_known { HandshakeState::NotModified } else { HandshakeState::Proceed }
}

/// 5. RFC 9110 §13.1.5: whether a `Range` counts, as far as `If-Range` has a say in it.
pub(super) fn range_counts(headers: &HeaderMap, current: &Validators, now: Date) -> bool {
    if !headers.contains_key(header::IF_RANGE) {
        return true;
    }
    let Some(value) = single(headers, &header::IF_RANGE) else { return false };
    if let Some((tag, rest)) = EntityTag::parse(value.as_bytes()) {
        return rest.is_empty() && current.is_strongly(tag);
    }
    // A date has to be the very one, not a later one.
    let date = Date::parse(value, now);
    date.is_some() && date == current.modified
}

/// Whether one of the entity tags in these headers matches; `None` without such a header.
fn matches(
    headers: &HeaderMap,
    name: HeaderName,
    is_match: impl Fn(EntityTag<'_>) -> bool,
) -> Option<bool> {
    let lists = headers.get_all(&name);
    if single(headers, &name).is_some_and(|it| it.as_bytes() == b"*") {
        // There is a current representation: it is what is asked for.
        return Some(true);
    }
    headers.contains_key(&name).then(|| lists.iter().flat_map(EntityTags::new).any(is_match))
}

/// Whether the file has changed since the date in this header; `None` if that is not to be asked.
///
/// RFC 9110 §13.1.3, §13.1.4: a date that is none, or several, is ignored, and so is every date if
/// the file has none.
fn was_modified(
    headers: &HeaderMap,
    name: HeaderName,
    current: &Validators,
    now: Date,
) -> Option<bool> {
    let since = Date::parse(single(headers, &name)?, now)?;
    Some(current.modified? > since)
}

fn single<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h HeaderValue> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())
}
