//! Timers that are bound to no client.

use std::{future::pending, thread, time::Instant};

use aerys::{ClientGone, Endpoint, Failure, Host, Options};

use super::{NEVER, PERIOD, guest};
use crate::common::{
    Dropped, Journal, Lobby, Raw, errors_at, frame, keep_errors, serve_host, soon,
};

#[tokio::test]
async fn they_go_on_when_everybody_has_gone() {
    let (server, guests, mut raw, client) = guest().await;
    let (journal, endpoint) = (Journal::default(), client.endpoint().clone());
    let (once, repeat, start) = (journal.clone(), journal.clone(), Instant::now());
    endpoint.repeat(PERIOD, move |everyone| {
        repeat.note(format!("{} here", everyone.len()));
        async { Ok(()) }
    });
    endpoint.once(2 * PERIOD, async move |_| once.told("once"));
    journal.until(1).await;
    raw.write(frame(8, &[])).await;
    guests.journal.until(1).await;
    let lines = journal.until_noted("once").await.len();
    assert!(start.elapsed() >= 2 * PERIOD);
    let lines = journal.until(lines + 5).await;
    assert_eq!(lines.iter().filter(|line| *line == "once").count(), 1);
    assert_eq!(lines.last().map(String::as_str), Some("0 here"));
    drop(raw);
    server.stop().await;
}

type Fault = fn() -> Result<(), Failure>;

#[tokio::test]
async fn a_repeat_goes_on_after_a_fault_and_nobody_is_closed() {
    keep_errors();
    let path = "/timers/endpoint";
    let faults: [(&str, Fault); 4] = [
        ("fail", || Err(Failure::new("a secret"))),
        ("panic", || panic!("a secret")),
        ("panic early", || panic!("a secret")),
        ("gone", || Err(ClientGone.into())),
    ];
    for (how, fault) in faults {
        let (lobby, mut guests) = Lobby::new();
        let server = serve_host(Host::new("localhost").websocket(path, lobby)).await;
        let mut raw = Raw::open_at(&server, path).await;
        let endpoint = guests.next().await.endpoint().clone();
        let mut count = 0;
        endpoint.repeat(PERIOD, move |everyone: Endpoint| {
            count += 1;
            if how == "panic early" && count == 2 {
                let _ = fault();
            }
            async move {
                everyone.broadcast(count.to_string()).nowait();
                if count == 1 { fault() } else { Ok(()) }
            }
        });
        let heard = [raw.frame().await.1, raw.frame().await.1];
        assert!(heard[0] == b"1" && heard[1] > heard[0], "{how}: {heard:?}");
        assert_eq!(guests.journal.lines(), [""; 0]);
        drop(raw);
        server.stop().await;
    }
    let errors = errors_at(path);
    assert_eq!(errors.len(), 4, "{errors:?}");
    assert!(errors.iter().all(|error| error.contains("a secret") && !error.contains("client=")));
}

#[tokio::test]
async fn they_end_with_the_server() {
    for well in [true, false] {
        let (server, mut guests) = Lobby::serve(Options::new()).await;
        let raw = Raw::open(&server).await;
        let endpoint = guests.next().await.endpoint().clone();
        drop(raw);
        let journal = Journal::default();
        let [waits, repeats, works] = [(); 3].map(|()| Dropped(journal.clone()));
        endpoint.once(NEVER, async move |_| waits.0.told("never"));
        endpoint.repeat(NEVER, move |_| {
            repeats.0.note("never");
            async { Ok(()) }
        });
        endpoint.repeat(PERIOD, move |_| {
            works.0.note("works");
            pending()
        });
        journal.until_noted("works").await;
        if well {
            soon(server.stop()).await;
            // Nothing runs any more once it has stopped.
            assert_eq!(journal.lines(), ["works", "dropped", "dropped", "dropped"]);
        } else {
            drop(server);
            assert_eq!(journal.until(4).await[1..], ["dropped"; 3]);
        }
        let late = Dropped(journal.clone());
        endpoint.once(PERIOD, async move |_| late.0.told("late"));
        assert_eq!(journal.until(5).await[4], "dropped");
    }
}

#[tokio::test]
async fn one_can_be_handled_from_a_thread_without_a_runtime() {
    let (server, _guests, mut raw, client) = guest().await;
    let endpoint = client.endpoint().clone();
    let ticks = thread::spawn(move || {
        endpoint.repeat(PERIOD, async |everyone| {
            everyone.broadcast("tick").nowait();
            Ok(())
        })
    });
    let ticks = ticks.join().expect("it does not panic");
    for _ in 0..3 {
        assert_eq!(raw.frame().await, (0x81, b"tick".to_vec()));
    }
    ticks.cancel();
    drop(raw);
    server.stop().await;
}
