//! Several values behind one key.

use std::borrow::Cow;

use toml::de::DeValue;

use super::{Format, Reading, Value, Wrong, place, quoted};

/// An array of them.
pub(in crate::config) struct Many<F>(pub(in crate::config) F);

impl<T, F: Format<T>> Format<Vec<T>> for Many<F> {
    fn read(&self, value: &Value<'_>, reading: &mut Reading<'_>) -> Result<Vec<T>, Wrong> {
        let DeValue::Array(array) = value.get_ref() else { return Err(Wrong::Unexpected) };
        let read = |it| reading.value_of("one of ", &self.0, it);
        let values: Vec<_> = array.iter().map(read).collect();
        values.into_iter().collect::<Option<_>>().ok_or(Wrong::Told)
    }

    fn write(&self, value: &Vec<T>) -> Option<String> {
        let values: Vec<_> = value.iter().filter_map(|it| self.0.write(it)).collect();
        Some(format!("[{}]", values.join(", ")))
    }

    fn expected(&self) -> Cow<'static, str> {
        format!("an array, as in [\"…\"], each {}", self.0.expected()).into()
    }
}

/// A table of names and texts, in the order of its lines.
pub(in crate::config) struct Pairs(
    /// What is wrong with a name and its text.
    pub(in crate::config) fn(&str, &str) -> Result<(), String>,
    pub(in crate::config) &'static str,
);

impl Format<Vec<(String, String)>> for Pairs {
    fn read(
        &self,
        value: &Value<'_>,
        reading: &mut Reading<'_>,
    ) -> Result<Vec<(String, String)>, Wrong> {
        let DeValue::Table(table) = value.get_ref() else { return Err(Wrong::Unexpected) };
        let mut entries: Vec<_> = table.iter().collect();
        entries.sort_by_key(|(name, _)| name.span().start);
        let mut pairs = Some(Vec::new());
        for (name, value) in entries {
            let name = name.get_ref();
            let text = match reading.text(value) {
                Ok(text) => (self.0)(name, &text).map(|()| text),
                Err(Wrong::Because(sentence)) => Err(sentence),
                Err(_) => Err(format!("{name:?} is no text: write {}", self.1)),
            };
            match text {
                Ok(text) => _ = pairs.as_mut().map(|it| it.push((name.to_string(), text))),
                Err(sentence) => {
                    reading.faults.add(place(value), sentence);
                    pairs = None;
                }
            }
        }
        pairs.ok_or(Wrong::Told)
    }

    fn write(&self, value: &Vec<(String, String)>) -> Option<String> {
        let pair = |(name, text): &(String, String)| {
            format!("{} = {}", super::text::toml_text(name), quoted(text))
        };
        let pairs: Vec<_> = value.iter().map(pair).collect();
        Some(if pairs.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", pairs.join(", ")) })
    }

    fn expected(&self) -> Cow<'static, str> {
        self.1.into()
    }
}
