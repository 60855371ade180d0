//! RFC 7692, section by section, through the public interface alone.

mod peer;
mod properties;
mod section_5_negotiation;
mod section_6_framing;
mod section_7_2_3_4_final_blocks;
mod section_7_2_3_examples;
mod section_7_2_messages;
mod section_8_limits;

use aerys_proto::{Config, deflate::Compression};

/// Everything is compressed, and in the context of what came before if the client has no objection.
fn takeover() -> Config {
    let compression =
        Compression::new().threshold(0).server_context_takeover(true).client_context_takeover(true);
    Config { compression: Some(compression), ..Config::default() }
}

/// Everything is compressed, each message on its own.
fn no_takeover() -> Config {
    Config { compression: Some(Compression::new().threshold(0)), ..Config::default() }
}
