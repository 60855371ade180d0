//! `[admin]`: where operators ask.

use std::path::PathBuf;

use crate::config::{
    format::{FilePath, Mode},
    keys::{Keys, Section},
};

#[derive(Debug)]
pub(in crate::config) struct AdminSection {
    pub(in crate::config) socket: PathBuf,
    /// Of the socket's file.
    pub(in crate::config) mode: u32,
}

impl Section for AdminSection {
    const NAME: &'static str = "[admin]";
    const SHORT: Option<&'static str> = Some("socket");

    fn new() -> Self {
        Self { socket: PathBuf::new(), mode: 0o600 }
    }

    fn keys(&mut self, keys: &mut impl Keys) {
        keys.required("socket", FilePath, &mut self.socket);
        keys.key("mode", Mode, &mut self.mode);
    }
}
