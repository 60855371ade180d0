//! Nothing foreign runs while the library holds a lock: no waker, and no `Drop` of what an application
//! has given away. So either may ask anything of the library, and wait for any lock of its own.

mod locks;
mod owned;
mod payloads;
mod stage;
mod wakers;

use std::{
    collections::BTreeSet,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use aerys::{Client, Message, bytes::Bytes};
use futures_util::FutureExt;
use tokio::{runtime::Builder, sync::mpsc as answers};

use self::stage::Stage;

/// Many times longer than all cases of a test take.
const LIMIT: Duration = Duration::from_secs(5);

/// What foreign code asks of the library.
type Act<S = ()> = fn(&Client<S>);

fn acts<S: Send + Sync + 'static>() -> [(&'static str, Act<S>); 5] {
    [
        ("sends", |client| client.send("from within").nowait()),
        ("begins to await a send", |client| _ = client.send("from within").now_or_never()),
        ("broadcasts", |client| client.endpoint().broadcast("from within").nowait()),
        ("inspects", |client| _ = client.inspect()),
        ("counts the clients", |client| assert!(client.endpoint().len() < 3)),
    ]
}

/// How a message is given away.
type Say<S = ()> = fn(&Client<S>, Message);

fn ways_to_say<S: Send + Sync + 'static>() -> [(&'static str, Say<S>); 4] {
    [
        ("a send", |client, message| client.send(message).nowait()),
        ("an awaited send", |client, message| _ = client.send(message).now_or_never()),
        ("a broadcast", |client, message| client.endpoint().broadcast(message).nowait()),
        ("an awaited broadcast", |client, message| {
            _ = client.endpoint().broadcast(message).now_or_never();
        }),
    ]
}

/// Code that asks the library for something, and what tells that it has had its answer.
fn asking<S: Send + Sync + 'static>(
    client: &Client<S>,
    act: Act<S>,
) -> (impl Fn() + Send + Sync + 'static, Answer) {
    let client = client.clone();
    told(move || act(&client))
}

/// The same code, and what tells that it has run.
fn told(code: impl Fn() + Send + Sync + 'static) -> (impl Fn() + Send + Sync + 'static, Answer) {
    let (sender, receiver) = answers::unbounded_channel();
    let telling = move || {
        code();
        // Who listens for one answer need not listen for others.
        let _ = sender.send(());
    };
    (telling, Answer(receiver))
}

struct Answer(answers::UnboundedReceiver<()>);

impl Answer {
    /// For as long as the case may take.
    async fn comes(&mut self) {
        self.0.recv().await.expect("foreign code has run");
    }
}

/// Runs foreign code when it is dropped.
struct OnDrop<F: Fn()>(F);

impl<F: Fn()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

impl<F: Fn()> AsRef<[u8]> for OnDrop<F> {
    fn as_ref(&self) -> &[u8] {
        PAYLOAD
    }
}

/// A message whose memory, when it is given back, runs foreign code.
fn payload(given_back: impl Fn() + Send + 'static) -> Message {
    Message::binary(Bytes::from_owner(OnDrop(given_back)))
}

const PAYLOAD: &[u8] = &[0xF0; 100];

/// Whether the payload is in what a client was sent.
fn has_payload(heard: &[u8]) -> bool {
    heard.windows(PAYLOAD.len()).any(|bytes| bytes == PAYLOAD)
}

/// Beside it, a queue has no room for another.
fn filling() -> Message {
    Message::binary(Bytes::from_static(&[0; 300]))
}

/// Room for the payload or the filling, with the 64 bytes that each message counts beside it.
const ROOM: usize = 400;

/// Runs each case on a thread of its own, and names those that do not come to their ends. They are
/// left behind with all that is theirs, as nothing is known of what they hold.
fn all_end<C: AsyncFnOnce() + Send + 'static>(cases: impl IntoIterator<Item = (String, C)>) {
    let (sender, ended) = mpsc::channel();
    let mut left = BTreeSet::new();
    let began = Instant::now();
    for (name, case) in cases {
        let (sender, name_of_it) = (sender.clone(), name.clone());
        let run = move || {
            let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(case());
            // The others may have been waited for in vain.
            let _ = sender.send(name_of_it);
        };
        thread::Builder::new().name(name.clone()).spawn(run).expect("there are threads");
        assert!(left.insert(name), "two cases have one name");
    }
    drop(sender);
    let count = left.len();
    while let Ok(name) = ended.recv_timeout(LIMIT.saturating_sub(began.elapsed())) {
        left.remove(&name);
    }
    assert!(left.is_empty(), "{} of {count} do not end: {left:#?}", left.len());
}
