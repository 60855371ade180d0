//! A command that is neither awaited nor let go does nothing, and in builds with debug assertions the
//! log says where that was.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use aerys::{Client, CloseCode, Options, all, any, command::Send, some};
use futures_util::FutureExt;
use tokio::time::timeout;
use tracing::{
    Level,
    subscriber::{DefaultGuard, set_default},
};

use crate::common::{Listener, Lobby, Raw, soon};

/// Keeps what is logged at warn level on this thread, as `field=value` in order.
#[derive(Clone, Default)]
struct Warnings(Arc<Mutex<Vec<String>>>);

impl Warnings {
    /// From now on, until the guard is dropped.
    fn keep() -> (Self, DefaultGuard) {
        let warnings = Self::default();
        let kept = warnings.clone();
        let guard = set_default(Listener(move |level, line| {
            if level == Level::WARN {
                kept.0.lock().unwrap().push(line);
            }
        }));
        (warnings, guard)
    }

    /// Those that are about one command, since the last look.
    fn take(&self) -> Vec<String> {
        let lines = std::mem::take(&mut *self.0.lock().unwrap());
        lines.into_iter().filter(|line| line.contains("command=")).collect()
    }
}

/// Whether the only warning is of this command, made in this line of this file.
#[track_caller]
fn assert_warned(warnings: &Warnings, command: &str, line: u32) {
    let lines = warnings.take();
    let [warning] = &lines[..] else { panic!("not one warning: {lines:?}") };
    assert!(warning.contains(&format!("command={command:?} ")), "{warning}");
    assert!(warning.contains(&format!("at={}:{line}:", file!())), "{warning}");
    assert!(warning.contains("without `.await` or `.nowait()`"), "{warning}");
}

#[tokio::test]
#[expect(clippy::let_underscore_future, reason = "that is what is warned of")]
async fn a_command_that_is_forgotten_does_nothing_and_is_warned_of_once_for_each_place() {
    let (warnings, _guard) = Warnings::keep();
    let (server, mut guests) = Lobby::serve(Options::new()).await;
    let mut raw = Raw::open(&server).await;
    let client = guests.next().await;
    let endpoint = client.endpoint();
    for _ in 0..3 {
        let _ = client.send("forgotten");
    }
    assert_warned(&warnings, "send", line!() - 2);
    let _ = endpoint.broadcast("forgotten").only([client.id()]).except([]);
    assert_warned(&warnings, "broadcast", line!() - 1);
    let _ = client.close().code(CloseCode::AWAY).reason("forgotten");
    assert_warned(&warnings, "close", line!() - 1);
    // In the same line there may be two.
    #[rustfmt::skip]
    let _ = (client.send("forgotten"), client.close());
    let lines = warnings.take();
    assert_eq!(lines.len(), 2, "{lines:?}");
    drop(all([client.send("forgotten")]));
    assert_warned(&warnings, "send", line!() - 1);
    let unpolled = async { client.send("forgotten").await };
    drop(unpolled);
    client.send("meant").nowait();
    assert_eq!(raw.frame().await, (0x81, b"meant".to_vec()));
    assert_eq!(warnings.take(), [""; 0]);
    drop(raw);
    server.stop().await;
}

#[tokio::test]
async fn a_command_that_was_given_is_not_warned_of_however_it_ends() {
    let (warnings, _guard) = Warnings::keep();
    let (server, mut guests) = Lobby::serve(Options::new()).await;
    let mut raw = Raw::open(&server).await;
    let client = guests.next().await;
    let endpoint = client.endpoint();
    soon(client.send("0")).await.unwrap();
    client.send("1").nowait();
    soon(endpoint.broadcast("2")).await;
    endpoint.broadcast("3").only([client.id()]).nowait();
    // Polled once, and then dropped.
    let _ = client.send("4").now_or_never();
    let _ = endpoint.broadcast("5").now_or_never();
    let _ = timeout(Duration::ZERO, client.send("6")).await;
    // Made in a branch, moved about, and polled later.
    let made: Option<Send<'_>> = (!endpoint.is_empty()).then(|| client.send("7"));
    let mut kept = Box::new(made.expect("it was made"));
    let _ = (&mut *kept).now_or_never();
    drop(kept);
    soon(all([client.send("8"), client.send("9")])).await.unwrap();
    soon(any([client.send("10")])).await;
    soon(some([client.send("11")])).await.unwrap();
    let _ = all([client.send("12"), client.send("13")]).now_or_never();
    for number in 0..14 {
        assert_eq!(raw.frame().await, (0x81, number.to_string().into_bytes()));
    }
    // In the middle of a panic nothing is forgotten.
    let panics = |client: &Client| {
        let _send = client.send("lost");
        panic!("on purpose");
    };
    assert!(catch_unwind(AssertUnwindSafe(|| panics(&client))).is_err());
    let mut close = pin!(client.close());
    let _ = close.as_mut().now_or_never();
    client.close().nowait();
    drop(raw);
    guests.journal.until(1).await;
    // To one that has gone, too.
    assert!(client.send("late").await.is_err());
    client.send("late").nowait();
    assert_eq!(warnings.take(), [""; 0]);
    server.stop().await;
}
