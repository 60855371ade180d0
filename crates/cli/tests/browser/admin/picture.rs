//! The README's pictures of the page, with something to see: `AERYS_ADMIN_SCREENSHOTS=docs cargo test -p aerys-cli --test
//! browser -- --ignored pictures` takes four minutes, and keeps them in that folder, which is taken from the root of the
//! repository.

use std::{env, fs, path::Path, time::Duration};

use futures_util::{SinkExt, StreamExt};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};
use tokio_tungstenite::tungstenite::{
    Message,
    protocol::{CloseFrame, frame::coding::CloseCode},
};

use super::{
    operator::{Operator, Site},
    visitors::{Socket, visit},
};
use crate::driver::Browser;

const FILE: &str = "
    workers = 2
    [admin]
    page = '127.0.0.1:0'
    [[listen]]
    address = '127.0.0.1:0'
    [[host]]
    name = 'localhost'
    [[host.websocket]]
    path = '/rooms/{room}'
    application = 'broadcast'
    heartbeat_period = '5 s'
    queued_ping_limit = 60
    [[host.websocket]]
    path = '/echo'
    application = 'echo'
    heartbeat_period = '5 s'
    queued_ping_limit = 60
";

/// How long people come, talk and go before the picture is taken.
const BUSY: Duration = Duration::from_secs(235);

/// When clients come who read nothing, in seconds, and how much they are owed, in KiB.
const SLOW: [(f64, usize); 4] = [(130.0, 90), (155.0, 170), (170.0, 420), (200.0, 240)];

const ROOMS: usize = 16;

/// At the busiest.
const PEOPLE: f64 = 200.0;

#[tokio::test]
#[ignore = "takes four minutes"]
async fn the_pictures_of_the_readme_show_a_busy_server_by_day_and_by_night() {
    let Some(folder) = env::var_os("AERYS_ADMIN_SCREENSHOTS") else {
        panic!("say where to keep them: AERYS_ADMIN_SCREENSHOTS=docs");
    };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(folder);
    let site = Site::of(FILE).await;
    let address = site.server.address();
    let (began, mut people) = (Instant::now(), JoinSet::new());
    let mut slow = Vec::new();
    let mut number = 0_u64;
    while began.elapsed() < BUSY {
        let at = began.elapsed().as_secs_f64();
        // More and less, as the day has it.
        let wanted = PEOPLE * (0.75 + 0.25 * (at / 37.0).sin()) * (at / 20.0).min(1.0);
        while people.len() < wanted as usize {
            number += 1;
            people.spawn(talk(
                visit(address, &format!("/rooms/{}", number as usize % ROOMS)).await,
                number,
            ));
        }
        if let Some((_, size)) = SLOW.get(slow.len()).filter(|(second, _)| at > *second) {
            slow.push(owe_some(visit(address, "/echo").await, *size).await);
        }
        sleep(Duration::from_millis(200)).await;
        while people.try_join_next().is_some() {}
    }
    let browser = Browser::start().await;
    let operator = Operator::open(&browser, &site.page).await;
    operator.sees_overview().await;
    operator.sees("//*[@id='slowest']/tbody/tr").await;
    browser.tell("Emulation.setScrollbarsHidden", serde_json::json!({ "hidden": true })).await;
    for scheme in ["light", "dark"] {
        operator.likes(scheme).await;
        operator.is_as_large_as(1120, 1000).await;
        sleep(Duration::from_secs(3)).await;
        fs::write(folder.join(format!("admin-{scheme}.png")), operator.picture().await).unwrap();
        operator.is_as_large_as(360, 740).await;
        sleep(Duration::from_secs(3)).await;
        fs::write(
            env::temp_dir().join(format!("admin-phone-{scheme}.png")),
            operator.picture().await,
        )
        .unwrap();
    }
    people.abort_all();
    browser.close().await.unwrap();
}

/// Says something now and then, hears what others say, and goes after a while in one of several ways.
async fn talk(mut socket: Socket, number: u64) {
    let stays = Duration::from_millis(4_000 + number * 7919 % 90_000);
    let end = Instant::now() + stays;
    let mut next = Instant::now() + Duration::from_millis(number * 613 % 900);
    while Instant::now() < end {
        tokio::select! {
            heard = socket.next() => if heard.is_none_or(|it| it.is_err()) { return },
            () = tokio::time::sleep_until(next) => {
                let words = "Does anybody know how late it is? ".repeat(1 + number as usize % 4);
                if socket.send(Message::text(words)).await.is_err() { return }
                next += Duration::from_millis(300 + number * 997 % 700);
            }
        }
    }
    let code = match number % 12 {
        0..5 => CloseCode::Away,
        5..8 => CloseCode::Normal,
        8 => CloseCode::from(4000),
        9 => return,
        10 => {
            // What is no UTF-8 is refused.
            let _ = socket
                .close(Some(CloseFrame { code: CloseCode::Invalid, reason: "".into() }))
                .await;
            return;
        }
        _ => CloseCode::Restart,
    };
    let _ = socket.close(Some(CloseFrame { code, reason: "".into() })).await;
    while let Some(Ok(_)) = socket.next().await {}
}

/// Is owed so many KiB, since it reads nothing from here on.
async fn owe_some(mut echo: Socket, size: usize) -> Socket {
    for _ in 0..40 {
        let message = Message::binary(vec![7; size << 10]);
        let sending = tokio::time::timeout(Duration::from_millis(100), echo.send(message));
        if sending.await.is_err() {
            break;
        }
    }
    echo
}
