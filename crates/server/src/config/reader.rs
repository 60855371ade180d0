//! Reads sections out of a file, and tells of all that makes no sense there.

use toml::{
    Spanned,
    de::{DeString, DeTable, DeValue},
};

use super::{
    applications::Applications,
    elsewhere::home_of,
    faults::Place,
    format::{Format, Reading, Value, is_off, place, shown},
    keys::{Keys, Placed, Places, Section},
    nearest::{instead, nearest},
    sections::Top,
};

/// Reads one section.
struct Reader<'r, 'a, 't, 'i> {
    entries: Vec<Entry<'t, 'i>>,
    /// Every key that there may be.
    known: Vec<&'static str>,
    places: Places,
    reading: &'r mut Reading<'a>,
    applications: &'r Applications,
}

struct Entry<'t, 'i> {
    name: &'t Spanned<DeString<'i>>,
    value: &'t Value<'i>,
    is_known: bool,
}

/// Reads a section of which a table is written at this place.
pub(super) fn read<S: Section>(
    section: &mut Placed<S>,
    at: Place,
    table: &DeTable<'_>,
    reading: &mut Reading<'_>,
    applications: &Applications,
) {
    let entry = |(name, value)| Entry { name, value, is_known: false };
    let mut reader = Reader {
        entries: table.iter().map(entry).collect(),
        known: Vec::new(),
        places: Places { section: at, ..Places::default() },
        reading,
        applications,
    };
    section.keys(&mut reader);
    reader.refuse_unknown(S::NAME);
    section.places = reader.places;
}

impl<'a, 't, 'i> Reader<'_, 'a, 't, 'i> {
    /// What stands behind a key, if it is there.
    fn take(&mut self, name: &'static str) -> Option<&'t Value<'i>> {
        self.known.push(name);
        let entry = self.entries.iter_mut().find(|it| it.name.get_ref() == name)?;
        entry.is_known = true;
        self.places.keys.push((name, entry.name.span().start));
        Some(entry.value)
    }

    /// Reads a section within this one; `None` if it is none.
    fn read_within<S: Section>(
        &mut self,
        name: &'static str,
        mut section: Placed<S>,
        value: &Value<'_>,
    ) -> Option<Placed<S>> {
        let at = place(value);
        match (value.get_ref(), S::SHORT) {
            (DeValue::Table(table), _) => {
                read(&mut section, at, table, self.reading, self.applications);
            }
            (DeValue::String(_), Some(key)) => {
                let name = Spanned::new(value.span(), DeString::Borrowed(key));
                let table = DeTable::from_iter([(name, value.clone())]);
                read(&mut section, at, &table, self.reading, self.applications);
            }
            _ => {
                let short = S::SHORT.map_or("", |_| ", or a text");
                let write = format!("write {} as a section [{name}]{short}", S::NAME);
                self.reading.faults.add(at, format!("{name:?} is {}: {write}", shown(value)));
                return None;
            }
        }
        Some(section)
    }

    fn refuse_unknown(&mut self, section: &str) {
        for entry in self.entries.iter().filter(|it| !it.is_known) {
            let name = entry.name.get_ref();
            // What stands behind a section's brackets is that section's, whatever was meant.
            let home =
                home_of(name).filter(|_| nearest(name, self.known.iter().copied()).is_none());
            let instead = match home {
                Some(Top::NAME) => "; it stands before the first section".to_owned(),
                Some(home) => format!("; it is one of {home}"),
                None => instead(name, &self.known, "there is none"),
            };
            let sentence = format!("unknown key {name:?} of {section}{instead}");
            self.reading.faults.add(entry.name.span().start, sentence);
        }
    }
}

impl Keys for Reader<'_, '_, '_, '_> {
    fn key<T>(&mut self, name: &'static str, format: impl Format<T>, value: &mut T) {
        let Some(given) = self.take(name) else { return };
        match self.reading.value(name, &format, given) {
            Some(read) => *value = read,
            None => self.places.is_broken = true,
        }
    }

    fn required<T>(&mut self, name: &'static str, format: impl Format<T>, value: &mut T) {
        self.key(name, &format, value);
        if !self.places.has(name) {
            let sentence = format!("{name:?} is missing: write {}", format.expected());
            self.reading.faults.add(self.places.section, sentence);
        }
    }

    fn section<S: Section>(&mut self, name: &'static str, section: &mut Placed<S>) {
        let Some(value) = self.take(name) else { return };
        let now = std::mem::replace(section, Placed::new());
        if let Some(read) = self.read_within(name, now, value) {
            *section = read;
        }
    }

    fn optional<S: Section>(&mut self, name: &'static str, section: &mut Option<Placed<S>>) {
        match self.take(name) {
            None => {}
            Some(value) if is_off(value) => *section = None,
            Some(value) => {
                let now = section.take().unwrap_or_else(Placed::new);
                *section = self.read_within(name, now, value);
            }
        }
    }

    fn sections<S: Section>(&mut self, name: &'static str, sections: &mut Vec<Placed<S>>) {
        let Some(value) = self.take(name) else { return };
        let DeValue::Array(array) = value.get_ref() else {
            let write = format!("write {} as a section [[{name}]], in two brackets", S::NAME);
            let sentence = format!("{name:?} is {}: {write}", shown(value));
            self.reading.faults.add(place(value), sentence);
            return;
        };
        for value in array {
            if let Some(section) = self.read_within(name, Placed::new(), value) {
                sections.push(section);
            }
        }
    }

    fn applications(&self) -> Option<&Applications> {
        Some(self.applications)
    }
}
