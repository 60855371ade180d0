//! How a timer keeps time when somebody does not.

use std::{
    thread,
    time::{Duration, Instant},
};

use tokio::time::sleep;

use super::{LONG, PERIOD, guest, periods};
use crate::common::{Journal, frame, soon};

#[tokio::test]
async fn periods_that_pass_while_a_callback_runs_are_skipped() {
    let (server, _guests, raw, client) = guest().await;
    let (journal, mut first) = (Journal::default(), true);
    let noted = journal.clone();
    client.repeat(PERIOD, move |_| {
        let (journal, slow) = (noted.clone(), std::mem::take(&mut first));
        async move {
            journal.note("begins");
            if slow {
                sleep(10 * PERIOD).await;
                journal.note("slow one over");
            }
            Ok(())
        }
    });
    journal.until_noted("slow one over").await;
    let over = Instant::now();
    // None began beside it.
    assert_eq!(journal.lines()[..2], ["begins", "slow one over"]);
    let after = journal.until(7).await.len() as u32 - 2;
    // One may be due at once, and one soon after; the others keep their distance.
    let elapsed = over.elapsed() + PERIOD / 2;
    assert!(elapsed >= (after - 2) * PERIOD, "{after} times within {elapsed:?}");
    drop(raw);
    server.stop().await;
}

#[tokio::test]
async fn a_period_of_nothing_leaves_time_for_others() {
    let (server, guests, mut raw, client) = guest().await;
    let journal = Journal::default();
    let noted = journal.clone();
    client.repeat(Duration::ZERO, move |_| {
        noted.note("called");
        async { Ok(()) }
    });
    journal.until(20).await;
    raw.write(frame(1, b"hello")).await;
    assert_eq!(guests.journal.until(1).await, ["hello"]);
    assert_eq!(soon(client.send("hello")).await, Ok(()));
    drop(raw);
    server.stop().await;
}

#[tokio::test]
async fn a_time_that_never_comes_is_no_fault() {
    let (server, guests, raw, client) = guest().await;
    let journal = Journal::default();
    let (once, repeat) = (journal.clone(), journal.clone());
    client.once(Duration::MAX, async move |_| once.told("once"));
    client.repeat(Duration::MAX, move |_| {
        repeat.note("repeat");
        async { Ok(()) }
    });
    periods(&client, 2).await;
    assert_eq!(soon(client.send("still here")).await, Ok(()));
    assert_eq!(journal.lines(), [""; 0]);
    assert_eq!(guests.journal.lines(), [""; 0]);
    drop(raw);
    server.stop().await;
}

#[tokio::test]
async fn timers_can_be_made_and_handled_on_a_thread_without_a_runtime() {
    let (server, _guests, mut raw, client) = guest().await;
    let journal = Journal::default();
    let (noted, distant) = (journal.clone(), client.clone());
    let watchers = thread::spawn(move || {
        let ticks = noted.clone();
        let repeat = distant.repeat(PERIOD, move |_| {
            ticks.note("tick");
            async { Ok(()) }
        });
        let once = distant.once(PERIOD, async |client| Ok(client.send("now").await?));
        let never = distant.once(LONG, async move |_| noted.told("never"));
        never.cancel();
        [repeat, once]
    });
    let [repeat, _once] = watchers.join().expect("it does not panic");
    assert_eq!(raw.frame().await, (0x81, b"now".to_vec()));
    assert_eq!(journal.until(2).await[..2], ["tick"; 2]);
    let ended = journal.clone();
    thread::spawn(move || {
        repeat.cancel();
        ended.note("ended");
    });
    let lines = journal.until_noted("ended").await.len();
    periods(&client, 10).await;
    // One may have been under way.
    assert!(journal.lines().len() <= lines + 1);
    assert!(!journal.lines().contains(&"never".to_owned()));
    drop(raw);
    server.stop().await;
}
