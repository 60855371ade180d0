//! What nodes tell each other of who is present, as bytes.
//!
//! ```text
//! told    = kind:u8 rest                                       numbers are big-endian
//! rest    = seq:u64 group:text record                          shown (1)
//!         | seq:u64 id:u64 group:text                          hidden (2)
//!         | seq:u64                                            summary (3): the number of the last change
//!         | nonce:u64                                          question (4): to the node with it
//!         | seq:u64 part:u32 is_last:u8 {group:text record}    all (5)
//! record  = id:u64 stamp:u64 age:u64 flags:u8 [identity:text] len:u16 shown
//! flags   = 1 what is shown is a text, 2 identity              the age in milliseconds
//! ```

use std::{sync::Arc, time::Duration};

use aerys_proto::Message;
use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio::time::Instant;

use super::person::{Record, owned};
use crate::{
    cluster::{Malformed, put_text, text},
    connection::ClientId,
};

const SHOWN: u8 = 1;
const HIDDEN: u8 = 2;
const SUMMARY: u8 = 3;
const QUESTION: u8 = 4;
const ALL: u8 = 5;

const SHOWS_TEXT: u8 = 1;
const HAS_IDENTITY: u8 = 2;

/// When a part of all there is has as many bytes, the next begins.
const PART_SIZE: usize = 32 * 1024;

#[derive(Debug)]
pub(crate) enum Told {
    Shown { seq: u64, group: Arc<str>, record: Record },
    Hidden { seq: u64, group: Arc<str>, id: ClientId },
    Summary { seq: u64 },
    Question { nonce: u64 },
    All { seq: u64, part: u32, is_last: bool, records: Vec<(Arc<str>, Record)> },
}

impl Told {
    pub(super) fn encode(&self) -> Bytes {
        let mut told = BytesMut::new();
        match self {
            Self::Shown { seq, group, record } => {
                told.put_u8(SHOWN);
                told.put_u64(*seq);
                put_text(&mut told, group);
                put_record(&mut told, record);
            }
            Self::Hidden { seq, group, id } => {
                told.put_u8(HIDDEN);
                told.put_u64(*seq);
                told.put_u64(id.as_u64());
                put_text(&mut told, group);
            }
            Self::Summary { seq } => {
                told.put_u8(SUMMARY);
                told.put_u64(*seq);
            }
            Self::Question { nonce } => {
                told.put_u8(QUESTION);
                told.put_u64(*nonce);
            }
            Self::All { seq, part, is_last, records } => {
                begin_part(&mut told, *seq, *part, *is_last);
                for (group, record) in records {
                    put_text(&mut told, group);
                    put_record(&mut told, record);
                }
            }
        }
        told.freeze()
    }

    pub(crate) fn decode(mut told: Bytes) -> Result<Self, Malformed> {
        let now = Instant::now();
        Ok(match told.try_get_u8()? {
            SHOWN => {
                let seq = told.try_get_u64()?;
                Self::Shown { seq, group: text(&mut told)?, record: record(&mut told, now)? }
            }
            HIDDEN => {
                let (seq, id) = (told.try_get_u64()?, told.try_get_u64()?);
                Self::Hidden { seq, group: text(&mut told)?, id: ClientId::from_u64(id) }
            }
            SUMMARY => Self::Summary { seq: told.try_get_u64()? },
            QUESTION => Self::Question { nonce: told.try_get_u64()? },
            ALL => {
                let (seq, part) = (told.try_get_u64()?, told.try_get_u32()?);
                let is_last = told.try_get_u8()? != 0;
                let mut records = Vec::new();
                while told.has_remaining() {
                    records.push((text(&mut told)?, record(&mut told, now)?));
                }
                Self::All { seq, part, is_last, records }
            }
            kind => return Err(Malformed::Kind(kind)),
        })
    }
}

/// In parts; one at least.
pub(super) fn encode_all(seq: u64, records: &[(Arc<str>, Record)]) -> Vec<Bytes> {
    let mut parts = Vec::new();
    let mut part = BytesMut::new();
    for (group, record) in records {
        put_text(&mut part, group);
        put_record(&mut part, record);
        if part.len() >= PART_SIZE {
            parts.push(part.split());
        }
    }
    parts.push(part);
    let last = parts.len() - 1;
    let whole = |(number, records): (usize, BytesMut)| {
        let mut told = BytesMut::with_capacity(14 + records.len());
        begin_part(&mut told, seq, number as u32, number == last);
        told.put_slice(&records);
        told.freeze()
    };
    parts.into_iter().enumerate().map(whole).collect()
}

fn begin_part(told: &mut BytesMut, seq: u64, part: u32, is_last: bool) {
    told.put_u8(ALL);
    told.put_u64(seq);
    told.put_u32(part);
    told.put_u8(is_last.into());
}

fn put_record(told: &mut BytesMut, record: &Record) {
    let Record { id, identity, shown, stamp, since } = record;
    told.put_u64(id.as_u64());
    told.put_u64(*stamp);
    told.put_u64(u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX));
    let is_text = if shown.is_text() { SHOWS_TEXT } else { 0 };
    told.put_u8(is_text | if identity.is_some() { HAS_IDENTITY } else { 0 });
    identity.as_ref().inspect(|identity| put_text(told, identity));
    // No client shows more than that.
    told.put_u16(shown.len() as u16);
    told.put_slice(shown.as_bytes());
}

fn record(told: &mut Bytes, now: Instant) -> Result<Record, Malformed> {
    let id = ClientId::from_u64(told.try_get_u64()?);
    let (stamp, age) = (told.try_get_u64()?, Duration::from_millis(told.try_get_u64()?));
    let flags = told.try_get_u8()?;
    if flags & !(SHOWS_TEXT | HAS_IDENTITY) != 0 {
        return Err(Malformed::Flags);
    }
    let identity = (flags & HAS_IDENTITY != 0).then(|| text(told)).transpose()?;
    let len = usize::from(told.try_get_u16()?);
    if told.len() < len {
        return Err(Malformed::Short);
    }
    // A copy: the frame is not kept for it.
    let bytes = told.split_to(len);
    let is_text = flags & SHOWS_TEXT != 0;
    let text = is_text.then(|| Message::from_utf8(bytes.clone())).flatten();
    let shown = owned(&text.unwrap_or_else(|| Message::binary(bytes)));
    let since = now.checked_sub(age).unwrap_or(now);
    Ok(Record { id, identity, shown, stamp, since })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(number: u64, identity: Option<&str>, shown: Message) -> Record {
        let id = ClientId::from_u64(number);
        Record {
            id,
            identity: identity.map(Arc::from),
            shown,
            stamp: number,
            since: Instant::now(),
        }
    }

    fn all() -> Vec<Told> {
        let group = || Arc::<str>::from("tea");
        let records: Vec<_> = (0..3)
            .map(|number| (group(), record(number, Some("ada"), Message::text("here"))))
            .collect();
        vec![
            Told::Shown {
                seq: u64::MAX,
                group: group(),
                record: record(u64::MAX, None, Message::binary(vec![0xFF])),
            },
            Told::Hidden { seq: 7, group: group(), id: ClientId::from_u64(1) },
            Told::Summary { seq: 7 },
            Told::Question { nonce: 7 },
            Told::All { seq: 7, part: 1, is_last: true, records },
        ]
    }

    #[tokio::test(start_paused = true)]
    async fn what_one_node_tells_another_understands() {
        for told in all() {
            let understood = Told::decode(told.encode()).unwrap();
            assert_eq!(format!("{understood:?}"), format!("{told:?}"));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn whatever_comes_is_understood_or_not() {
        for told in all() {
            let whole = told.encode();
            for len in 0..whole.len() {
                // A list may be shorter.
                if let Ok(understood) = Told::decode(whole.slice(..len)) {
                    assert!(matches!(understood, Told::All { .. }), "{told:?} {len}");
                }
            }
            for index in 0..whole.len() {
                for byte in [0, 1, 0x7F, 0x80, 0xFF] {
                    let mut changed = BytesMut::from(&*whole);
                    changed[index] = byte;
                    let _ = Told::decode(changed.freeze());
                }
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn all_there_is_comes_in_parts_of_a_bounded_size() {
        let shown = Message::text("x".repeat(4096));
        let records: Vec<_> =
            (0..100).map(|it| ("tea".into(), record(it, None, shown.clone()))).collect();
        for count in [0, 1, 7, 8, 100] {
            let parts = encode_all(9, &records[..count]);
            let mut ids = Vec::new();
            for (number, part) in parts.iter().enumerate() {
                assert!(part.len() < PART_SIZE + 5000);
                let told = Told::decode(part.clone()).unwrap();
                let Told::All { seq, part, is_last, records } = told else { panic!("{told:?}") };
                assert_eq!((seq, part as usize, is_last), (9, number, number + 1 == parts.len()));
                ids.extend(records.iter().map(|(_, it)| it.id.as_u64()));
            }
            assert_eq!(ids, (0..count as u64).collect::<Vec<_>>());
        }
    }
}
