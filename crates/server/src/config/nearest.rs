//! The name that was meant by one that is not there.

use strsim::damerau_levenshtein;

/// The known name that differs least, if it differs so little that it may be meant.
pub(super) fn nearest<'n>(
    given: &str,
    known: impl IntoIterator<Item = &'n str>,
) -> Option<&'n str> {
    let distance = |name: &str| damerau_levenshtein(&given.to_lowercase(), name);
    let near = known.into_iter().map(|name| (distance(name), name));
    let (distance, name) = near.min_by_key(|(distance, _)| *distance)?;
    (distance <= (given.chars().count().max(name.len()) / 3).max(1)).then_some(name)
}

/// What follows a sentence about a name that is not there: the one that was meant, or all that there are.
pub(super) fn instead(given: &str, known: &[&str], none: &str) -> String {
    match nearest(given, known.iter().copied()) {
        Some(name) => format!("; did you mean {name:?}?"),
        None if known.is_empty() => format!(": {none}"),
        None => format!(": there is {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_meant_is_found_and_nothing_that_is_not() {
        let known = ["max_msg_size", "max_frame_size", "path", "heartbeat_period"];
        for (given, meant) in [
            ("max_mesage_size", Some("max_msg_size")),
            ("max_message_size", Some("max_msg_size")),
            ("MAX_MSG_SIZE", Some("max_msg_size")),
            ("maxframesize", Some("max_frame_size")),
            ("paht", Some("path")),
            ("heartbeat", None),
            ("colour", None),
            ("", None),
        ] {
            assert_eq!(nearest(given, known), meant, "{given}");
        }
        assert_eq!(nearest("a", []), None);
    }
}
