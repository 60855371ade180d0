//! RFC 6455, section by section, through the public interface alone.

mod heartbeat;
mod in_place;
mod joined;
mod plain;
mod properties;
mod section_10_limits;
mod section_4_opening_handshake;
mod section_5_2_framing;
mod section_5_4_fragmentation;
mod section_5_5_control_frames;
mod section_5_7_examples;
mod section_7_closing;
mod section_8_utf8;
mod traffic;
