//! Texts and ids as nodes write them, and what is none of their frames.

use std::{str, sync::Arc};

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::connection::ClientId;

/// The longest name or key, in bytes.
pub(super) const MAX_TEXT: usize = u16::MAX as usize;

/// It is nothing that a node of this version says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Malformed {
    #[error("it ends too early")]
    Short,
    #[error("it is of version {version}, and this node speaks version {spoken}")]
    Version { version: u8, spoken: u8 },
    #[error("there is no kind {0} of it")]
    Kind(u8),
    #[error("it has a flag that is not known")]
    Flags,
    #[error("a name in it is no UTF-8")]
    Name,
}

pub(crate) fn put_text(frame: &mut BytesMut, text: &str) {
    // A longer one is no name of an endpoint or a group, and as a key it is as good.
    let end = (0..=text.len().min(MAX_TEXT)).rev().find(|end| text.is_char_boundary(*end));
    let text = &text.as_bytes()[..end.unwrap_or(0)];
    frame.put_u16(text.len() as u16);
    frame.put_slice(text);
}

pub(super) fn put_ids(frame: &mut BytesMut, ids: &[ClientId]) {
    frame.put_u32(ids.len() as u32);
    for id in ids {
        frame.put_u64(id.as_u64());
    }
}

pub(crate) fn text(frame: &mut Bytes) -> Result<Arc<str>, Malformed> {
    let len = usize::from(frame.try_get_u16()?);
    let text = frame.get(..len).ok_or(Malformed::Short)?;
    let text = str::from_utf8(text).map_err(|_| Malformed::Name)?.into();
    frame.advance(len);
    Ok(text)
}

/// No more than the frame has are made room for.
pub(super) fn ids(frame: &mut Bytes) -> Result<Vec<ClientId>, Malformed> {
    let count = frame.try_get_u32()? as usize;
    if frame.len() / size_of::<u64>() < count {
        return Err(Malformed::Short);
    }
    Ok((0..count).map(|_| ClientId::from_u64(frame.get_u64())).collect())
}

impl From<bytes::TryGetError> for Malformed {
    fn from(_: bytes::TryGetError) -> Self {
        Self::Short
    }
}
