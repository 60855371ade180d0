//! Nothing compresses and decompresses, without the feature `compression`.
//!
//! There is no value of these types. So no [`Agreement`](super::Agreement) can be made with a client, and the
//! compiler leaves out all that would follow from one.

use std::convert::Infallible;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Engine(Never);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Level(Never);

#[derive(Debug)]
pub(crate) struct Compress(Never);

#[derive(Debug)]
pub(super) struct Decompress(Never);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Never {}

#[derive(PartialEq, Eq)]
pub(super) enum Status {
    StreamEnd,
}

pub(super) enum FlushCompress {
    Sync,
}

pub(super) enum FlushDecompress {
    Sync,
}

impl Engine {
    pub(super) fn find() -> Option<Self> {
        None
    }

    pub(super) fn level(self, _: u32) -> Level {
        match self.0 {}
    }

    pub(super) fn decompress(self, _: u8) -> Decompress {
        match self.0 {}
    }
}

impl Compress {
    pub(super) fn new_with_window_bits(level: Level, _: bool, _: u8) -> Self {
        match level.0 {}
    }

    pub(super) fn compress(
        &mut self,
        _: &[u8],
        _: &mut [u8],
        _: FlushCompress,
    ) -> Result<Status, Infallible> {
        match self.0 {}
    }

    pub(super) fn total_in(&self) -> u64 {
        match self.0 {}
    }

    pub(super) fn total_out(&self) -> u64 {
        match self.0 {}
    }

    pub(super) fn reset(&mut self) {
        match self.0 {}
    }
}

impl Decompress {
    pub(super) fn decompress(
        &mut self,
        _: &[u8],
        _: &mut [u8],
        _: FlushDecompress,
    ) -> Result<Status, Infallible> {
        match self.0 {}
    }

    pub(super) fn set_dictionary(&mut self, _: &[u8]) -> Result<u32, Infallible> {
        match self.0 {}
    }

    pub(super) fn total_in(&self) -> u64 {
        match self.0 {}
    }

    pub(super) fn total_out(&self) -> u64 {
        match self.0 {}
    }

    pub(super) fn reset(&mut self, _: bool) {
        match self.0 {}
    }
}
