//! All that is wrong with a text, and where.

use super::ConfigFault;

/// A byte of the text.
pub(super) type Place = usize;

/// What has been found so far.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<(Place, String)>);

impl Faults {
    pub(super) fn add(&mut self, place: Place, sentence: impl Into<String>) {
        self.0.push((place, sentence.into()));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// In the order of the lines of the text.
    pub(super) fn of(mut self, text: &str) -> Vec<ConfigFault> {
        self.0.sort_by_key(|(place, _)| *place);
        let fault = |(place, sentence)| {
            let (line, column) = position(text, place);
            ConfigFault { line, column, sentence }
        };
        self.0.into_iter().map(fault).collect()
    }
}

/// The line and the column of a byte, both from 1 on, the column in characters.
fn position(text: &str, place: Place) -> (usize, usize) {
    let end = (0..=place.min(text.len())).rev().find(|&it| text.is_char_boundary(it));
    let before = &text[..end.unwrap_or_default()];
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_line_and_a_column_in_characters() {
        let text = "a = 1\n# grüß\nä = 2";
        for (place, at) in [
            (0, (1, 1)),
            (4, (1, 5)),
            (6, (2, 1)),
            (text.find("ä").unwrap(), (3, 1)),
            (text.find("2").unwrap(), (3, 5)),
            (text.len(), (3, 6)),
            (1000, (3, 6)),
        ] {
            assert_eq!(position(text, place), at, "{place}");
        }
    }

    #[test]
    fn they_are_told_in_the_order_of_their_lines() {
        let mut faults = Faults::default();
        for (place, sentence) in [(4, "third"), (0, "first"), (2, "second")] {
            faults.add(place, sentence);
        }
        let told = faults.of("1\n2\n3\n");
        let told: Vec<_> = told.iter().map(|it| (it.line, &*it.sentence)).collect();
        assert_eq!(told, [(1, "first"), (2, "second"), (3, "third")]);
    }
}
