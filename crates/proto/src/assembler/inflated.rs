//! What comes of a compressed message: it is put where it is gathered from, and checked.

use std::iter;

use super::unfinished::{check_size, check_text};
use crate::{
    Config,
    deflate::Output,
    error::PeerError,
    message::Kind,
    payload::{Payload, Segments},
    utf8::Utf8,
};

pub(super) struct Inflated<'m> {
    pub(super) kind: Kind,
    pub(super) segments: &'m mut Option<Box<Segments>>,
    pub(super) payload: &'m mut Payload,
    pub(super) utf8: &'m mut Utf8,
    pub(super) config: &'m Config,
}

impl Output for Inflated<'_> {
    fn push(&mut self, bytes: &[u8]) -> Result<(), PeerError> {
        let Self { kind, segments, payload, utf8, config } = self;
        let before = segments.as_ref().map_or(0, |segments| segments.len());
        check_size((before + payload.len() + bytes.len()) as u64, config)?;
        if Segments::are_due(segments.as_deref(), payload, bytes.len()) {
            let longest = config.max_msg_size - before - payload.len() + utf8.pending();
            segments.get_or_insert_default().put(payload, utf8.pending(), longest);
        }
        payload.push(bytes, config.max_msg_size);
        check_text(*kind, utf8, payload, bytes.len())
    }

    fn len(&self) -> usize {
        self.segments.as_ref().map_or(0, |segments| segments.len()) + self.payload.len()
    }

    fn last(&self, most: usize) -> impl Iterator<Item = &[u8]> {
        let mut before = self.len().saturating_sub(most);
        let segments = self.segments.iter().flat_map(|segments| segments.pieces());
        segments.chain(iter::once(self.payload.bytes())).map(move |piece| {
            let (skipped, last) = piece.split_at(before.min(piece.len()));
            before -= skipped.len();
            last
        })
    }
}
