//! From a name to a file that is open: all that may block before there is an answer, in one go.

use std::{fs::File, io, time::SystemTime};

use bytes::Bytes;

use super::{
    body,
    encoding::{Encoding, Preferences},
    folder::{Entry, Folder, Root, is_missing},
    name::Name,
};

/// What a folder is shown as.
const INDEX: &str = "index.html";

/// What there is for a request.
pub(super) enum Found {
    File(Opened),
    /// A folder that was asked for without the slash behind its name.
    Folder(Name),
    /// A file, but in no encoding that the client accepts.
    NotAcceptable,
    Nothing,
}

/// A file to be sent.
pub(super) struct Opened {
    /// What it is called, whatever it is encoded in.
    pub(super) name: Name,
    pub(super) file: File,
    pub(super) len: u64,
    pub(super) modified: Option<SystemTime>,
    pub(super) encoding: Encoding,
    /// Whether others may get it in another encoding.
    pub(super) varies: bool,
    /// What was read of it already.
    pub(super) start: Bytes,
}

/// What to look for.
pub(super) struct Wanted {
    pub(super) name: Name,
    pub(super) accepted: Preferences,
    /// Whether the beginning is going to be needed.
    pub(super) read_ahead: bool,
}

pub(super) fn look_up(folder: &Folder, wanted: Wanted) -> io::Result<Found> {
    match folder.enter().and_then(|root| look_up_in(&root, wanted)) {
        Err(error) if is_missing(&error) => Ok(Found::Nothing),
        found => found,
    }
}

fn look_up_in(root: &Root<'_>, wanted: Wanted) -> io::Result<Found> {
    let Wanted { mut name, accepted, read_ahead } = wanted;
    let plain = match root.open(&name)? {
        Some(Entry::Folder) if name.is_folder() => {
            name = name.child(INDEX);
            root.open_file(&name)?
        }
        Some(Entry::Folder) => return Ok(Found::Folder(name)),
        Some(Entry::File(file, metadata)) if !name.is_folder() => Some((file, metadata)),
        Some(Entry::File(..)) | None => None,
    };
    let Some(plain) = plain else { return Ok(Found::Nothing) };
    let mut siblings = Vec::new();
    for encoding in Encoding::PRECOMPRESSED {
        if let Some(file) = root.open_file(&name.sibling(encoding.suffix()))? {
            siblings.push((encoding, file));
        }
    }
    let Some(encoding) = accepted.choose(siblings.iter().map(|(encoding, _)| *encoding)) else {
        return Ok(Found::NotAcceptable);
    };
    let varies = !siblings.is_empty();
    let chosen = siblings.into_iter().find(|(it, _)| *it == encoding);
    let (mut file, metadata) = chosen.map_or(plain, |(_, sibling)| sibling);
    let (len, modified) = (metadata.len(), metadata.modified().ok());
    let start = body::read_chunk(&mut file, if read_ahead { len } else { 0 })?;
    Ok(Found::File(Opened { name, file, len, modified, encoding, varies, start }))
}
