//! `close_in_open`, `nested`, `delivery`, `nowait`: what awaiting a command means, and not awaiting.

use crate::program::{Program, all_of, command};

#[tokio::test]
async fn close_in_open_prints_before_on_close_and_after_in_this_order() {
    let mut program = Program::start("close_in_open").await;
    let mut visitor = program.visit().await;
    assert_eq!(visitor.hear().await, "hi and goodbye");
    assert_eq!(visitor.hear_close().await, (1001, "see you".to_owned()));
    assert_eq!(program.line().await, "on_open: before the close");
    assert_eq!(program.line().await, "on_close: 1001 see you");
    assert_eq!(program.line().await, "on_open: after the close");
    program.end().await;
}

#[tokio::test]
async fn nested_counts_down_in_a_function_of_its_own() {
    let program = Program::start("nested").await;
    let mut visitor = program.visit().await;
    assert_eq!(visitor.hear().await, "From which number shall I count down?");
    visitor.say("3").await;
    for heard in ["3", "2", "1", "lift-off after 3 steps"] {
        assert_eq!(visitor.hear().await, heard);
    }
    visitor.leave().await;
    program.end().await;
}

#[tokio::test]
async fn nested_closes_with_1011_and_no_word_for_what_is_no_number() {
    let (program, log) = Program::start_with_log(&mut command("nested")).await;
    let mut visitor = program.visit().await;
    visitor.hear().await;
    visitor.say("three").await;
    assert_eq!(visitor.hear_close().await, (1011, String::new()));
    program.end().await;
    assert!(all_of(log).await.contains("invalid digit"), "it is logged");
}

#[tokio::test]
async fn delivery_counts_what_was_delivered_before_the_client_went() {
    let mut program = Program::start("delivery").await;
    let mut patient = program.visit().await;
    assert_eq!(patient.hear().await, "How many lines do you want?");
    patient.say("3").await;
    for line in 1..=3 {
        assert_eq!(patient.hear().await, format!("line {line}"));
    }
    assert_eq!(program.line().await, "3 of 3 lines delivered");
    let mut hasty = program.visit().await;
    hasty.hear().await;
    hasty.say("1000000000").await;
    assert_eq!(hasty.hear().await, "line 1");
    drop(hasty);
    let line = program.line().await;
    let delivered = line.strip_suffix(" of 1000000000 lines delivered");
    let delivered: u64 = delivered.and_then(|it| it.parse().ok()).expect(&line);
    assert!((1..1_000_000_000).contains(&delivered), "{line}");
    patient.leave().await;
    program.end_with(&[&format!("{} lines delivered in all", delivered + 3)]).await;
}

#[tokio::test]
async fn nowait_lets_nobody_wait_for_one_who_does_not_read() {
    let program = Program::start("nowait").await;
    let (mut speaker, mut reader) = (program.visit().await, program.visit().await);
    let idle = program.visit().await;
    assert_eq!(speaker.hear().await, "welcome");
    assert_eq!(reader.hear().await, "welcome");
    // All of it is more than the kernel takes for one who never reads.
    let speech = "blah".repeat(262_500);
    for _ in 0..6 {
        speaker.say(speech.as_str()).await;
        assert_eq!(speaker.hear().await, "passed on");
        assert_eq!(reader.hear().await, speech);
    }
    drop((speaker, reader, idle));
    program.end().await;
}

#[tokio::test]
async fn nowait_answers_while_a_spawned_task_still_works() {
    let program = Program::start("nowait").await;
    let mut visitor = program.visit().await;
    visitor.hear().await;
    visitor.say("work").await;
    visitor.say("meanwhile").await;
    assert_eq!(visitor.hear().await, "passed on");
    assert_eq!(visitor.hear().await, "done");
    visitor.leave().await;
    program.end().await;
}
