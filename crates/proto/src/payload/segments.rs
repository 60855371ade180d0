//! A payload that comes quickly, as what is decompressed does: no more of it is moved at a time than a
//! turn may.

use std::{collections::VecDeque, mem};

use super::{Payload, gathering::Ticket};

/// In bytes. A payload that is shorter is moved when it doubles, by no more than half of this.
const SEGMENT: usize = 512 * 1024;

/// How many bytes may be moved for one of work: 64 KiB a turn, with what the system does to give pages.
const MOVED: usize = 2;

/// What has come of a large payload before its last segment, which is a [`Payload`] like any other. When
/// all has come, they are gathered in one, as far as work goes and when it is their
/// [turn](super::gathering).
#[derive(Debug, Default)]
pub(crate) struct Segments {
    full: VecDeque<Payload>,
    /// How many bytes of the first have been gathered.
    moved: usize,
    /// How many bytes of all of them have not.
    len: usize,
    /// `None` until all has come.
    gathering: Option<Ticket>,
}

impl Segments {
    /// Whether `last` is to be put behind `before` ahead of `more` bytes: it is not to grow any more.
    pub(crate) fn are_due(before: Option<&Self>, last: &Payload, more: usize) -> bool {
        match before {
            None => last.len() > 0 && last.len() + more > SEGMENT,
            Some(_) => more > last.0.spare(),
        }
    }

    /// Puts `last` here, whose place is taken by an empty one that can become `longest`.
    ///
    /// Its last `kept` bytes become the first of that: they are part of what comes next.
    pub(crate) fn put(&mut self, last: &mut Payload, kept: usize, longest: usize) {
        let mut next = Payload::default();
        let end = last.len() - kept;
        next.reserve(SEGMENT.min(self.len + last.len()).min(longest));
        next.push(&last.bytes()[end..], longest);
        last.0.truncate(end);
        self.len += end;
        self.full.push_back(mem::replace(last, next));
    }

    /// Nothing is to be added to `last`, which becomes the whole payload by and by.
    pub(crate) fn begin_gathering(&mut self, last: &mut Payload) {
        self.gathering = Some(Ticket::new());
        self.len += last.len();
        self.full.push_back(mem::take(last));
    }

    /// Moves as much to `whole` as `work` allows; whether that is all. While others are to be gathered
    /// first, it takes nothing but the work.
    pub(crate) fn gather(&mut self, whole: &mut Payload, work: &mut usize) -> bool {
        let takes_one_step = self.len <= work.saturating_mul(MOVED);
        if !takes_one_step && !self.gathering.as_mut().is_some_and(Ticket::may_go_on) {
            *work = 0;
            return false;
        }
        whole.reserve(self.len + whole.len());
        while let Some(first) = self.full.front() {
            let rest = &first.bytes()[self.moved..];
            let len = rest.len().min(work.saturating_mul(MOVED));
            if len == 0 && !rest.is_empty() {
                return false;
            }
            whole.0.extend_from_slice(&rest[..len]);
            *work = work.saturating_sub(len.div_ceil(MOVED));
            self.len -= len;
            self.moved += len;
            if len == rest.len()
                && let Some(first) = self.full.pop_front()
            {
                self.moved = 0;
                first.discard();
            }
        }
        if let Some(ticket) = &self.gathering {
            ticket.finish();
        }
        true
    }

    /// Whether all has come.
    pub(crate) fn is_gathering(&self) -> bool {
        self.gathering.is_some()
    }

    /// What there is of them, in order, as long as nothing has been gathered.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        self.full.iter().map(Payload::bytes)
    }

    /// How many bytes there are that have not been gathered.
    pub(crate) fn len(&self) -> usize {
        self.len
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_in_segments_is_gathered_whole_as_far_as_work_goes() {
        let bytes: Vec<u8> = (0..3 * SEGMENT + 5).map(|i| (i * i / 7) as u8).collect();
        let (mut before, mut last) = (None::<Segments>, Payload::default());
        let mut arrived = 0;
        for piece in bytes.chunks(10_007) {
            if Segments::are_due(before.as_ref(), &last, piece.len()) {
                before.get_or_insert_default().put(&mut last, 3, bytes.len() - arrived + 3);
                assert!(last.capacity() <= SEGMENT.min(arrived));
            }
            last.push(piece, bytes.len());
            arrived += piece.len();
            assert!(before.is_none() || last.capacity() <= SEGMENT);
            assert_eq!(before.as_ref().map_or(0, Segments::len) + last.len(), arrived);
        }
        let mut segments = before.unwrap();
        assert_eq!(segments.full.len(), 3);
        segments.begin_gathering(&mut last);
        let mut steps = 0;
        loop {
            let (before, mut work) = (last.len(), 1000);
            let is_whole = segments.gather(&mut last, &mut work);
            assert!(last.len() - before <= 1000 * MOVED);
            assert_eq!(segments.len() + last.len(), bytes.len());
            steps += 1;
            if is_whole {
                break;
            }
            assert_eq!(work, 0);
        }
        assert!(steps >= bytes.len() / (1000 * MOVED));
        assert!(last.finish() == bytes, "it is what has come");
    }
}
