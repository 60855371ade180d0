//! `once` and `repeat` of a client: when they call back, and when they do not any more.

mod endpoint;
mod pace;

use std::{
    future::pending,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use aerys::{Client, ClientGone, Failure, Host, Options, Watcher};

use crate::common::{
    Dropped, Guests, Journal, Lobby, Raw, Running, errors_at, frame, keep_errors, serve_host, soon,
};

const PERIOD: Duration = Duration::from_millis(50);
/// Longer than it takes to change one's mind.
const LONG: Duration = Duration::from_millis(400);
const NEVER: Duration = Duration::from_secs(3600);

async fn guest() -> (Running, Guests, Raw, Client) {
    let (server, mut guests) = Lobby::serve(Options::new()).await;
    let raw = Raw::open(&server).await;
    let client = guests.next().await;
    (server, guests, raw, client)
}

/// Lets so many periods pass, as a timer of the same client sees them.
async fn periods(client: &Client, count: usize) {
    let ticks = Journal::default();
    let noted = ticks.clone();
    let watcher = client.repeat(PERIOD, move |_| {
        noted.note("tick");
        async { Ok(()) }
    });
    ticks.until(count).await;
    watcher.cancel();
}

#[tokio::test]
async fn once_calls_back_once_and_not_before_its_time() {
    let (server, _guests, mut raw, client) = guest().await;
    let journal = Journal::default();
    let (noted, start) = (journal.clone(), Instant::now());
    client.once(2 * PERIOD, async move |client| {
        noted.note("called");
        client.send("now").await?;
        Ok(())
    });
    assert_eq!(raw.frame().await, (0x81, b"now".to_vec()));
    assert!(start.elapsed() >= 2 * PERIOD);
    periods(&client, 5).await;
    assert_eq!(journal.lines(), ["called"]);
    drop(raw);
    server.stop().await;
}

#[tokio::test]
async fn repeat_calls_back_again_and_again_the_first_time_after_one_period() {
    let (server, _guests, mut raw, client) = guest().await;
    let mut count = 0;
    let start = Instant::now();
    client.repeat(PERIOD, move |client| {
        count += 1;
        async move {
            client.send(count.to_string()).await?;
            Ok(())
        }
    });
    for count in 1..=5 {
        assert_eq!(raw.frame().await, (0x81, count.to_string().into()));
        assert!(start.elapsed() >= count * PERIOD, "{count}: {:?}", start.elapsed());
    }
    drop(raw);
    server.stop().await;
}

#[tokio::test]
async fn what_is_disabled_waits_and_starts_anew_when_it_is_enabled() {
    let (server, _guests, raw, client) = guest().await;
    let journal = Journal::default();
    let (once, repeat) = (journal.clone(), journal.clone());
    let watchers = [
        client.once(LONG, async move |_| once.told("once")),
        client.repeat(LONG, move |_| {
            repeat.note("repeat");
            async { Ok(()) }
        }),
    ];
    for watcher in &watchers {
        watcher.disable();
        watcher.disable();
    }
    periods(&client, 10).await;
    assert_eq!(journal.lines(), [""; 0]);
    let enabled = Instant::now();
    for watcher in &watchers {
        watcher.enable();
        watcher.enable();
    }
    journal.until(1).await;
    assert!(enabled.elapsed() >= LONG, "{:?}", enabled.elapsed());
    journal.until_noted("once").await;
    assert_eq!(journal.until(4).await.iter().filter(|it| *it == "once").count(), 1);
    drop(raw);
    server.stop().await;
}

#[tokio::test]
async fn one_that_is_disabled_and_enabled_at_once_starts_anew_too() {
    let (server, _guests, raw, client) = guest().await;
    let called = Journal::default();
    let noted = called.clone();
    let watcher = client.once(2 * LONG, async move |_| noted.told("called"));
    periods(&client, 1).await;
    let anew = Instant::now();
    watcher.disable();
    watcher.enable();
    called.until(1).await;
    assert!(anew.elapsed() >= 2 * LONG, "{:?}", anew.elapsed());
    drop(raw);
    server.stop().await;
}

#[tokio::test]
async fn what_is_cancelled_has_ended_for_good() {
    let (server, _guests, raw, client) = guest().await;
    let journal = Journal::default();
    let (once, repeat) = (Dropped(journal.clone()), Dropped(journal.clone()));
    let watchers = [
        client.once(LONG, async move |_| once.0.told("once")),
        client.repeat(LONG, move |_| {
            repeat.0.note("repeat");
            async { Ok(()) }
        }),
    ];
    for watcher in &watchers {
        watcher.cancel();
        watcher.enable();
    }
    assert_eq!(journal.until(2).await, ["dropped"; 2]);
    periods(&client, 10).await;
    assert_eq!(journal.lines().len(), 2);
    drop(raw);
    server.stop().await;
}

#[tokio::test]
async fn a_callback_can_end_its_own_timer_and_is_dropped_where_it_waits() {
    for ends in [true, false] {
        let (server, _guests, raw, client) = guest().await;
        let (journal, slot) = (Journal::default(), Arc::new(OnceLock::new()));
        let (noted, own) = (journal.clone(), Arc::clone(&slot));
        let watcher = client.repeat(PERIOD, move |_| {
            let (journal, own) = (noted.clone(), Arc::clone(&own));
            async move {
                let watcher: &Watcher = own.wait();
                if ends {
                    watcher.cancel();
                } else {
                    watcher.disable();
                }
                journal.note("called");
                tokio::task::yield_now().await;
                journal.note("goes on");
                Ok(())
            }
        });
        slot.set(watcher.clone()).expect("it is set once");
        journal.until(1).await;
        periods(&client, 3).await;
        let noted = if ends { &["called"][..] } else { &["called", "goes on"] };
        assert_eq!(journal.lines(), noted);
        watcher.enable();
        if ends {
            periods(&client, 3).await;
            assert_eq!(journal.lines(), noted);
        } else {
            journal.until(4).await;
        }
        drop(raw);
        server.stop().await;
    }
}

#[tokio::test]
async fn timers_end_when_their_client_goes() {
    let (server, guests, mut raw, client) = guest().await;
    let journal = Journal::default();
    let [waits, repeats, works] = [(); 3].map(|()| Dropped(journal.clone()));
    client.once(NEVER, async move |_| waits.0.told("never"));
    client.repeat(NEVER, move |_| {
        repeats.0.note("never");
        async { Ok(()) }
    });
    client.once(Duration::ZERO, async move |_| {
        works.0.note("works");
        pending::<()>().await;
        Ok(())
    });
    journal.until_noted("works").await;
    raw.write(frame(8, &[])).await;
    guests.journal.until(1).await;
    assert_eq!(journal.until(4).await, ["works", "dropped", "dropped", "dropped"]);
    // For one that has gone there is no time any more.
    let late = Dropped(journal.clone());
    client.once(Duration::ZERO, async move |_| late.0.told("late"));
    let late = Dropped(journal.clone());
    client.repeat(Duration::ZERO, move |_| {
        late.0.note("late");
        async { Ok(()) }
    });
    assert_eq!(journal.until(6).await[4..], ["dropped"; 2]);
    drop(raw);
    server.stop().await;
}

#[tokio::test]
async fn a_fault_in_a_callback_closes_its_client_with_1011_and_is_not_told() {
    keep_errors();
    for (how, repeats) in [("fail", true), ("fail", false), ("panic", true), ("panic", false)] {
        let path = format!("/timers/{how}/{repeats}");
        let (lobby, mut guests) = Lobby::new();
        let server = serve_host(Host::new("localhost").websocket(&path, lobby)).await;
        let mut raw = Raw::open_at(&server, &path).await;
        let client = guests.next().await;
        let callback = move |_: Client| async move {
            match how {
                "fail" => Err(Failure::new("a secret")),
                _ => panic!("a secret"),
            }
        };
        if repeats {
            client.repeat(PERIOD, callback);
        } else {
            client.once(PERIOD, callback);
        }
        assert_eq!(raw.hear_close().await, (1011, String::new()), "{path}");
        raw.write(frame(8, &[])).await;
        assert_eq!(raw.rest().await, b"");
        assert_eq!(guests.journal.until(1).await, ["gone 1011"]);
        server.stop().await;
        let errors = errors_at(&path);
        assert_eq!(errors.len(), 1, "{errors:?}");
        assert!(errors[0].contains("client=") && errors[0].contains("a secret"), "{errors:?}");
    }
}

#[tokio::test]
async fn that_another_has_gone_is_no_fault_and_a_repeat_goes_on() {
    keep_errors();
    let path = "/timers/silent";
    let (lobby, mut guests) = Lobby::new();
    let server = serve_host(Host::new("localhost").websocket(path, lobby)).await;
    let mut raw = Raw::open_at(&server, path).await;
    let client = guests.next().await;
    let mut other = Raw::open_at(&server, path).await;
    let gone = guests.next().await;
    other.write(frame(8, &[])).await;
    guests.journal.until(1).await;
    drop(other);
    assert_eq!(soon(gone.send("?")).await, Err(ClientGone));
    let mut count = 0;
    client.repeat(PERIOD, move |client| {
        let gone = gone.clone();
        count += 1;
        async move {
            client.send(count.to_string()).await?;
            gone.send("anybody?").await?;
            Ok(())
        }
    });
    assert_eq!(raw.frame().await, (0x81, b"1".to_vec()));
    assert_eq!(raw.frame().await, (0x81, b"2".to_vec()));
    assert_eq!(errors_at(path), [""; 0]);
    drop(raw);
    server.stop().await;
}
