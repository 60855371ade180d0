//! All of them in one room: what one says, in whatever form, everybody hears.

use futures_util::future::join_all;
use serde_json::json;

use crate::{
    foreign::{Language, tell},
    stage::Stage,
    tungstenite::Tungstenite,
};

#[tokio::test]
async fn clients_of_every_kind_sing_together() {
    let mut stage = Stage::usual().await;
    let url = stage.url("/room");
    let singers = [
        ("Ada", Language::Python, json!(true)),
        ("Bob", Language::Node, json!(true)),
        ("Cem", Language::Python, json!(false)),
        ("Dee", Language::Node, json!(false)),
        ("Eve", Language::Node, json!({ "server_max_window_bits": 10 })),
    ];
    let names: Vec<&str> = singers.iter().map(|(name, ..)| *name).collect();
    let count = singers.len().to_string();
    let (mut conductor, _) = Tungstenite::open(&url).await;
    stage.guest().await;
    let mut programs = Vec::new();
    for (name, language, offer) in singers {
        let what = ["sing", name, count.as_str()];
        programs.push(language.start(&what, &url, &[offer]).await);
    }
    let conducted = async {
        for _ in &names {
            stage.guest().await;
        }
        conductor.say("sing").await;
        assert_eq!(conductor.hear().await.to_text().unwrap(), "sing");
        for _ in &names {
            let song = conductor.hear().await.into_text().unwrap();
            let (_, song) = song.split_once(':').expect("a name and a song");
            assert!(song.len() == SONG && song.split(" la").all(str::is_empty), "out of tune");
        }
    };
    let singers = programs.into_iter().map(tell);
    let ((), told) = tokio::join!(conducted, join_all(singers));
    let all = (SONG * names.len()) as u64;
    for told in told {
        assert_eq!(told.heard, names);
        assert_eq!(told.closed.trim_end(), "1000");
        let (compressed, read) = (!told.extensions.is_empty(), told.passed.1);
        // Some of it may have come with the 101, and was not counted.
        assert!(if compressed { read < all / 50 } else { read > all / 2 }, "{read} of {all}");
    }
    for _ in &names {
        assert!(stage.departure().await.starts_with("1000 "));
    }
    conductor.leave(None).await;
    stage.strike().await;
}

/// In bytes.
const SONG: usize = 90_000;
