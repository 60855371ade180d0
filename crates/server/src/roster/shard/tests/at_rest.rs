//! Members at rest, who are written to by the walk itself.

use std::collections::VecDeque;

use std::{
    io,
    sync::{
        Weak,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Instant,
};

use aerys_proto::{Config, Connection};

use super::*;
use crate::{connection::outbox::SocketState, sync::Mutex, transport::TryWrite};

/// A client whose driver is the test.
struct Connected {
    guest: Guest,
    pipe: Arc<Pipe>,
}

/// What a client's kernel takes.
struct Pipe {
    bytes: Mutex<Vec<u8>>,
    /// How many more bytes it takes; then writes fail.
    room: AtomicUsize,
}

impl TryWrite for Pipe {
    fn try_write(&self, bytes: &[u8], _: bool) -> io::Result<usize> {
        let taken = self.room.load(Relaxed).min(bytes.len());
        if taken == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.room.fetch_sub(taken, Relaxed);
        self.bytes.lock().extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }
}

impl Connected {
    /// One that rests.
    fn join(shard: &Shard<Guest>, id: ClientId) -> Self {
        let pipe =
            Arc::new(Pipe { bytes: Mutex::default(), room: AtomicUsize::new(usize::MAX / 2) });
        let guest = join(shard, id);
        let encoding = Connection::new(Arc::new(Config::default()), Instant::now()).encoding();
        let writer: Weak<Pipe> = Arc::downgrade(&pipe);
        guest.shared().outbox.share(writer, encoding.unwrap());
        let connected = Self { guest, pipe };
        connected.take_turn();
        connected
    }

    /// What its driver does when it is woken: everything goes on its way.
    fn take_turn(&self) {
        let outbox = &self.guest.shared().outbox;
        outbox.begin_turn();
        let cx = Context::from_waker(Waker::noop());
        let mut bytes = Vec::new();
        if let Some(unsent) = outbox.take_unsent() {
            bytes.extend_from_slice(&unsent);
            outbox.flushed(1, &cx);
        }
        let mut messages = VecDeque::new();
        while outbox.has_pending_output() {
            assert_eq!(outbox.take(usize::MAX, &mut messages), None);
        }
        for message in &messages {
            bytes.extend([0x81, u8::try_from(message.len()).unwrap()]);
            bytes.extend_from_slice(message.as_bytes());
        }
        outbox.flushed(messages.len(), &cx);
        self.pipe.bytes.lock().extend(bytes);
        assert!(outbox.rest(SocketState::Writable));
    }

    /// What has been written to it: texts of fewer than 126 bytes.
    fn heard(&self) -> Vec<String> {
        let bytes = self.pipe.bytes.lock();
        let (mut heard, mut rest) = (Vec::new(), &bytes[..]);
        while let [opcode, len, behind @ ..] = rest {
            assert_eq!(*opcode, 0x81);
            let (text, behind) = behind.split_at(usize::from(*len));
            heard.push(String::from_utf8(text.to_vec()).unwrap());
            rest = behind;
        }
        heard
    }
}

/// Runs a test on a worker's thread, where walks write.
fn on_a_worker(test: impl FnOnce(Arc<Shard<Guest>>) + Send + 'static) {
    let thread = WorkerThread::start(0, || ()).unwrap();
    let shard = Arc::new(Shard::new(Arc::clone(thread.worker()), Arc::default(), Arc::default()));
    let (done, is_done) = mpsc::channel();
    thread.worker().spawn(async move {
        test(shard);
        done.send(()).unwrap();
    });
    is_done.recv_timeout(3 * DEADLINE).expect("it has not failed");
}

#[test]
fn who_is_at_rest_is_written_to_by_the_walk_and_who_is_not_has_it_in_its_outbox() {
    on_a_worker(|shard| {
        let (rests, works) = (Connected::join(&shard, id(1)), Connected::join(&shard, id(2)));
        works.guest.shared().outbox.begin_turn();
        let guest = join(&shard, id(3));
        give(&shard, "one".into());
        give(&shard, "and another".into());
        Order::step(Arc::clone(&shard));
        assert_eq!(rests.heard(), ["one", "and another"]);
        assert!(works.heard().is_empty());
        assert_eq!(works.guest.heard(), ["one", "and another"]);
        assert_eq!(guest.heard(), ["one", "and another"]);
    });
}

#[test]
fn what_is_large_or_goes_out_in_fragments_is_left_to_drivers() {
    on_a_worker(|shard| {
        let connected = Connected::join(&shard, id(1));
        for (size, is_written) in [(16 * 1024, true), (16 * 1024 + 1, false)] {
            give(&shard, "x".repeat(size));
            Order::step(Arc::clone(&shard));
            assert_eq!(!connected.guest.is_told(), is_written, "{size}");
        }
        let config = Config { auto_frame_size: 10, ..Config::default() };
        let shard =
            Arc::new(Shard::new(Arc::clone(shard.worker()), Arc::new(config), Arc::default()));
        let connected = Connected::join(&shard, id(1));
        for (size, is_written) in [(10, true), (11, false)] {
            give(&shard, "x".repeat(size));
            Order::step(Arc::clone(&shard));
            assert_eq!(!connected.guest.is_told(), is_written, "{size}");
        }
    });
}

#[test]
fn a_step_costs_its_turn_more_for_each_member_that_is_written_to() {
    on_a_worker(|shard| {
        let _connected: Vec<_> =
            (0..STEP as u64).map(|number| Connected::join(&shard, id(number))).collect();
        let _guests: Vec<_> =
            (0..STEP as u64).map(|number| join(&shard, id(1_000 + number))).collect();
        give(&shard, "all".into());
        // The walk begins with those who came last.
        let (told, written) = (Order::step(Arc::clone(&shard)), Order::step(Arc::clone(&shard)));
        assert!(written >= 10 * told, "{written} and {told}");
        assert!(!shard.is_behind.load(Relaxed));
    });
}

#[test]
fn only_who_is_on_the_drivers_thread_writes() {
    let stuck = Stuck::new();
    let shard = stuck.shard();
    let connected = Connected::join(&shard, id(1));
    give(&shard, "all".into());
    Order::step(Arc::clone(&shard));
    assert!(connected.heard().is_empty());
    connected.take_turn();
    assert_eq!(connected.heard(), ["all"]);
}

#[test]
fn each_hears_in_order_and_once_whoever_writes_it_and_however_much_fits() {
    on_a_worker(|shard| {
        for seed in 0..100 {
            let mut dice = Dice(seed);
            let size = 1 + dice.below(2 * STEP);
            let connected: Vec<_> =
                (0..size as u64).map(|number| Connected::join(&shard, id(number))).collect();
            let mut expected = vec![Vec::new(); size];
            let mut counts = Vec::new();
            for number in 0..300 {
                let text = number.to_string();
                let index = dice.below(size);
                let one = &connected[index];
                match dice.below(8) {
                    0 => {
                        send(&shard, id(index as u64), &one.guest, text.clone());
                        expected[index].push(text);
                    }
                    1 | 2 => {
                        let count = (dice.below(2) == 0).then(|| Arc::new(DeliveryCount::new()));
                        let one_more = count.as_ref().map(DeliveryCount::expect_one);
                        let text: aerys_proto::Message = text.clone().into();
                        shard.give(Delivery::new(Audience::EVERYONE, text, one_more));
                        counts.extend(count);
                        expected.iter_mut().for_each(|it| it.push(number.to_string()));
                    }
                    3 => one.pipe.room.store(dice.below(8), Relaxed),
                    4 => one.pipe.room.store(usize::MAX / 2, Relaxed),
                    5 => one.take_turn(),
                    _ => _ = Order::step(Arc::clone(&shard)),
                }
            }
            while shard.is_behind.load(Relaxed) {
                Order::step(Arc::clone(&shard));
            }
            for (number, (one, expected)) in connected.iter().zip(expected).enumerate() {
                one.take_turn();
                assert_eq!(one.heard(), expected, "{seed} {number}");
                assert_eq!(one.guest.shared().queued_bytes(), 0);
                shard.leave(id(number as u64), &GroupSizes::default());
            }
            for count in counts {
                assert!(count.done_with_one().is_none());
                let delivered = Tally { delivered: size, ..Tally::default() };
                assert_eq!(tally(&count), Poll::Ready(delivered));
            }
        }
    });
}
