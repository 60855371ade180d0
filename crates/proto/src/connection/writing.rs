//! What goes out, and in which order: RFC 6455 §5.4, §5.5.

use bytes::Bytes;

use super::{encoding::Encoding, pongs::Pongs};
use crate::{
    Close, Config, Count, Frame, Message,
    deflate::{Agreement, Deflated, Deflater, Large},
    header::{Opcode, Start},
};

/// Frames that are due. Control frames go first, and the CLOSE last of all.
#[derive(Debug, Default)]
pub(super) struct Writer {
    /// In a box, as most of the time none is due.
    control: Option<Box<Control>>,
    /// In a box, as most messages go out in one frame that needs none.
    message: Option<Box<Fragments>>,
    deflater: Deflater,
    count: Count,
    /// How many bytes have been compressed since that was last asked.
    compressed: usize,
    /// Whether CLOSE has been said. RFC 6455 §5.5.1: nothing may follow.
    has_closed: bool,
}

/// Control frames that are due. There is at least one.
#[derive(Debug, Default)]
struct Control {
    pongs: Pongs,
    /// The number of the newest ping; an older one that is still here need not be sent.
    ping: Option<u32>,
    close: Option<Close>,
}

impl Writer {
    pub(super) fn compress(&mut self, agreement: &Agreement) {
        self.deflater = Deflater::new(agreement);
    }

    /// Takes the next message, or gives it back while one has frames left.
    pub(super) fn send(&mut self, message: Message, config: &Config) -> Result<(), Message> {
        if self.message.is_some() {
            return Err(message);
        }
        let compression = config.compression.as_ref();
        let len = message.len();
        let deflated = compression.and_then(|how| self.deflater.deflate(&message, how));
        let fragments = match deflated {
            None => Fragments::plain(message, config.text_only),
            Some(Deflated::Whole(payload)) => {
                self.compressed += len;
                Fragments::deflated(&message, payload, None, config.text_only)
            }
            Some(Deflated::Large(large, first)) => {
                self.compressed += first.work;
                let large = Some(large).filter(|_| !first.is_last);
                Fragments::deflated(&message, first.bytes, large, config.text_only)
            }
        };
        self.message = Some(Box::new(fragments));
        Ok(())
    }

    /// Whether a message is being sent that is compressed as it goes.
    pub(super) fn is_compressing(&self) -> bool {
        self.message.as_ref().is_some_and(|message| message.large.is_some())
    }

    /// Whether a message is being sent compressed, and nothing of it has left.
    pub(super) fn has_compressed(&self) -> bool {
        self.message.as_ref().is_some_and(|message| message.start.compressed)
    }

    pub(super) fn take_compressed(&mut self) -> usize {
        std::mem::take(&mut self.compressed)
    }

    /// The only frame of a message, if it is to have one and nothing is due before that.
    #[inline(always)]
    pub(super) fn transmit(&mut self, message: Message, config: &Config) -> Result<Frame, Message> {
        let is_free = self.is_idle() && !self.deflater.is_on();
        if !is_free || message.len() > config.auto_frame_size {
            return Err(message);
        }
        self.count.count_frame(false);
        self.count.messages += 1;
        Ok(Fragments::plain(message, config.text_only).last())
    }

    /// How messages are encoded, if each is by itself.
    pub(super) fn encoding(&self) -> Option<Encoding> {
        if self.deflater.is_on() {
            self.deflater.pooled().map(|(engine, bits)| Encoding::deflated(engine, bits))
        } else {
            Some(Encoding::plain())
        }
    }

    pub(super) fn is_sending(&self) -> bool {
        self.message.is_some()
    }

    pub(super) fn pong(&mut self, payload: &[u8]) {
        if !self.has_closed {
            self.control.get_or_insert_default().pongs.push(payload);
        }
    }

    pub(super) fn drop_pongs(&mut self) {
        if let Some(control) = &mut self.control {
            control.pongs = Pongs::default();
        }
        self.control.take_if(|control| control.is_empty());
    }

    pub(super) fn ping(&mut self, number: u32) {
        self.control.get_or_insert_default().ping = Some(number);
    }

    /// Says CLOSE once the message is out, unless that is arranged already.
    pub(super) fn close(&mut self, close: Close) {
        if !self.has_closed {
            self.control.get_or_insert_default().close.get_or_insert(close);
        }
    }

    /// Says CLOSE at once: the message's next fragment is no longer of interest.
    pub(super) fn close_at_once(&mut self, close: Close) {
        self.message = None;
        if let Some(control) = &mut self.control {
            control.ping = None;
        }
        self.control.take_if(|control| control.is_empty());
        self.close(close);
    }

    /// The socket is ending: nothing but a CLOSE that is due can still matter.
    pub(super) fn end(&mut self) {
        let close = self.control.take().and_then(|control| control.close);
        let has_closed = close.is_none();
        let control = close.map(|close| {
            let close = Some(close);
            Box::new(Control { close, ..Control::default() })
        });
        *self = Self { control, has_closed, count: self.count, ..Self::default() };
    }

    pub(super) fn count(&self) -> Count {
        self.count
    }

    /// Whether it has no message and no control frame.
    #[inline]
    pub(super) fn is_idle(&self) -> bool {
        self.message.is_none() && !self.has_control()
    }

    pub(super) fn poll(&mut self, max_fragment: usize) -> Option<Frame> {
        if self.control.is_some()
            && let Some(frame) = self.poll_control()
        {
            self.count.count_frame(true);
            return Some(frame);
        }
        let max_fragment = max_fragment.max(1);
        let message = self.message.as_mut()?;
        self.count.count_frame(false);
        if message.payload.is_empty()
            && let Some(large) = &mut message.large
        {
            let piece = self.deflater.deflate_next(large);
            self.compressed += piece.work;
            message.payload = piece.bytes;
            message.large.take_if(|_| piece.is_last);
        }
        if message.payload.len() > max_fragment || message.large.is_some() {
            return Some(message.next(max_fragment));
        }
        self.count.messages += 1;
        self.message.take().map(|message| message.last())
    }

    /// Whether a control frame is due, or is once the message is out.
    #[inline]
    pub(super) fn has_control(&self) -> bool {
        self.control.is_some()
    }

    /// The next control frame. A CLOSE waits until the message is out.
    fn poll_control(&mut self) -> Option<Frame> {
        let control = self.control.as_mut()?;
        let was_to_close = control.close.is_some();
        let frame = control.poll(self.message.is_none())?;
        self.has_closed |= was_to_close && control.close.is_none();
        self.control.take_if(|control| control.is_empty());
        Some(frame)
    }
}

impl Control {
    fn is_empty(&self) -> bool {
        self.pongs.is_empty() && self.ping.is_none() && self.close.is_none()
    }

    /// The next; the CLOSE only if it `may_close`.
    fn poll(&mut self, may_close: bool) -> Option<Frame> {
        if let Some(payload) = self.pongs.pop() {
            return Some(control(Opcode::Pong, payload));
        }
        if let Some(number) = self.ping.take() {
            let payload = Bytes::copy_from_slice(&number.to_be_bytes());
            return Some(control(Opcode::Ping, payload));
        }
        let close = self.close.take_if(|_| may_close)?;
        Some(control(Opcode::Close, close.payload()))
    }
}

/// What is left of a message that is being sent.
#[derive(Debug)]
struct Fragments {
    /// Of the next fragment, if it is the last. RFC 6455 §5.4: all but the first have opcode 0;
    /// RFC 7692 §6.1: only the first says whether the message is compressed.
    start: Start,
    payload: Bytes,
    /// What follows that, if it is still to be compressed.
    large: Option<Box<Large>>,
}

impl Fragments {
    #[inline]
    fn plain(message: Message, text_only: bool) -> Self {
        let start = start(&message, false, text_only);
        Self { start, payload: message.into_bytes(), large: None }
    }

    fn deflated(
        message: &Message,
        payload: Bytes,
        large: Option<Box<Large>>,
        text_only: bool,
    ) -> Self {
        Self { start: start(message, true, text_only), payload, large }
    }

    /// The only fragment, or the last.
    #[inline]
    fn last(self) -> Frame {
        Frame::new(self.start, self.payload)
    }

    /// The next fragment, which is not the last.
    fn next(&mut self, max_len: usize) -> Frame {
        let fragment = self.payload.split_to(max_len.min(self.payload.len()));
        let frame = Frame::new(Start { fin: false, ..self.start }, fragment);
        self.start = Start { fin: true, compressed: false, opcode: Opcode::Continuation };
        frame
    }
}

/// The only frame of a message, of which `deflated` is sent if it was compressed.
pub(super) fn only_frame(message: Message, deflated: Option<Bytes>, text_only: bool) -> Frame {
    match deflated {
        Some(payload) => Fragments::deflated(&message, payload, None, text_only).last(),
        None => Fragments::plain(message, text_only).last(),
    }
}

#[inline]
fn start(message: &Message, compressed: bool, text_only: bool) -> Start {
    let as_text = text_only || message.is_sendable_as_text();
    let opcode = if as_text { Opcode::Text } else { Opcode::Binary };
    Start { fin: true, compressed, opcode }
}

fn control(opcode: Opcode, payload: Bytes) -> Frame {
    Frame::new(Start { fin: true, compressed: false, opcode }, payload)
}
