use std::{
    io,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    task::{Context, Wake, Waker},
};

use aerys_proto::{Close, CloseCode, Config, Connection};
use http::HeaderMap;

use super::*;
use crate::{
    connection::{
        DeliveryCount, Tally,
        outbox::{PendingAction, SocketState},
    },
    options::Overflow,
};

/// Nobody writes to it here.
struct Unused;

impl TryWrite for Unused {
    fn try_write(&self, _: &[u8], _: bool) -> io::Result<usize> {
        unreachable!()
    }
}

/// A driver's task that counts how often it is woken.
#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Relaxed);
    }
}

struct Client {
    outbox: Outbox,
    stream: Arc<Unused>,
    wakes: Arc<Count>,
}

impl Client {
    /// One that was let in and has been owed nothing so far.
    fn at_rest(max_queued_bytes: usize) -> Self {
        let client = Self::accepted(max_queued_bytes);
        client.share();
        assert!(client.outbox.rest(SocketState::Writable));
        client
    }

    fn accepted(max_queued_bytes: usize) -> Self {
        let outbox = Outbox::new(
            OutboxLimits { max_queued_bytes, overflow: Overflow::Close },
            Arc::default(),
        );
        assert!(outbox.accept(HeaderMap::new(), || ()));
        let wakes = Arc::<Count>::default();
        let waker = Waker::from(Arc::clone(&wakes));
        outbox.register_waker(&Context::from_waker(&waker));
        Self { outbox, stream: Arc::new(Unused), wakes }
    }

    fn share(&self) {
        let now = std::time::Instant::now();
        let connection = Connection::new(Arc::new(Config::default()), now);
        let stream: Weak<Unused> = Arc::downgrade(&self.stream);
        self.outbox.share(stream, connection.encoding().unwrap());
    }

    fn push_or_claim(&self, texts: &[&str], receipt: Receipt) -> Option<Claim> {
        let messages: Vec<_> = texts.iter().map(|text| Message::text(*text)).collect();
        let mut afterwards = Afterwards::default();
        let claim = self.outbox.push_all_or_claim(&messages, receipt, &mut afterwards);
        afterwards.run();
        claim
    }

    fn claim(&self) -> Option<Claim> {
        self.push_or_claim(&["a"], Receipt::Nobody)
    }

    fn release(&self, claim: Claim, unsent: Option<&'static str>) {
        let mut afterwards = Afterwards::default();
        let unsent = unsent.map(|text| Bytes::from_static(text.as_bytes()));
        self.outbox.release(claim, unsent, &mut afterwards);
        afterwards.run();
    }

    fn wakes(&self) -> usize {
        self.wakes.0.load(Relaxed)
    }
}

fn counted() -> (Arc<DeliveryCount>, Receipt) {
    let count = Arc::new(DeliveryCount::new());
    let receipt = Receipt::Broadcast(count.expect_one());
    assert!(count.done_with_one().is_none());
    (count, receipt)
}

fn tally(count: &DeliveryCount) -> std::task::Poll<Tally> {
    count.poll(&Context::from_waker(Waker::noop()))
}

#[test]
fn only_a_client_that_is_at_rest_and_owed_nothing_is_claimed() {
    type Act = fn(&mut Client);
    let cases: [(&str, Act, bool); 8] = [
        ("at rest", |_| (), true),
        ("in a turn", |it| _ = it.outbox.begin_turn(), false),
        (
            "in a turn that is over",
            |it| {
                it.outbox.begin_turn();
                assert!(it.outbox.rest(SocketState::Writable));
            },
            true,
        ),
        (
            "blocked",
            |it| {
                it.outbox.begin_turn();
                assert!(it.outbox.rest(SocketState::Blocked));
            },
            false,
        ),
        ("woken", |it| it.outbox.ring(), false),
        ("closing", |it| it.outbox.close(Close::new(CloseCode::NORMAL, "")), false),
        ("gone", |it| drop(it.outbox.gone()), false),
        ("without a socket", |it| it.stream = Arc::new(Unused), false),
    ];
    for (name, act, is_claimed) in cases {
        let mut client = Client::at_rest(1000);
        act(&mut client);
        let before = client.outbox.queued_bytes();
        let claim = client.claim();
        assert_eq!(claim.is_some(), is_claimed, "{name}");
        if let Some(claim) = claim {
            client.release(claim, None);
            assert_eq!((client.outbox.queued_bytes(), client.wakes()), (before, 0), "{name}");
        }
    }
}

#[test]
fn a_client_whose_handshake_is_not_over_is_not_claimed() {
    let client = Client::accepted(1000);
    assert!(client.outbox.rest(SocketState::Writable));
    assert!(client.claim().is_none());
    assert!(client.outbox.has_pending_output());
}

#[test]
fn what_does_not_fit_into_the_queue_is_not_claimed_but_one_on_its_own_is() {
    let client = Client::at_rest(100);
    let claim = client.push_or_claim(&[&"x".repeat(1000)], Receipt::Nobody).unwrap();
    client.release(claim, None);
    assert!(client.push_or_claim(&["two", "of them"], Receipt::Nobody).is_none());
    assert!(matches!(client.outbox.pending_action(), PendingAction::Overflowed(_)));
}

#[test]
fn what_is_claimed_counts_as_queued_and_nobody_else_claims() {
    let client = Client::at_rest(100);
    let claim = client.claim().unwrap();
    assert_eq!(client.outbox.queued_bytes(), cost(&Message::text("a")));
    // Another thread has something to say, and wakes the driver, whose turn comes later.
    let limit = client.outbox.push(Message::text("x".repeat(100)), Receipt::Nobody);
    assert_eq!(limit, Err(SendError::ClientGone));
    client.release(claim, None);
    assert_eq!(client.outbox.queued_bytes(), 0);

    let client = Client::at_rest(1000);
    let claim = client.claim().unwrap();
    assert!(client.claim().is_none());
    assert_eq!(client.wakes(), 1);
    client.release(claim, None);
    assert_eq!(client.outbox.queued_bytes(), cost(&Message::text("a")));
}

#[test]
fn what_has_not_left_goes_before_what_was_put_in_meanwhile_and_wakes_the_driver_once() {
    for meanwhile in [true, false] {
        let client = Client::at_rest(1000);
        let (count, receipt) = counted();
        let claim = client.push_or_claim(&["a"], receipt).unwrap();
        let place = meanwhile.then(|| client.outbox.push("b".into(), Receipt::Nobody).unwrap());
        client.release(claim, Some("rest of a"));
        assert_eq!(client.wakes(), 1);
        assert!(client.outbox.has_unsent() && client.outbox.has_pending_output());
        assert!(client.claim().is_none());

        client.outbox.begin_turn();
        assert_eq!(client.outbox.take_unsent().as_deref(), Some(&b"rest of a"[..]));
        assert_eq!(client.outbox.take_unsent(), None);
        let cx = Context::from_waker(Waker::noop());
        assert!(tally(&count).is_pending());
        client.outbox.flushed(1, &cx);
        let delivered = Tally { delivered: 1, ..Tally::default() };
        assert_eq!(tally(&count), std::task::Poll::Ready(delivered));
        let mut messages = Default::default();
        while client.outbox.has_pending_output() {
            client.outbox.take(usize::MAX, &mut messages);
        }
        let expected: &[&str] = if meanwhile { &["b", "a"] } else { &["a"] };
        assert!(messages.iter().map(|it| it.as_text().unwrap()).eq(expected.iter().copied()));
        client.outbox.flushed(messages.len(), &cx);
        assert_eq!(client.outbox.queued_bytes(), 0);
        assert!(place.is_none_or(|it| client.outbox.poll_sent(it, &cx).is_ready()));
    }
}

#[test]
fn who_goes_before_all_has_left_is_counted_as_gone() {
    type Act = fn(&Client, Claim);
    let cases: [Act; 2] = [
        |client, claim| {
            client.outbox.gone();
            client.release(claim, Some("rest"));
        },
        |client, claim| {
            client.release(claim, Some("rest"));
            client.outbox.gone();
        },
    ];
    for act in cases {
        let client = Client::at_rest(1000);
        let (count, receipt) = counted();
        let claim = client.push_or_claim(&["a"], receipt).unwrap();
        act(&client, claim);
        let gone = Tally { gone: 1, ..Tally::default() };
        assert_eq!(tally(&count), std::task::Poll::Ready(gone));
        assert!(!client.outbox.has_unsent());
        assert_eq!(client.outbox.queued_bytes(), 0);
    }
}
