//! `[drain]`: how clients are seen off.

use crate::{
    config::{
        format::{Flag, Period},
        keys::{Keys, Section},
    },
    server::Drain,
};

#[derive(Debug)]
pub(in crate::config) struct DrainSection(pub(in crate::config) Drain);

impl Section for DrainSection {
    const NAME: &'static str = "[drain]";

    fn new() -> Self {
        Self(Drain::new())
    }

    fn keys(&mut self, keys: &mut impl Keys) {
        keys.key("delay", Period::Any, &mut self.0.delay);
        keys.key("spread", Period::Any, &mut self.0.spread);
        keys.key("restart", Flag, &mut self.0.is_restart);
    }
}
