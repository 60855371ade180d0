//! `clock`, `tail` and `process`: timers and readiness.

use std::{
    fs::File,
    io::{Write, pipe},
    time::Duration,
};

use rustix::process::{Pid, test_kill_process};
use tokio::time::{sleep, timeout};

use crate::{
    program::{Program, all_of, command, soon},
    visitor::Visitor,
};

#[tokio::test]
async fn clock_ticks_for_everyone_and_calls_back_once() {
    let program = Program::start("clock").await;
    let (mut ann, mut bob) = (program.visit().await, program.visit().await);
    let tick = ann.hear_of("clock: ").await;
    assert_eq!(bob.hear_of("clock: ").await, tick);
    let mut once = program.visit().await;
    assert_eq!(once.hear_of("half").await, "half a second is over");
    for _ in 0..10 {
        assert!(!once.hear_of("").await.starts_with("half"));
    }
    drop((ann, bob, once));
    program.end().await;
}

#[tokio::test]
async fn clock_stops_a_stopwatch_and_lets_it_go_on() {
    let program = Program::start("clock").await;
    let mut visitor = program.visit().await;
    assert_eq!(visitor.hear_of("stopwatch").await, "stopwatch: 1");
    assert_eq!(visitor.hear_of("stopwatch").await, "stopwatch: 2");
    visitor.say("stop").await;
    visitor.hear_of("as you wish").await;
    hear_no_stopwatch(&mut visitor).await;
    visitor.say("go").await;
    visitor.hear_of("as you wish").await;
    visitor.hear_of("stopwatch: ").await;
    visitor.leave().await;
    program.end().await;
}

#[tokio::test]
async fn clock_ends_a_stopwatch_for_good() {
    let program = Program::start("clock").await;
    let mut visitor = program.visit().await;
    for order in ["end", "go"] {
        visitor.say(order).await;
        visitor.hear_of("as you wish").await;
    }
    hear_no_stopwatch(&mut visitor).await;
    visitor.leave().await;
    program.end().await;
}

/// For at least a second, which passes from one tick of the clock to the next.
async fn hear_no_stopwatch(visitor: &mut Visitor) {
    let mut ticks = 0;
    while ticks < 2 {
        let heard = visitor.hear().await;
        assert!(!heard.starts_with("stopwatch"), "{heard}");
        ticks += usize::from(heard.starts_with("clock"));
    }
}

#[tokio::test]
async fn tail_shows_everyone_what_is_appended_and_takes_its_child_along() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("some.log");
    let mut file = File::create(&path).unwrap();
    writeln!(file, "long ago").unwrap();
    let (program, log) = Program::start_with_log(command("tail").arg(&path)).await;
    let (mut ann, mut bob) = (program.visit().await, program.visit().await);
    for visitor in [&mut ann, &mut bob] {
        assert_eq!(visitor.hear().await, "From now on:");
    }
    // Whether `tail` has opened the file yet cannot be seen: it tells what comes after it has.
    let mut told = 0;
    let heard = loop {
        writeln!(file, "line {told}").unwrap();
        told += 1;
        if let Ok(heard) = timeout(Duration::from_millis(200), ann.hear()).await {
            break heard;
        }
        assert!(told < 100, "`tail` tells nothing");
    };
    assert_eq!(bob.hear().await, heard);
    drop((ann, bob));
    program.end().await;
    // Its stderr was also its child's.
    all_of(log).await;
}

#[tokio::test]
async fn tail_shows_what_comes_in_by_a_pipe_line_by_line() {
    let (source, mut pipe) = pipe().unwrap();
    let program = Program::spawn(command("tail").stdin(source)).await;
    let mut visitor = program.visit().await;
    assert_eq!(visitor.hear().await, "From now on:");
    pipe.write_all(b"one\ntwo\nthr").unwrap();
    assert_eq!(visitor.hear().await, "one");
    assert_eq!(visitor.hear().await, "two");
    pipe.write_all(b"ee\n").unwrap();
    assert_eq!(visitor.hear().await, "three");
    pipe.write_all(b"and the rest").unwrap();
    // Its end ends a line, and not the program.
    drop(pipe);
    assert_eq!(visitor.hear().await, "and the rest");
    visitor.leave().await;
    let mut late = program.visit().await;
    assert_eq!(late.hear().await, "From now on:");
    late.leave().await;
    program.end().await;
}

#[tokio::test]
async fn process_writes_what_it_hears_and_says_what_it_reads() {
    let program = Program::start("process").await;
    let mut visitor = program.visit().await;
    // Much more than a pipe holds at a time.
    let long = "blah".repeat(100_000);
    for line in ["hello", &long, "bye"] {
        visitor.say(line).await;
    }
    for line in ["hello", &long, "bye"] {
        assert!(visitor.hear().await == line);
    }
    visitor.leave().await;
    program.end().await;
}

#[tokio::test]
async fn process_ends_with_its_client() {
    let mut command = command("process");
    command.args(["sh", "-c", "echo $$; exec sleep 1000"]);
    let program = Program::spawn(&mut command).await;
    let mut visitor = program.visit().await;
    let id = visitor.hear().await.parse().ok().and_then(Pid::from_raw).expect("its id");
    assert_eq!(test_kill_process(id), Ok(()));
    drop(visitor);
    soon(async {
        while test_kill_process(id).is_ok() {
            sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    program.end().await;
}
