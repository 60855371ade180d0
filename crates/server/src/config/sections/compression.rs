//! `[host.websocket.compression]`.

use aerys_proto::deflate::Compression;

use crate::config::{
    format::{Count, Flag, Size},
    keys::{Keys, Section},
};

#[derive(Debug)]
pub(in crate::config) struct CompressionSection(pub(in crate::config) Compression);

impl Section for CompressionSection {
    const NAME: &'static str = "compression";

    fn new() -> Self {
        Self(Compression::new())
    }

    fn keys(&mut self, keys: &mut impl Keys) {
        let Self(compression) = self;
        keys.key("level", Count(0..=9), &mut compression.level);
        keys.key("threshold", Size(0), &mut compression.threshold);
        keys.key("server_context_takeover", Flag, &mut compression.server_context_takeover);
        keys.key("client_context_takeover", Flag, &mut compression.client_context_takeover);
        keys.key("server_max_window_bits", Count(9..=15), &mut compression.server_max_window_bits);
        keys.key("client_max_window_bits", Count(9..=15), &mut compression.client_max_window_bits);
    }
}
