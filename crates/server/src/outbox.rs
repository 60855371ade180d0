//! What one client is still owed.
//!
//! Handles put messages in from any thread; the driver takes them out, and says when they have been
//! handed to the kernel. A message's *place* is its number in that order, so that waiting for one
//! is comparing two numbers and costs no allocation.

use std::{
    collections::VecDeque,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use aerys_proto::{Close, CloseCode, Message};

use crate::{ClientGone, command::Tallying};

/// The queue between a client's handles and its driver. Bounded by `max_queued_bytes`.
pub(crate) struct Outbox {
    max_queued_bytes: usize,
    state: Mutex<State>,
}

/// What the driver is to do next.
#[derive(Debug)]
pub(crate) enum Errand {
    /// Send this.
    Message(Message),
    /// Say goodbye; nothing follows.
    Close(Close),
}

/// What the driver finds when it begins a turn.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Notice {
    Nothing,
    /// A close was asked for. Its turn may still be to come.
    Closing,
    /// The client is owed too much and is to be given up. Said once.
    Overflowed(Close),
}

/// Whether the driver can write at all while it rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owes {
    Nothing,
    /// The socket takes no more for now, so that new messages need not wake it.
    Unsent,
}

/// Who waits for a message to leave.
pub(crate) enum Receipt {
    Nobody,
    Sender(Waker),
    Broadcast(Arc<Tallying>),
}

struct State {
    phase: Phase,
    /// Everything not yet handed to the kernel, in order. The first `taken` are with the driver.
    parcels: VecDeque<Parcel>,
    taken: usize,
    queued_bytes: usize,
    /// The place of the message last handed to the kernel.
    flushed: u64,
    driver: Attendance,
    closers: Vec<Waker>,
}

struct Parcel {
    /// `None` once the driver has it.
    message: Option<Message>,
    cost: usize,
    receipt: Receipt,
}

enum Phase {
    Open,
    /// A close was asked for and not yet taken by the driver.
    Closing(Close),
    /// The client is owed too much, which the driver does not know yet.
    Overflowed,
    /// The driver knows of the end.
    Parting,
    /// Nothing will be sent any more.
    Gone,
    /// And `on_close` has run.
    Departed,
}

/// Whether the driver has to be woken for what is put in.
enum Attendance {
    /// It is at work and looks again before it rests.
    Awake,
    Resting(Waker),
    /// It waits for the socket, and only an end is news to it.
    Blocked(Waker),
}

impl Outbox {
    pub(crate) fn new(max_queued_bytes: usize) -> Self {
        Self {
            max_queued_bytes,
            state: Mutex::new(State {
                phase: Phase::Open,
                parcels: VecDeque::new(),
                taken: 0,
                queued_bytes: 0,
                flushed: 0,
                driver: Attendance::Awake,
                closers: Vec::new(),
            }),
        }
    }

    // The handles' side.

    /// Puts a message in and answers its place.
    pub(crate) fn push(&self, message: Message, receipt: Receipt) -> Result<u64, ClientGone> {
        let mut state = self.lock();
        if !matches!(state.phase, Phase::Open) {
            drop(state);
            receipt.settle(Err(ClientGone));
            return Err(ClientGone);
        }
        let cost = message.len() + PARCEL_COST;
        // A message on its own is always taken in, so that the limit does not forbid large ones.
        if !state.parcels.is_empty() && state.queued_bytes + cost > self.max_queued_bytes {
            state.phase = Phase::Overflowed;
            let left = state.drop_untaken();
            state.call_driver(News::End);
            drop(state);
            settle_all(left, Err(ClientGone));
            receipt.settle(Err(ClientGone));
            return Err(ClientGone);
        }
        state.queued_bytes += cost;
        state.parcels.push_back(Parcel { message: Some(message), cost, receipt });
        state.call_driver(News::Message);
        Ok(state.flushed + state.parcels.len() as u64)
    }

    /// Whether the message at `place` has left; if not, `cx` is woken when it has or never will.
    pub(crate) fn poll_flushed(
        &self,
        place: u64,
        cx: &Context<'_>,
    ) -> Poll<Result<(), ClientGone>> {
        let mut state = self.lock();
        if state.flushed >= place {
            return Poll::Ready(Ok(()));
        }
        let index = (place - state.flushed - 1) as usize;
        match state.parcels.get_mut(index) {
            Some(parcel) => {
                parcel.receipt = Receipt::Sender(cx.waker().clone());
                Poll::Pending
            }
            None => Poll::Ready(Err(ClientGone)),
        }
    }

    /// Asks for a close once everything put in before has left. The first to ask is heard.
    pub(crate) fn close(&self, close: Close) {
        let mut state = self.lock();
        if matches!(state.phase, Phase::Open) {
            state.phase = Phase::Closing(close);
            state.call_driver(News::End);
        }
    }

    /// Whether `on_close` has run; if not, `cx` is woken when it has.
    pub(crate) fn poll_departed(&self, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        if matches!(state.phase, Phase::Departed) {
            return Poll::Ready(());
        }
        if !state.closers.iter().any(|waker| waker.will_wake(cx.waker())) {
            state.closers.push(cx.waker().clone());
        }
        Poll::Pending
    }

    /// Has the driver look again, though nothing was put in.
    pub(crate) fn call_driver(&self) {
        self.lock().call_driver(News::End);
    }

    // The driver's side.

    /// The driver is at work: until it [`rest`](Self::rest)s nothing needs to wake it.
    pub(crate) fn attend(&self) -> Notice {
        let mut state = self.lock();
        state.driver = Attendance::Awake;
        match state.phase {
            Phase::Closing(_) => Notice::Closing,
            Phase::Overflowed => {
                state.phase = Phase::Parting;
                Notice::Overflowed(Close::new(CloseCode::POLICY, "too slow to read what was sent"))
            }
            _ => Notice::Nothing,
        }
    }

    /// Takes the close that was asked for out of its turn.
    pub(crate) fn take_close(&self) -> Option<Close> {
        self.lock().take_close()
    }

    /// The driver is about to wait. `false` if there is something for it to do: it must not.
    pub(crate) fn rest(&self, cx: &Context<'_>, owes: Owes) -> bool {
        let mut state = self.lock();
        let waker = || cx.waker().clone();
        state.driver = match owes {
            _ if matches!(state.phase, Phase::Overflowed) => return false,
            Owes::Nothing if state.has_errand() => return false,
            Owes::Nothing => Attendance::Resting(waker()),
            Owes::Unsent => Attendance::Blocked(waker()),
        };
        true
    }

    /// Whether anything has been said to the client.
    pub(crate) fn has_errand(&self) -> bool {
        self.lock().has_errand()
    }

    /// Whether messages are still taken in.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.lock().phase, Phase::Open)
    }

    /// Bytes put in and not yet handed to the kernel.
    pub(crate) fn queued_bytes(&self) -> usize {
        self.lock().queued_bytes
    }

    pub(crate) fn next_errand(&self) -> Option<Errand> {
        let mut state = self.lock();
        let taken = state.taken;
        if let Some(parcel) = state.parcels.get_mut(taken) {
            let message = parcel.message.take();
            state.taken += 1;
            return message.map(Errand::Message);
        }
        state.take_close().map(Errand::Close)
    }

    /// The first `count` of the messages taken have been handed to the kernel.
    pub(crate) fn flushed(&self, count: usize) {
        let mut state = self.lock();
        let count = count.min(state.taken);
        state.taken -= count;
        state.flushed += count as u64;
        let mut awaited = Vec::new();
        for _ in 0..count {
            let Some(parcel) = state.parcels.pop_front() else { break };
            state.queued_bytes -= parcel.cost;
            if !matches!(parcel.receipt, Receipt::Nobody) {
                awaited.push(parcel.receipt);
            }
        }
        if state.parcels.is_empty() && state.parcels.capacity() > KEPT_PARCELS {
            state.parcels = VecDeque::new();
        }
        drop(state);
        settle_all(awaited, Ok(()));
    }

    /// The client has gone: whoever waits is told, and nothing is taken in any more.
    pub(crate) fn gone(&self) {
        let mut state = self.lock();
        if !matches!(state.phase, Phase::Departed) {
            state.phase = Phase::Gone;
        }
        state.taken = 0;
        let left = state.drop_untaken();
        drop(state);
        settle_all(left, Err(ClientGone));
    }

    /// `on_close` has run, if it was to.
    pub(crate) fn departed(&self) {
        let mut state = self.lock();
        state.phase = Phase::Departed;
        let closers = mem::take(&mut state.closers);
        drop(state);
        closers.into_iter().for_each(Waker::wake);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the driver is called for.
#[derive(Clone, Copy)]
enum News {
    Message,
    End,
}

impl State {
    fn has_errand(&self) -> bool {
        self.taken < self.parcels.len() || matches!(self.phase, Phase::Closing(_))
    }

    fn take_close(&mut self) -> Option<Close> {
        match mem::replace(&mut self.phase, Phase::Parting) {
            Phase::Closing(close) => Some(close),
            phase => {
                self.phase = phase;
                None
            }
        }
    }

    fn call_driver(&mut self, news: News) {
        let called = match (&self.driver, news) {
            (Attendance::Awake, _) | (Attendance::Blocked(_), News::Message) => false,
            (Attendance::Resting(_), _) | (Attendance::Blocked(_), News::End) => true,
        };
        // Once called it is as good as awake; it says when it rests again.
        if called
            && let Attendance::Resting(waker) | Attendance::Blocked(waker) =
                mem::replace(&mut self.driver, Attendance::Awake)
        {
            waker.wake();
        }
    }

    /// Drops what the driver does not have yet and answers the receipts.
    fn drop_untaken(&mut self) -> Vec<Receipt> {
        let dropped: Vec<Parcel> = self.parcels.drain(self.taken..).collect();
        self.queued_bytes -= dropped.iter().map(|parcel| parcel.cost).sum::<usize>();
        dropped.into_iter().map(|parcel| parcel.receipt).collect()
    }
}

impl Receipt {
    fn settle(self, outcome: Result<(), ClientGone>) {
        match self {
            Self::Nobody => {}
            Self::Sender(waker) => waker.wake(),
            Self::Broadcast(tallying) => tallying.count(outcome),
        }
    }
}

/// Wakers run other people's code, so this is done with the lock released.
fn settle_all(receipts: Vec<Receipt>, outcome: Result<(), ClientGone>) {
    for receipt in receipts {
        receipt.settle(outcome);
    }
}

/// What a queued message costs beside its payload, so that many empty ones are bounded too.
const PARCEL_COST: usize = 64;

/// Room for this many messages is kept while nothing is queued.
const KEPT_PARCELS: usize = 8;

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    fn context() -> Context<'static> {
        Context::from_waker(Waker::noop())
    }

    fn push(outbox: &Outbox, text: &str) -> Result<u64, ClientGone> {
        outbox.push(Message::text(text), Receipt::Nobody)
    }

    fn take_all(outbox: &Outbox) -> Vec<String> {
        std::iter::from_fn(|| outbox.next_errand()).map(|errand| format!("{errand:?}")).collect()
    }

    #[test]
    fn what_was_put_in_before_a_close_leaves_before_it() {
        let outbox = Outbox::new(1000);
        push(&outbox, "a").unwrap();
        push(&outbox, "b").unwrap();
        outbox.close(Close::new(CloseCode::NORMAL, ""));
        assert_eq!(push(&outbox, "c"), Err(ClientGone));
        let errands = take_all(&outbox);
        assert_eq!(errands.len(), 3, "{errands:?}");
        assert!(errands[0].starts_with("Message") && errands[1].starts_with("Message"));
        assert!(errands[2].starts_with("Close"));
    }

    #[test]
    fn a_place_is_reached_when_its_message_was_flushed_and_not_before() {
        let outbox = Outbox::new(1000);
        let first = push(&outbox, "a").unwrap();
        let second = push(&outbox, "b").unwrap();
        assert!(outbox.poll_flushed(first, &context()).is_pending());
        take_all(&outbox);
        assert!(outbox.poll_flushed(first, &context()).is_pending());
        outbox.flushed(1);
        assert_eq!(outbox.poll_flushed(first, &context()), Poll::Ready(Ok(())));
        assert!(outbox.poll_flushed(second, &context()).is_pending());
        outbox.gone();
        assert_eq!(outbox.poll_flushed(first, &context()), Poll::Ready(Ok(())));
        assert_eq!(outbox.poll_flushed(second, &context()), Poll::Ready(Err(ClientGone)));
    }

    #[test]
    fn a_client_that_is_owed_more_than_the_limit_is_given_up() {
        let outbox = Outbox::new(3 * PARCEL_COST);
        for _ in 0..2 {
            push(&outbox, "x").unwrap();
        }
        assert_eq!(push(&outbox, &"x".repeat(PARCEL_COST)), Err(ClientGone));
        assert_eq!(take_all(&outbox), [""; 0]);
        assert!(matches!(outbox.attend(), Notice::Overflowed(it) if it.code == CloseCode::POLICY));
        assert_eq!(outbox.attend(), Notice::Nothing);
        assert_eq!(outbox.queued_bytes(), 0);
    }

    #[test]
    fn one_message_larger_than_the_limit_is_taken_in() {
        let outbox = Outbox::new(10);
        push(&outbox, &"x".repeat(1000)).unwrap();
        assert_eq!(push(&outbox, "y"), Err(ClientGone));
    }

    #[test]
    fn a_driver_does_not_rest_while_there_is_an_errand() {
        let outbox = Outbox::new(1000);
        outbox.attend();
        push(&outbox, "a").unwrap();
        assert!(!outbox.rest(&context(), Owes::Nothing));
        take_all(&outbox);
        assert!(outbox.rest(&context(), Owes::Nothing));
    }

    #[test]
    fn a_driver_that_waits_for_its_socket_rests_until_the_client_is_owed_too_much() {
        let outbox = Outbox::new(200);
        outbox.attend();
        push(&outbox, "a").unwrap();
        assert!(outbox.rest(&context(), Owes::Unsent));
        while push(&outbox, "b").is_ok() {}
        assert!(!outbox.rest(&context(), Owes::Unsent));
    }
}
