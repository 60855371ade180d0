//! Who is present in a group is told to its members in one order, whatever happens at once.

use std::collections::BTreeSet;

use aerys::{
    Accepted, Client, Failure, Group, Handshake, Message, PresenceChange, PresenceEvent, Refusal,
    Websocket,
};

use futures_util::future::join_all;

use crate::common::{Ws, connect_to, serve};

/// Everybody comes in, says hello, and is told who is there.
struct Tearoom;

impl Websocket for Tearoom {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        let name = handshake.request().uri.query().unwrap_or_default().to_owned();
        let client = handshake.accept();
        client.join("tea")?;
        let tea = client.endpoint().group("tea");
        client.show("tea", &*name)?;
        tea.broadcast(format!("hello {name}")).nowait();
        tea.send_presence(&client, |present| {
            let names: Vec<_> = present.iter().filter_map(|it| it.shown.as_text()).collect();
            format!("present {}", names.join(" ")).into()
        });
        Ok(client)
    }

    async fn on_data(&self, client: &Client, message: Message) -> Result<(), Failure> {
        match message.as_text() {
            Some("leave") => _ = client.leave("tea"),
            Some("end") => client.send("end").nowait(),
            _ => {}
        }
        Ok(())
    }

    fn on_presence(&self, _: &Group, change: &PresenceChange) -> Option<Message> {
        let name = change.present.shown.as_text()?;
        let event = if change.event == PresenceEvent::Joined { "joined" } else { "left" };
        Some(format!("{event} {name} {}", change.count).into())
    }
}

/// What a client was told until it has been told of its end.
async fn heard(client: &mut Ws) -> Vec<String> {
    client.say("end").await;
    let mut heard = Vec::new();
    loop {
        match client.hear_text().await {
            end if end == "end" => return heard,
            text => heard.push(text),
        }
    }
}

/// Goes along with the changes from the list on, and answers who is present at the end.
fn follow(heard: &[String]) -> BTreeSet<&str> {
    let list = heard.iter().position(|text| text.starts_with("present")).expect("it was told");
    let mut known: BTreeSet<_> = heard[list].split(' ').skip(1).collect();
    let mut present = known.clone();
    for text in &heard[list + 1..] {
        let words: Vec<_> = text.split(' ').collect();
        match *words {
            ["joined", name, _] => {
                known.insert(name);
                present.insert(name);
            }
            ["left", name, _] => _ = present.remove(name),
            ["hello", name] => assert!(known.contains(name), "{text} before it has joined"),
            _ => panic!("{text}"),
        }
    }
    present
}

#[tokio::test]
async fn whoever_comes_at_once_is_told_of_one_by_one_and_before_what_it_says() {
    const COUNT: usize = 40;
    let server = serve(Tearoom).await;
    let mut watching = connect_to(&server, "/?first").await;
    let paths: Vec<_> = (0..COUNT).map(|number| format!("/?{number}")).collect();
    let mut crowd = join_all(paths.iter().map(|path| connect_to(&server, path))).await;
    join_all(crowd.iter_mut().take(COUNT / 2).map(|client| client.say("leave"))).await;
    // Who is through with what it was told to do has had the others told.
    join_all(crowd.iter_mut().take(COUNT / 2).map(heard)).await;
    let staying: Vec<_> = (COUNT / 2..COUNT).map(|number| number.to_string()).collect();
    let expected: BTreeSet<_> = staying.iter().map(String::as_str).chain(["first"]).collect();
    let told = heard(&mut watching).await;
    assert_eq!(follow(&told), expected);
    let counts =
        told.iter().filter(|text| !text.starts_with("hello") && !text.starts_with("present"));
    let mut last = 1;
    for text in counts {
        let step = if text.starts_with("joined") { 1 } else { -1 };
        last += step;
        assert_eq!(text.split(' ').nth(2), Some(&*last.to_string()), "{told:?}");
    }
    for client in crowd.iter_mut().skip(COUNT / 2) {
        let told = heard(client).await;
        assert_eq!(follow(&told), expected, "{told:?}");
    }
}
