//! The memory of a message: its owner has it back as soon as nobody will need it any more, and may ask
//! for anything then.

use aerys::{Client, Message, Overflow};

use super::{Act, Say, Stage, acts, all_end, asking, filling, has_payload, payload, ways_to_say};

/// How a payload is let go.
struct Way {
    name: &'static str,
    overflow: Overflow,
    peer: Peer,
    /// What is done with it on the worker: some message is said as the table of those ways has it.
    lets_go: fn(&Client, Message, Say),
}

/// What becomes of the client.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Peer {
    Stays,
    /// It has gone before.
    Gone,
    /// It takes nothing, and goes afterwards.
    Goes,
}

const REFUSED: [Way; 3] = [
    Way {
        name: "refused since its client has gone, by",
        overflow: Overflow::Close,
        peer: Peer::Gone,
        lets_go: |client, payload, say| say(client, payload),
    },
    Way {
        name: "refused since its client is being closed, by",
        overflow: Overflow::Close,
        peer: Peer::Stays,
        lets_go: |client, payload, say| {
            client.close().nowait();
            say(client, payload);
        },
    },
    Way {
        name: "refused since its client is owed too much for it, by",
        overflow: Overflow::Close,
        peer: Peer::Stays,
        lets_go: |client, payload, say| {
            client.send(filling()).nowait();
            say(client, payload);
        },
    },
];

const DROPPED: [Way; 3] = [
    Way {
        name: "dropped as the newest, by",
        overflow: Overflow::DropNewest,
        peer: Peer::Stays,
        lets_go: |client, payload, say| {
            client.send(filling()).nowait();
            say(client, payload);
        },
    },
    Way {
        name: "dropped as the oldest, by",
        overflow: Overflow::DropOldest,
        peer: Peer::Stays,
        lets_go: |client, payload, say| {
            client.send(payload).nowait();
            say(client, filling());
        },
    },
    Way {
        name: "broadcast, and dropped as one of the oldest, by",
        overflow: Overflow::DropOldest,
        peer: Peer::Stays,
        lets_go: |client, payload, say| {
            client.endpoint().broadcast(payload).nowait();
            client.send("also").nowait();
            say(client, filling());
        },
    },
];

const LOST: [Way; 2] = [
    Way {
        name: "lost as its client is owed too much, by",
        overflow: Overflow::Close,
        peer: Peer::Stays,
        lets_go: |client, payload, say| {
            client.send(payload).nowait();
            say(client, filling());
        },
    },
    Way {
        name: "lost as its client goes, after",
        overflow: Overflow::Close,
        peer: Peer::Goes,
        lets_go: |client, payload, say| say(client, payload),
    },
];

const SENT: [Way; 1] = [Way {
    name: "let go when it has left, after",
    overflow: Overflow::Close,
    peer: Peer::Stays,
    lets_go: |client, payload, say| say(client, payload),
}];

#[test]
fn one_that_is_refused_may_ask_for_anything() {
    each(&REFUSED, Arrives::No);
}

#[test]
fn one_that_is_dropped_may_ask_for_anything() {
    each(&DROPPED, Arrives::No);
}

#[test]
fn one_that_is_lost_may_ask_for_anything() {
    each(&LOST, Arrives::No);
}

#[test]
fn one_that_has_left_may_ask_for_anything() {
    each(&SENT, Arrives::Yes);
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Arrives {
    Yes,
    No,
}

fn each(ways: &'static [Way], arrives: Arrives) {
    let mut cases = Vec::new();
    for way in ways {
        for (said, say) in ways_to_say() {
            for (asks, act) in acts() {
                let name = format!("{} {said}: it {asks}", way.name);
                cases.push((name, async move || case(way, say, act, arrives).await));
            }
        }
    }
    all_end(cases);
}

async fn case(way: &Way, say: Say, act: Act, arrives: Arrives) {
    let mut stage = match way.peer {
        Peer::Stays | Peer::Gone => Stage::with(way.overflow).await,
        Peer::Goes => Stage::stuck().await,
    };
    if way.peer == Peer::Gone {
        stage.hang_up();
        stage.gone().await;
    }
    let (ask, mut answer) = asking(&stage.client, act);
    let (payload, lets_go) = (payload(ask), way.lets_go);
    stage.at_work(move |client| lets_go(client, payload, say)).await;
    if way.peer == Peer::Goes {
        stage.hang_up();
    }
    answer.comes().await;
    let heard = stage.stop().await;
    assert_eq!(has_payload(&heard), arrives == Arrives::Yes, "it was let go in another way");
}
