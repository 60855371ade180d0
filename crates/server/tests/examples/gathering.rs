//! `user_count`, `even_odd`, `rooms`, `combine`, `inspect`: clients that know of each other.

use std::{collections::HashMap, time::Duration};

use tokio::time::sleep;

use crate::{
    program::{Program, soon},
    visitor::Visitor,
};

#[tokio::test]
async fn user_count_tells_everyone_whenever_one_comes_or_goes() {
    let program = Program::start("user_count").await;
    let mut ann = program.visit().await;
    assert_eq!(ann.hear().await, "user count: 1");
    let mut bob = program.visit().await;
    assert_eq!(ann.hear().await, "user count: 2");
    assert_eq!(bob.hear().await, "user count: 2");
    bob.say("hey").await;
    assert_eq!(bob.hear().await, "echo chamber: hey");
    bob.leave().await;
    assert_eq!(ann.hear().await, "user count: 1");
    ann.leave().await;
    program.end().await;
}

/// Somebody, and the id and the second that the greeting told.
async fn greeted(program: &Program) -> (Visitor, String, String) {
    let mut visitor = program.visit().await;
    let greeting = visitor.hear().await;
    let told = greeting.strip_prefix("Hello, ").and_then(|it| it.split_once("! Your second: "));
    let (id, second) = told.unwrap_or_else(|| panic!("no greeting: {greeting:?}"));
    (visitor, id.to_owned(), second.to_owned())
}

#[tokio::test]
async fn even_odd_lets_those_hear_who_came_in_the_same_kind_of_second() {
    let program = Program::start("even_odd").await;
    // Two came in the first kind of second, and one in the other, whenever that begins.
    let (mut ann, ann_id, seconds) = greeted(&program).await;
    let mut others = HashMap::new();
    soon(async {
        while others.len() < 2 {
            let (visitor, id, second) = greeted(&program).await;
            match others.contains_key(&second) {
                true => visitor.leave().await,
                false => _ = others.insert(second, (visitor, id)),
            }
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let (mut alike, _) = others.remove(&seconds).expect("it is of one of the two kinds");
    let (mut other, other_id) = others.into_values().next().expect("two less one");
    ann.say("hi").await;
    assert_eq!(ann.hear().await, "heard by 1");
    assert_eq!(alike.hear().await, format!("{ann_id}: hi"));
    other.say("is anyone here?").await;
    assert_eq!(other.hear().await, "heard by 0", "{other_id} came in another kind of second");
    drop((ann, alike, other));
    program.end().await;
}

#[tokio::test]
async fn rooms_keeps_what_is_said_in_each_there_and_knows_which_there_are() {
    let program = Program::start("rooms").await;
    let mut ann = program.visit_at("/rooms/tea").await;
    let mut bob = program.visit_at("/rooms/tea").await;
    let mut eve = program.visit_at("/rooms/milk").await;
    for (visitor, list) in [(&mut ann, "milk 1, tea 2"), (&mut eve, "milk 1, tea 2")] {
        visitor.say("/list").await;
        assert_eq!(visitor.hear().await, list);
    }
    eve.say("alone").await;
    eve.say("/join tea").await;
    eve.say("/leave milk").await;
    eve.say("hello").await;
    for visitor in [&mut ann, &mut bob] {
        assert_eq!(visitor.hear().await, "tea: hello");
    }
    eve.say("/join ").await;
    assert_eq!(eve.hear().await, "a group's name has 1 to 255 bytes, and this one 0");
    eve.say("/list").await;
    assert_eq!(eve.hear().await, "tea 3");
    ann.leave().await;
    for visitor in [&mut bob, &mut eve] {
        assert_eq!(visitor.hear().await, "tea: 2 left here");
    }
    drop((bob, eve));
    program.end().await;
}

#[tokio::test]
async fn combine_waits_for_all_or_any_or_some() {
    let program = Program::start("combine").await;
    let mut ann = program.visit_at("/ann").await;
    let mut bob = program.visit_at("/bob").await;
    for (question, answer) in [
        ("all ann bob", "all were in: ann, bob"),
        ("all ann carl", "not all were in: carl is out"),
        ("any ann carl bob", "2 in, 1 out"),
        ("any", "0 in, 0 out"),
        ("some ann carl", "1 in at least"),
        ("some carl dan", "none of 2 succeeded"),
        ("some", "none of 0 succeeded"),
    ] {
        bob.say(question).await;
        let mut heard = bob.hear().await;
        if heard == "knock, knock" {
            heard = bob.hear().await;
        }
        assert_eq!(heard, answer, "{question}");
    }
    assert_eq!(ann.hear().await, "knock, knock");
    drop((ann, bob));
    program.end().await;
}

#[tokio::test]
async fn inspect_shows_a_client_its_figures_and_those_of_others() {
    let program = Program::start("inspect").await;
    let (mut ann, mut bob) = (program.visit().await, program.visit().await);
    let ann_id = ann.hear().await.replace("You are ", "");
    bob.hear().await;
    ann.say("stats").await;
    let mine = ann.hear().await;
    assert!(mine.contains(" 1 messages and 11 bytes read, 1 messages and "), "{mine}");
    bob.say(format!("stats {ann_id}")).await;
    let hers = bob.hear().await;
    assert!(hers.contains(" 1 messages and 11 bytes read, "), "{hers}");
    assert_eq!(hers.split(',').next(), mine.split(',').next(), "the same address");
    drop((ann, bob));
    program.end().await;
}

#[tokio::test]
async fn inspect_closes_another_client_by_its_id() {
    let program = Program::start("inspect").await;
    let (mut ann, mut bob) = (program.visit().await, program.visit().await);
    let ann_id = ann.hear().await.replace("You are ", "");
    let bob_id = bob.hear().await.replace("You are ", "");
    bob.say(format!("close {ann_id}")).await;
    assert_eq!(ann.hear_close().await, (1008, format!("closed by {bob_id}")));
    assert_eq!(bob.hear().await, format!("{ann_id} has gone"));
    bob.say("who").await;
    assert_eq!(bob.hear().await, bob_id);
    bob.say(format!("stats {ann_id}")).await;
    assert_eq!(bob.hear().await, format!("{ann_id} is not here"));
    bob.leave().await;
    program.end().await;
}
