//! In which section a key is at home that was written in another.

use super::{
    applications::Applications,
    format::Format,
    keys::{Keys, Placed, Section},
    sections::Top,
};

/// Looks for a key in one section, and those within it.
struct Search<'n> {
    name: &'n str,
    /// What the section is called.
    section: &'static str,
    found: Option<&'static str>,
}

/// What the section is called that has a key of this name, if there is one.
pub(super) fn home_of(name: &str) -> Option<&'static str> {
    let mut search = Search { name, section: Top::NAME, found: None };
    Top::new().keys(&mut search);
    search.found
}

impl Search<'_> {
    fn look(&mut self, name: &str) {
        if name == self.name {
            self.found.get_or_insert(self.section);
        }
    }

    fn look_within<S: Section>(&mut self, name: &str) {
        self.look(name);
        let mut search = Search { name: self.name, section: S::NAME, found: None };
        S::new().keys(&mut search);
        self.found = self.found.or(search.found);
    }
}

impl Keys for Search<'_> {
    fn key<T>(&mut self, name: &'static str, _: impl Format<T>, _: &mut T) {
        self.look(name);
    }

    fn required<T>(&mut self, name: &'static str, _: impl Format<T>, _: &mut T) {
        self.look(name);
    }

    fn section<S: Section>(&mut self, name: &'static str, _: &mut Placed<S>) {
        self.look_within::<S>(name);
    }

    fn optional<S: Section>(&mut self, name: &'static str, _: &mut Option<Placed<S>>) {
        self.look_within::<S>(name);
    }

    fn sections<S: Section>(&mut self, name: &'static str, _: &mut Vec<Placed<S>>) {
        self.look_within::<S>(name);
    }

    fn applications(&self) -> Option<&Applications> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_is_found_where_it_is_at_home() {
        for (name, section) in [
            ("workers", Some("the file")),
            ("limits", Some("the file")),
            ("head_period", Some("[limits]")),
            ("per_second", Some("handshakes_per_ip")),
            ("key_pem", Some("tls")),
            ("websocket", Some("a host")),
            ("max_msg_size", Some("an endpoint")),
            ("level", Some("[log]")),
            ("threshold", Some("compression")),
            ("nothing", None),
        ] {
            assert_eq!(home_of(name), section, "{name}");
        }
    }
}
