//! Which connection of another node is its latest.
//!
//! What a node has written to a connection may arrive when it has another one already: a server that stood still, or a
//! network, has kept it. It would come after what was said later. So each connection of a bus has a number, an *epoch*,
//! in the subjects that it publishes to, and what is of an earlier one than was heard last is not taken in.

use std::collections::HashMap;

/// How many buses are kept in mind. Beyond it all are forgotten, and learned anew.
const MAX_BUSES: usize = 10_000;

/// By the random numbers of their buses.
#[derive(Default)]
pub(crate) struct Epochs(HashMap<u64, u64>);

impl Epochs {
    /// Whether what comes by this subject is of the latest connection that was heard of its node.
    pub(crate) fn is_current(&mut self, subject: &str) -> bool {
        // Whoever publishes by another subject is no bus of this kind, and what it says is for others to judge.
        let Some((bus, epoch)) = parse(subject) else { return true };
        match self.0.get_mut(&bus) {
            Some(latest) => {
                *latest = epoch.max(*latest);
                epoch == *latest
            }
            None => {
                if self.0.len() >= MAX_BUSES {
                    self.0.clear();
                }
                self.0.insert(bus, epoch);
                true
            }
        }
    }
}

/// How many frames a message has, as its subject tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    One,
    /// In a [batch](crate::batch).
    Several,
}

impl Form {
    fn token(self) -> &'static str {
        match self {
            Self::One => "p",
            Self::Several => "b",
        }
    }

    /// What a message of this subject has.
    pub(crate) fn of(subject: &str) -> Self {
        match subject.rsplit('.').nth(3) {
            Some(token) if token == Self::Several.token() => Self::Several,
            _ => Self::One,
        }
    }
}

/// What a connection publishes a partition to.
pub(crate) fn subject(prefix: &str, form: Form, partition: u16, bus: u64, epoch: u64) -> String {
    format!("{prefix}.v1.{}.{partition}.{bus:x}.{epoch}", form.token())
}

/// All of these subjects.
pub(crate) fn subjects(prefix: &str) -> String {
    format!("{prefix}.v1.*.*.*.*")
}

fn parse(subject: &str) -> Option<(u64, u64)> {
    let mut tokens = subject.rsplit('.');
    let (epoch, bus) = (tokens.next()?, tokens.next()?);
    Some((u64::from_str_radix(bus, 16).ok()?, epoch.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_of_an_earlier_connection_than_was_heard_last_is_late() {
        let mut epochs = Epochs::default();
        for (partition, bus, epoch, is_current) in [
            (1, 0xA, 3, true),
            (1, 0xA, 3, true),
            (2, 0xB, 1, true),
            (2, 0xA, 4, true),
            (1, 0xA, 3, false),
            (2, 0xB, 1, true),
            (1, 0xA, 4, true),
        ] {
            let subject = subject("a.b", Form::One, partition, bus, epoch);
            assert_eq!(epochs.is_current(&subject), is_current, "{subject}");
        }
        for strange in ["", "a.v1.p.3", "a.v1.p.3.x.y"] {
            assert!(epochs.is_current(strange) && epochs.is_current(strange));
        }
    }

    #[test]
    fn a_subject_tells_whether_there_are_several_frames() {
        for form in [Form::One, Form::Several] {
            assert_eq!(Form::of(&subject("a.b", form, 63, 0xA, 3)), form);
        }
        assert_eq!(Form::of("b"), Form::One);
    }

    #[test]
    fn no_more_are_kept_in_mind_than_there_may_be() {
        let mut epochs = Epochs::default();
        for bus in 0..2 * MAX_BUSES as u64 + 1 {
            assert!(epochs.is_current(&subject("a", Form::Several, 0, bus, 1)));
            assert!(epochs.0.len() <= MAX_BUSES);
        }
    }
}
