use std::{
    hint, io,
    sync::{
        Arc, Weak,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    task::{Wake, Waker},
    thread::{self, Thread},
    time::{Duration, Instant},
};

use aerys_proto::{CloseCode, Config, Connection};
use http::HeaderMap;

use super::{queue::MESSAGE_OVERHEAD, *};
use crate::transport::TryWrite;

fn context() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

fn outbox(max_queued_bytes: usize) -> Outbox {
    open(OutboxLimits { max_queued_bytes, overflow: Overflow::Close })
}

/// Of a client that was let in.
fn open(limits: OutboxLimits) -> Outbox {
    let outbox = Outbox::new(limits, Arc::default());
    assert!(outbox.accept(HeaderMap::new(), || ()));
    outbox
}

/// A stream to which nobody writes.
pub(crate) struct Unwritten;

impl TryWrite for Unwritten {
    fn try_write(&self, _: &[u8], _: bool) -> io::Result<usize> {
        unreachable!()
    }
}

/// Of a client that was let in and has this stream.
pub(crate) fn shared(stream: &Arc<Unwritten>) -> Outbox {
    let outbox = outbox(1000);
    let connection = Connection::new(Arc::new(Config::default()), Instant::now());
    let stream: Weak<Unwritten> = Arc::downgrade(stream);
    outbox.share(stream, connection.encoding().unwrap());
    outbox
}

fn push(outbox: &Outbox, text: &str) -> Result<u64, SendError> {
    outbox.push(Message::text(text), Receipt::Nobody)
}

/// All messages, and the close behind them.
fn take_all(outbox: &Outbox) -> (Vec<Message>, Option<Close>) {
    let mut messages = VecDeque::new();
    while outbox.lock().queue.has_untaken() {
        assert_eq!(outbox.take(1, &mut messages), None);
    }
    let close = outbox.take(1, &mut VecDeque::new());
    (messages.into(), close)
}

#[test]
fn what_was_put_in_before_a_close_leaves_before_it() {
    let outbox = outbox(1000);
    push(&outbox, "a").unwrap();
    push(&outbox, "b").unwrap();
    outbox.close(Close::new(CloseCode::NORMAL, ""));
    assert_eq!(push(&outbox, "c"), Err(SendError::ClientGone));
    let messages = vec![Message::text("a"), Message::text("b")];
    assert_eq!(take_all(&outbox), (messages, Some(Close::new(CloseCode::NORMAL, ""))));
}

#[test]
fn several_messages_are_put_in_as_each_of_them_would_be() {
    let texts: Vec<Message> = (0..6).map(|number| Message::text(number.to_string())).collect();
    for overflow in [Overflow::Close, Overflow::DropNewest, Overflow::DropOldest] {
        for fitting in 0..8 {
            for already in 0..3 {
                let limits =
                    OutboxLimits { max_queued_bytes: fitting * (MESSAGE_OVERHEAD + 1), overflow };
                let [one, other] = [(), ()].map(|()| open(limits));
                for outbox in [&one, &other] {
                    for _ in 0..already {
                        let _ = push(outbox, "x");
                    }
                }
                let mut afterwards = Afterwards::default();
                one.push_all(&texts, Receipt::Nobody, &mut afterwards);
                afterwards.run();
                for text in &texts {
                    let _ = other.push(text.clone(), Receipt::Nobody);
                }
                assert_eq!(one.queued_bytes(), other.queued_bytes());
                assert_eq!(one.dropped(), other.dropped());
                assert_eq!(one.has_pending_output(), other.has_pending_output());
                assert_eq!(take_all(&one), take_all(&other), "{overflow:?} {fitting} {already}");
                assert_eq!(push(&one, "y"), push(&other, "y"), "they have the same places");
            }
        }
    }
}

#[test]
fn a_place_is_reached_when_its_message_was_flushed_and_not_before() {
    let outbox = outbox(1000);
    let first = push(&outbox, "a").unwrap();
    let second = push(&outbox, "b").unwrap();
    assert!(outbox.poll_sent(first, &context()).is_pending());
    take_all(&outbox);
    assert!(outbox.poll_sent(first, &context()).is_pending());
    outbox.flushed(1, &context());
    assert_eq!(outbox.poll_sent(first, &context()), Poll::Ready(Ok(())));
    assert!(outbox.poll_sent(second, &context()).is_pending());
    outbox.gone();
    assert_eq!(outbox.poll_sent(first, &context()), Poll::Ready(Ok(())));
    assert_eq!(outbox.poll_sent(second, &context()), Poll::Ready(Err(SendError::ClientGone)));
}

#[test]
fn a_client_that_is_owed_more_than_the_limit_is_given_up() {
    let outbox = outbox(3 * MESSAGE_OVERHEAD);
    for _ in 0..2 {
        push(&outbox, "x").unwrap();
    }
    assert_eq!(push(&outbox, &"x".repeat(MESSAGE_OVERHEAD)), Err(SendError::ClientGone));
    assert_eq!(take_all(&outbox), (Vec::new(), None));
    assert!(
        matches!(outbox.pending_action(), PendingAction::Overflowed(it) if it.code == CloseCode::POLICY)
    );
    assert_eq!(outbox.pending_action(), PendingAction::None);
    assert_eq!(outbox.queued_bytes(), 0);
}

#[test]
fn one_message_larger_than_the_limit_is_taken_in() {
    let outbox = outbox(10);
    push(&outbox, &"x".repeat(1000)).unwrap();
    assert_eq!(push(&outbox, "y"), Err(SendError::ClientGone));
}

#[test]
fn a_driver_does_not_rest_while_output_is_pending() {
    let outbox = outbox(1000);
    outbox.stand_in();
    outbox.register_waker(&context());
    push(&outbox, "a").unwrap();
    assert!(!outbox.rest(SocketState::Writable));
    take_all(&outbox);
    assert!(outbox.rest(SocketState::Writable));
}

#[test]
fn a_driver_that_rests_is_woken_for_each_message_that_it_has_not_found() {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    const COUNT: usize = 20_000;
    const TEST_PERIOD: Duration = Duration::from_secs(10);
    let outbox = outbox(usize::MAX);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let cx = Context::from_waker(&waker);
    outbox.register_waker(&cx);
    let taken_so_far = AtomicUsize::new(0);
    let mut missed = None;
    thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0..COUNT {
                // Each as the driver is about to rest after the one before, or rests.
                while taken_so_far.load(Relaxed) < number {
                    hint::spin_loop();
                }
                push(&outbox, "a").unwrap();
            }
        });
        while taken_so_far.load(Relaxed) < COUNT {
            outbox.begin_turn();
            let mut messages = VecDeque::new();
            while outbox.has_pending_output() {
                outbox.take(usize::MAX, &mut messages);
            }
            outbox.flushed(messages.len(), &cx);
            let taken = taken_so_far.fetch_add(messages.len(), Relaxed) + messages.len();
            (0..taken % 100).for_each(|_| hint::spin_loop());
            if taken < COUNT && outbox.rest(SocketState::Writable) {
                let asleep = Instant::now();
                thread::park_timeout(TEST_PERIOD);
                if asleep.elapsed() >= TEST_PERIOD {
                    missed = Some(taken);
                    // So that the other thread ends too.
                    taken_so_far.store(COUNT, Relaxed);
                }
            }
        }
    });
    assert_eq!(missed, None, "not woken after so many messages");
}

#[test]
fn a_driver_that_waits_for_its_socket_rests_until_the_client_is_owed_too_much() {
    let outbox = outbox(200);
    outbox.stand_in();
    outbox.register_waker(&context());
    push(&outbox, "a").unwrap();
    assert!(outbox.rest(SocketState::Blocked));
    while push(&outbox, "b").is_ok() {}
    assert!(!outbox.rest(SocketState::Blocked));
}
