//! Wakers: whoever awaits a command may poll it with one of their own.

use std::{
    sync::Arc,
    task::{Context, Wake, Waker},
};

use aerys::{Client, Overflow};
use futures_util::{FutureExt, future::BoxFuture};

use super::{Act, OnDrop, Say, Stage, acts, all_end, asking, filling, ways_to_say};
use crate::common::soon;

/// Something that is awaited, and what comes of it.
struct Wait {
    name: &'static str,
    overflow: Overflow,
    peer: Peer,
    /// Begins to wait, on the worker.
    begins: fn(&Client) -> Awaited,
    /// Has an end come to that; some message is said as the table of those ways has it.
    ends: fn(&Client, Say),
}

type Awaited = BoxFuture<'static, ()>;

/// What becomes of the client.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Peer {
    Stays,
    /// It takes nothing, and goes afterwards.
    Goes,
}

fn sends(client: &Client) -> Awaited {
    let client = client.clone();
    Box::pin(async move { _ = client.send(filling()).await })
}

fn broadcasts(client: &Client) -> Awaited {
    let client = client.clone();
    Box::pin(async move { _ = client.endpoint().broadcast(filling()).await })
}

fn closes(client: &Client) -> Awaited {
    let client = client.clone();
    Box::pin(async move { client.close().await })
}

fn waits_until_gone(client: &Client) -> Awaited {
    let client = client.clone();
    Box::pin(async move { client.gone().await })
}

const SAID: [Wait; 6] = [
    Wait {
        name: "a send that is dropped by ",
        overflow: Overflow::DropOldest,
        peer: Peer::Stays,
        begins: sends,
        ends: |client, say| say(client, filling()),
    },
    Wait {
        name: "a send that is lost by the overflow of ",
        overflow: Overflow::Close,
        peer: Peer::Stays,
        begins: sends,
        ends: |client, say| say(client, filling()),
    },
    Wait {
        name: "a broadcast that is dropped by ",
        overflow: Overflow::DropOldest,
        peer: Peer::Stays,
        begins: broadcasts,
        ends: |client, say| say(client, filling()),
    },
    Wait {
        name: "a broadcast that is lost by the overflow of ",
        overflow: Overflow::Close,
        peer: Peer::Stays,
        begins: broadcasts,
        ends: |client, say| say(client, filling()),
    },
    Wait {
        name: "a broadcast that is too much, carried out by ",
        overflow: Overflow::DropNewest,
        peer: Peer::Stays,
        begins: |client| {
            client.send(filling()).nowait();
            broadcasts(client)
        },
        ends: |client, say| say(client, filling()),
    },
    Wait {
        name: "a broadcast that is too late, carried out by ",
        overflow: Overflow::Close,
        peer: Peer::Stays,
        begins: |client| {
            client.close().nowait();
            broadcasts(client)
        },
        ends: |client, say| say(client, filling()),
    },
];

const UNSAID: [Wait; 9] = [
    Wait {
        name: "a send that leaves",
        overflow: Overflow::Close,
        peer: Peer::Stays,
        begins: sends,
        ends: nothing,
    },
    Wait {
        name: "a send that is lost with its client",
        overflow: Overflow::Close,
        peer: Peer::Goes,
        begins: sends,
        ends: nothing,
    },
    Wait {
        name: "a broadcast that leaves",
        overflow: Overflow::Close,
        peer: Peer::Stays,
        begins: broadcasts,
        ends: nothing,
    },
    Wait {
        name: "a broadcast that is lost with its client",
        overflow: Overflow::Close,
        peer: Peer::Goes,
        begins: broadcasts,
        ends: nothing,
    },
    Wait {
        name: "a broadcast to nobody",
        overflow: Overflow::Close,
        peer: Peer::Stays,
        begins: |client| {
            let client = client.clone();
            Box::pin(async move {
                _ = client.endpoint().broadcast(filling()).except([client.id()]).await;
            })
        },
        ends: nothing,
    },
    Wait {
        name: "a close",
        overflow: Overflow::Close,
        peer: Peer::Stays,
        begins: closes,
        ends: nothing,
    },
    Wait {
        name: "a close of one that goes",
        overflow: Overflow::Close,
        peer: Peer::Goes,
        begins: closes,
        ends: nothing,
    },
    Wait {
        name: "the going of one that is closed",
        overflow: Overflow::Close,
        peer: Peer::Stays,
        begins: waits_until_gone,
        ends: |client, _| client.close().nowait(),
    },
    Wait {
        name: "the going of one that goes",
        overflow: Overflow::Close,
        peer: Peer::Goes,
        begins: waits_until_gone,
        ends: nothing,
    },
];

fn nothing(_: &Client, _: Say) {}

#[test]
fn one_that_is_woken_by_what_is_said_may_ask_for_anything() {
    each(&SAID, &ways_to_say(), Runs::Woken);
}

#[test]
fn one_that_is_woken_by_anything_else_may_ask_for_anything() {
    each(&UNSAID, &[("", |_, _| {})], Runs::Woken);
}

#[test]
fn one_that_is_dropped_by_what_is_said_may_ask_for_anything() {
    each(&SAID, &ways_to_say(), Runs::Dropped);
}

#[test]
fn one_that_is_dropped_by_anything_else_may_ask_for_anything() {
    each(&UNSAID, &[("", |_, _| {})], Runs::Dropped);
}

#[test]
fn one_that_another_replaces_may_ask_for_anything() {
    each(&UNSAID, &[("", |_, _| {})], Runs::Replaced);
}

#[test]
fn one_whose_future_is_given_up_may_ask_for_anything() {
    each(&UNSAID, &[("", |_, _| {})], Runs::GivenUp);
}

/// When the code of a waker runs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Runs {
    Woken,
    /// With the last clone.
    Dropped,
    /// Likewise, when the future has been polled with another.
    Replaced,
    /// Likewise, when the future has been dropped.
    GivenUp,
}

fn each(waits: &'static [Wait], ways: &[(&str, Say)], runs: Runs) {
    let mut cases = Vec::new();
    for wait in waits {
        for &(said, say) in ways {
            for (asks, act) in acts() {
                let name = format!("{}{said}: it {asks}", wait.name);
                cases.push((name, async move || case(wait, say, act, runs).await));
            }
        }
    }
    all_end(cases);
}

struct OnWake<F: Fn()>(F);

impl<F: Fn() + Send + Sync> Wake for OnWake<F> {
    fn wake(self: Arc<Self>) {
        (self.0)();
    }
}

/// As [`OnDrop`], as a waker.
impl<F: Fn() + Send + Sync> Wake for OnDrop<F> {
    fn wake(self: Arc<Self>) {}
}

async fn case(wait: &Wait, say: Say, act: Act, runs: Runs) {
    let mut stage = match wait.peer {
        Peer::Stays => Stage::with(wait.overflow).await,
        Peer::Goes => Stage::stuck().await,
    };
    let (ask, mut answer) = asking(&stage.client, act);
    let waker = match runs {
        Runs::Woken => Waker::from(Arc::new(OnWake(ask))),
        Runs::Dropped | Runs::Replaced | Runs::GivenUp => Waker::from(Arc::new(OnDrop(ask))),
    };
    let (begins, ends) = (wait.begins, wait.ends);
    let waiting = stage
        .at_work(move |client| {
            let mut waiting = begins(client);
            assert!(waiting.poll_unpin(&mut Context::from_waker(&waker)).is_pending());
            drop(waker);
            let waiting = match runs {
                Runs::Woken | Runs::Dropped => Some(waiting),
                Runs::Replaced => {
                    // What it asks for then may be what it waits for.
                    let outcome = waiting.poll_unpin(&mut Context::from_waker(Waker::noop()));
                    outcome.is_pending().then_some(waiting)
                }
                Runs::GivenUp => None,
            };
            ends(client, say);
            waiting
        })
        .await;
    if wait.peer == Peer::Goes {
        stage.hang_up();
    }
    answer.comes().await;
    if let Some(waiting) = waiting {
        soon(waiting).await;
    }
    stage.stop().await;
}
