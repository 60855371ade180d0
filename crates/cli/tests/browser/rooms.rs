//! Rooms: two tabs in two of them, a third that comes by a link, and the list that all of them have.

use fantoccini::key::Key;

use crate::{common::server::Server, devtools::DevTools, driver::Browser, tab::Tab};

#[tokio::test]
async fn people_find_each_other_in_rooms() {
    let server = Server::start(&["--workers", "2"]).await;
    let page = server.page();
    let browser = Browser::start().await;
    let ada = Tab::open(&browser, &page).await;
    ada.join("Ada").await;
    ada.is_in("lobby").await;
    ada.lists(&[("lobby", 1)]).await;

    // A room is made by its name.
    let bob = Tab::open(&browser, &page).await;
    bob.join("Bob").await;
    bob.counts(2).await;
    bob.makes_room("green tea").await;
    bob.is_in("green tea").await;
    bob.is_told("note", "You joined green tea as Bob. Nobody else is here yet").await;
    ada.is_told("left", "Bob left").await;
    for tab in [&ada, &bob] {
        tab.lists(&[("lobby", 1), ("green tea", 1)]).await;
        tab.counts(1).await;
    }

    // And shared by its link, which somebody without a name is asked for one by.
    let eve = Tab::open(&browser, &bob.address().await).await;
    eve.join("Eve").await;
    eve.is_told("note", "You joined green tea as Eve. Also here: Bob.").await;
    bob.is_told("joined", "Eve joined").await;
    for tab in [&ada, &bob, &eve] {
        tab.lists(&[("lobby", 1), ("green tea", 2)]).await;
    }
    eve.say("Two sugars?").await;
    bob.hears("Eve", "Two sugars?").await;
    ada.say("Where is everybody?").await;
    assert_eq!(ada.count(r#"//*[@id="log"]//li[.//p[.="Two sugars?"]]"#).await, 0);
    assert_eq!(bob.count(r#"//*[@id="log"]//li[.//p[.="Where is everybody?"]]"#).await, 0);

    // By the keyboard alone: back from the message to the room, with a draft that is kept.
    ada.types("Is there any le").await;
    let back = Key::Shift + &Key::Tab;
    ada.presses_until_at("green tea", &back).await;
    ada.presses(&Key::Enter).await;
    ada.is_told("note", "You joined green tea as Ada. Also here: Bob, Eve.").await;
    ada.is_in("green tea").await;
    assert_eq!(ada.draft().await, "Is there any le");
    for tab in [&ada, &bob, &eve] {
        tab.lists(&[("lobby", 0), ("green tea", 3)]).await;
        tab.counts(3).await;
    }
    // What was said in the other room has stayed there, and what is typed goes on.
    assert_eq!(ada.count(r#"//*[@id="log"]//li[@data-kind="said"]"#).await, 0);
    ada.presses("ft?").await;
    ada.presses(&Key::Enter).await;
    bob.hears("Ada", "Is there any left?").await;
    assert_eq!(browser.errors().await, [""; 0]);
    browser.close().await.unwrap();
}

#[tokio::test]
async fn on_a_phone_the_rooms_are_behind_a_button() {
    let server = Server::start(&["--workers", "1"]).await;
    let browser = Browser::start().await;
    let ada = Tab::open(&browser, &format!("{}#{}", server.page(), "w".repeat(32))).await;
    ada.emulates(DevTools::phone()).await;
    assert_eq!(ada.overflow().await, 0);
    ada.join("Ada").await;
    ada.counts(1).await;
    assert_eq!(ada.overflow().await, 0);
    assert!(!ada.shows("rooms").await);
    ada.clicks("room-toggle").await;
    assert!(ada.shows("rooms").await);
    assert_eq!(ada.overflow().await, 0);
    ada.presses(&Key::Escape).await;
    assert!(!ada.shows("rooms").await);

    // What is no name is said to be none, and does not close it.
    ada.clicks("room-toggle").await;
    ada.makes_room("..").await;
    ada.is_complained_to_of_the_room("Please type a name for the room").await;
    ada.makes_room("tea/<b>").await;
    ada.is_in("tea/<b>").await;
    ada.lists(&[("lobby", 0), ("tea/<b>", 1)]).await;
    assert!(!ada.shows("rooms").await);
    assert_eq!(ada.overflow().await, 0);
    assert_eq!(browser.errors().await, [""; 0]);

    // The countdown is the longest that the header says.
    server.kill().await;
    ada.is_lost().await;
    assert_eq!(ada.overflow().await, 0);
    browser.close().await.unwrap();
}
