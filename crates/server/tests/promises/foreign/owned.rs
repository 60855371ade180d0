//! What else an application gives away: a client's state, and what is bound to a client or an endpoint.

use std::{future::pending, sync::OnceLock, time::Duration};

use aerys::{Accepted, Client, Handshake, Options, Overflow, Refusal, Watcher, Websocket};
use tokio::sync::mpsc;

use super::{
    Act, OnDrop, ROOM, Say, Stage, acts, all_end, asking, filling, payload,
    stage::{at_work, serve_alone},
    ways_to_say,
};
use crate::common::{Raw, eventually, soon};

type Code = Box<dyn Fn() + Send + Sync>;

/// A client's state, which is told later what to do when it is dropped.
#[derive(Default)]
struct Kept(OnceLock<OnDrop<Code>>);

/// Lets everybody in.
struct Keeps(mpsc::UnboundedSender<Client<Kept>>);

impl Websocket<Kept> for Keeps {
    async fn on_open(&self, handshake: Handshake<Kept>) -> Result<Accepted<Kept>, Refusal> {
        let client = handshake.accept_with(Kept::default());
        self.0.send(client.clone()).expect("the test is there");
        Ok(client)
    }
}

/// Who has the last handle of a client that goes. The other one stays, and is the one that is asked.
#[derive(Clone, Copy)]
enum Last {
    Worker,
    Application,
    /// One that is dropped by what is said then.
    Payload(Say<Kept>),
}

#[test]
fn a_clients_state_may_ask_for_anything_when_it_is_dropped() {
    let mut cases = Vec::new();
    let said = ways_to_say().map(|(said, say)| (said, Last::Payload(say)));
    let others = [("the worker", Last::Worker), ("the application", Last::Application)];
    for (who, last) in said.into_iter().chain(others) {
        for (asks, act) in acts() {
            let name = format!("dropped by {who}: it {asks}");
            cases.push((name, async move || state(last, act).await));
        }
    }
    all_end(cases);
}

async fn state(last: Last, act: Act<Kept>) {
    let (door, mut guests) = mpsc::unbounded_channel();
    let options = Options::new()
        .overflow(Overflow::DropOldest)
        .max_queued_bytes(ROOM)
        .close_period(Duration::from_millis(100));
    let server = serve_alone(Keeps(door), options).await;
    let stays_raw = Raw::open(&server).await;
    let stays = soon(guests.recv()).await.expect("it is let in");
    let goes_raw = Raw::open(&server).await;
    let goes = soon(guests.recv()).await.expect("it is let in");
    let (ask, mut answer) = asking(&stays, act);
    let code: Code = Box::new(ask);
    assert!(goes.state().0.set(OnDrop(code)).is_ok());
    match last {
        Last::Worker => {
            drop(goes);
            drop(goes_raw);
        }
        Last::Application => {
            drop(goes_raw);
            goes.gone().await;
            drop(goes);
        }
        Last::Payload(say) => {
            drop(goes_raw);
            eventually(|| stays.endpoint().len() == 1).await;
            at_work(&stays, move |stays| {
                stays.send(payload(move || _ = goes.id())).nowait();
                say(stays, filling());
            })
            .await;
        }
    }
    answer.comes().await;
    drop(stays_raw);
    server.stop().await;
}

/// What ends something that is bound to a client or its endpoint.
#[derive(Clone, Copy)]
enum End {
    Cancelled,
    Gone,
    Stopped,
}

const ENDS: [(&str, End); 3] = [
    ("that is cancelled", End::Cancelled),
    ("whose client goes", End::Gone),
    ("whose server stops", End::Stopped),
];

/// Binds what keeps this for as long as it lives.
type Bind = fn(&Client, OnDrop<Code>) -> Watcher;

const BOUND: [(&str, Bind); 4] = [
    ("a task of a client's", |client, kept| {
        client.spawn(async move {
            let _kept = kept;
            pending().await
        })
    }),
    ("a callback of a client's", |client, kept| {
        client.once(LATER, async move |_| {
            let _kept = kept;
            Ok(())
        })
    }),
    ("a task of an endpoint's", |client, kept| {
        client.endpoint().spawn(async move {
            let _kept = kept;
            pending().await
        })
    }),
    ("a callback of an endpoint's", |client, kept| {
        client.endpoint().once(LATER, async move |_| {
            let _kept = kept;
            Ok(())
        })
    }),
];

const LATER: Duration = Duration::from_secs(3600);

#[test]
fn what_is_bound_to_a_client_may_ask_for_anything_when_it_is_dropped() {
    let mut cases = Vec::new();
    for (what, bind) in BOUND {
        let outlives = what.ends_with("endpoint's");
        for (which, end) in ENDS {
            if outlives && matches!(end, End::Gone) {
                continue;
            }
            for (asks, act) in acts() {
                let name = format!("{what} {which}: it {asks}");
                cases.push((name, async move || bound(bind, end, act).await));
            }
        }
    }
    all_end(cases);
}

async fn bound(bind: Bind, end: End, act: Act) {
    let mut stage = Stage::with(Overflow::Close).await;
    let (ask, mut answer) = asking(&stage.client, act);
    let watcher = bind(&stage.client, OnDrop(Box::new(ask)));
    // By then it has begun.
    stage.at_work(|_| ()).await;
    match end {
        End::Cancelled => watcher.cancel(),
        End::Gone => stage.hang_up(),
        End::Stopped => {}
    }
    if !matches!(end, End::Stopped) {
        answer.comes().await;
    }
    stage.stop().await;
    if matches!(end, End::Stopped) {
        answer.comes().await;
    }
}
