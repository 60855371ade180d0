//! What a section of a file has, told once: for who reads one, and for who writes one.

use std::ops::{Deref, DerefMut};

use super::{applications::Applications, faults::Place, format::Format};

/// A part of a file, as a table of keys.
pub(super) trait Section {
    /// What it is called in sentences: "a listener", "[limits]".
    const NAME: &'static str;

    /// The key that is meant by a text that stands in the place of the table.
    const SHORT: Option<&'static str> = None;

    /// One of which nothing is said.
    fn new() -> Self;

    /// Shows each of its keys.
    fn keys(&mut self, keys: &mut impl Keys);
}

/// Who is shown the keys of a section.
pub(super) trait Keys {
    /// A key that may be left out.
    fn key<T>(&mut self, name: &'static str, format: impl Format<T>, value: &mut T);

    /// A key without which the section is nothing.
    fn required<T>(&mut self, name: &'static str, format: impl Format<T>, value: &mut T);

    /// A section within this one.
    fn section<S: Section>(&mut self, name: &'static str, section: &mut Placed<S>);

    /// One that may be `false`, or is only there if it is written.
    fn optional<S: Section>(&mut self, name: &'static str, section: &mut Option<Placed<S>>);

    /// Any number of them.
    fn sections<S: Section>(&mut self, name: &'static str, sections: &mut Vec<Placed<S>>);

    /// What the program has registered, if what is shown is about to be read.
    fn applications(&self) -> Option<&Applications>;
}

/// A section, and where each of its keys is.
#[derive(Debug)]
pub(super) struct Placed<S> {
    section: S,
    pub(super) places: Places,
}

/// Where a section is, and each key that was written there.
#[derive(Clone, Debug, Default)]
pub(super) struct Places {
    pub(super) section: Place,
    pub(super) keys: Vec<(&'static str, Place)>,
    /// Whether one of them is not as it was written, as that makes no sense.
    pub(super) is_broken: bool,
}

impl Places {
    /// Where a key is, or else its section.
    pub(super) fn of(&self, key: &str) -> Place {
        let found = self.keys.iter().find(|(name, _)| *name == key);
        found.map_or(self.section, |(_, place)| *place)
    }

    /// Whether a key was written.
    pub(super) fn has(&self, key: &str) -> bool {
        self.keys.iter().any(|(name, _)| *name == key)
    }
}

impl<S: Section> Placed<S> {
    /// One that is written nowhere.
    pub(super) fn new() -> Self {
        Self::of(S::new())
    }

    pub(super) fn of(section: S) -> Self {
        Self { section, places: Places::default() }
    }

    pub(super) fn into_inner(self) -> S {
        self.section
    }
}

impl<S> Deref for Placed<S> {
    type Target = S;

    fn deref(&self) -> &S {
        &self.section
    }
}

impl<S> DerefMut for Placed<S> {
    fn deref_mut(&mut self) -> &mut S {
        &mut self.section
    }
}
