//! Writes sections as a file from which they can be read again.

use super::{
    applications::Applications,
    format::Format,
    keys::{Keys, Placed, Section},
};

/// Writes one section.
struct Writer<'p> {
    /// As it stands in brackets; empty at the top of a file.
    path: &'p str,
    /// Its own keys, a line each.
    lines: String,
    /// The sections within it, which come behind them.
    within: String,
}

/// A whole file.
pub(super) fn write<S: Section>(top: &mut Placed<S>) -> String {
    let mut writer = Writer::new("");
    top.keys(&mut writer);
    writer.lines + &writer.within
}

impl<'p> Writer<'p> {
    fn new(path: &'p str) -> Self {
        Self { path, lines: String::new(), within: String::new() }
    }

    fn write_within<S: Section>(&mut self, name: &str, section: &mut Placed<S>, is_one_of: bool) {
        let dot = if self.path.is_empty() { "" } else { "." };
        let path = format!("{}{dot}{name}", self.path);
        let mut writer = Writer::new(&path);
        section.keys(&mut writer);
        let header = if is_one_of { format!("[[{path}]]") } else { format!("[{path}]") };
        self.within += &format!("\n{header}\n{}{}", writer.lines, writer.within);
    }
}

impl Keys for Writer<'_> {
    fn key<T>(&mut self, name: &'static str, format: impl Format<T>, value: &mut T) {
        if let Some(text) = format.write(value) {
            self.lines += &format!("{name} = {text}\n");
        }
    }

    fn required<T>(&mut self, name: &'static str, format: impl Format<T>, value: &mut T) {
        self.key(name, format, value);
    }

    fn section<S: Section>(&mut self, name: &'static str, section: &mut Placed<S>) {
        self.write_within(name, section, false);
    }

    fn optional<S: Section>(&mut self, name: &'static str, section: &mut Option<Placed<S>>) {
        match section {
            Some(section) => self.write_within(name, section, false),
            None => self.lines += &format!("{name} = false\n"),
        }
    }

    fn sections<S: Section>(&mut self, name: &'static str, sections: &mut Vec<Placed<S>>) {
        for section in sections {
            self.write_within(name, section, true);
        }
    }

    fn applications(&self) -> Option<&Applications> {
        None
    }
}
