//! Two connections joined on a virtual clock: whatever is said, cut and waited for, they come to the
//! same end. Each takes the other's frames as if a client had sent them.

use std::{collections::VecDeque, time::Duration};

use aerys_proto::{Close, CloseCode, Config, Event, Message};
use proptest::{collection::vec, prelude::*};

use crate::client::{Session, frame};

/// What happens to one of the two, or to both.
#[derive(Clone, Debug)]
enum Step {
    Send {
        end: usize,
        len: usize,
    },
    Close {
        end: usize,
        code: CloseCode,
    },
    Fail {
        end: usize,
    },
    /// This many bytes reach it of what the other has said.
    Arrive {
        end: usize,
        bytes: usize,
    },
    Wait {
        period: Duration,
    },
}

/// One of the two.
struct End {
    session: Session,
    /// What the other has said and it has not received.
    wire: VecDeque<u8>,
    messages: Vec<usize>,
    closed: Option<Close>,
}

struct Pair([End; 2]);

impl Pair {
    fn new() -> Self {
        let end = || End {
            session: Session::new(Config { auto_frame_size: 50, ..Config::default() }),
            wire: VecDeque::new(),
            messages: Vec::new(),
            closed: None,
        };
        Self([end(), end()])
    }

    /// Answers the length of the message, if there was one.
    fn take(&mut self, step: &Step) -> Option<(usize, usize)> {
        let mut sent = None;
        match *step {
            Step::Send { end, len } => {
                let message = Message::binary(vec![b'x'; len]);
                if self.0[end].session.connection.send(message).is_ok() {
                    sent = Some((end, len));
                }
            }
            Step::Close { end, code } => {
                let End { session, .. } = &mut self.0[end];
                session.connection.close(code.into(), session.now);
            }
            Step::Fail { end } => {
                let End { session, .. } = &mut self.0[end];
                let event = session.connection.fail(CloseCode::POLICY.into(), session.now);
                self.0[end].note(event);
            }
            Step::Arrive { end, bytes } => self.0[end].arrive(bytes),
            Step::Wait { period } => {
                for end in &mut self.0 {
                    let event = end.session.after(period);
                    end.note(event);
                }
            }
        }
        self.write();
        sent
    }

    /// What each has to say goes on the other's wire.
    fn write(&mut self) {
        let [one, other] = &mut self.0;
        one.write_to(other);
        other.write_to(one);
    }

    /// Everything said reaches the other, until there is nothing more to say.
    fn settle(&mut self) {
        while self.0.iter().any(|end| !end.wire.is_empty()) {
            self.0.iter_mut().for_each(|end| end.arrive(usize::MAX));
            self.write();
        }
    }
}

impl End {
    fn arrive(&mut self, bytes: usize) {
        let bytes: Vec<u8> = self.wire.drain(..bytes.min(self.wire.len())).collect();
        for event in self.session.receive(bytes) {
            self.note(Some(event));
        }
    }

    fn write_to(&mut self, other: &mut Self) {
        for (first, payload) in self.session.transmit() {
            other.wire.extend(frame(first, payload));
        }
    }

    fn note(&mut self, event: Option<Event>) {
        match event {
            Some(Event::Message(message)) => {
                assert_eq!(self.closed, None, "nothing comes after the end");
                self.messages.push(message.len());
            }
            Some(Event::Closed(close)) => {
                assert_eq!(self.closed.replace(close), None, "there is one end");
            }
            None => {}
        }
    }
}

proptest! {
    #[test]
    fn they_come_to_the_same_end(steps in vec(step(), 0..40)) {
        let mut pair = Pair::new();
        let mut sent = [Vec::new(), Vec::new()];
        for step in &steps {
            if let Some((end, len)) = pair.take(step) {
                sent[end].push(len);
            }
        }
        pair.settle();
        pair.take(&Step::Close { end: 0, code: CloseCode::NORMAL });
        pair.settle();

        let [one, other] = &mut pair.0;
        for (end, sent) in [(&*one, &sent[1]), (&*other, &sent[0])] {
            let connection = &end.session.connection;
            prop_assert!(connection.is_draining() || connection.is_over());
            prop_assert!(end.closed.is_some());
            prop_assert!(sent.starts_with(&end.messages), "{:?} of {:?}", end.messages, sent);
        }
        for end in [one, other] {
            let event = end.session.connection.receive_end();
            prop_assert_eq!(event, None);
            prop_assert!(end.session.connection.is_over());
            prop_assert_eq!(end.session.wakes_in(), None);
        }
    }

    #[test]
    fn what_one_closes_with_the_other_hears(
        steps in vec(step(), 0..40),
        code in prop::sample::select(vec![CloseCode::NORMAL, CloseCode::AWAY, CloseCode::INTERNAL]),
    ) {
        let mut pair = Pair::new();
        let mut sent = Vec::new();
        for step in &steps {
            // Nobody closes, fails or is given up.
            if let Step::Send { .. } | Step::Arrive { .. } = step
                && let Some((0, len)) = pair.take(step)
            {
                sent.push(len);
            }
        }
        let close = Close::new(code, "bye");
        let End { session, .. } = &mut pair.0[0];
        session.connection.close(close.clone(), session.now);
        pair.write();
        pair.settle();
        let [one, other] = pair.0;
        prop_assert_eq!(one.closed, Some(close.clone()));
        prop_assert_eq!(other.closed, Some(close));
        prop_assert_eq!(other.messages, sent);
        prop_assert!(one.session.connection.is_draining() && other.session.connection.is_draining());
    }
}

fn step() -> impl Strategy<Value = Step> {
    let end = 0..2_usize;
    prop_oneof![
        4 => (end.clone(), 0..200_usize).prop_map(|(end, len)| Step::Send { end, len }),
        8 => (end.clone(), 0..150_usize).prop_map(|(end, bytes)| Step::Arrive { end, bytes }),
        1 => end.clone().prop_map(|end| Step::Close { end, code: CloseCode::AWAY }),
        1 => end.prop_map(|end| Step::Fail { end }),
        2 => (0..12_000_u64)
            .prop_map(|millis| Step::Wait { period: Duration::from_millis(millis) }),
    ]
}
