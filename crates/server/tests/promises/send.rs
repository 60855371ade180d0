//! `send`: order, outcome, and that `nowait` waits for nobody.

use aerys::{Client, Failure, Handshake, Message, Refusal, Websocket};

use crate::common::{connect, serve};

struct Echo;

impl Websocket for Echo {
    async fn on_open(&self, handshake: Handshake) -> Result<Client, Refusal> {
        Ok(handshake.accept())
    }

    async fn on_data(&self, client: &Client, message: Message) -> Result<(), Failure> {
        client.send(message).await?;
        Ok(())
    }
}

#[tokio::test]
async fn messages_come_back_in_order_and_of_the_same_kind() {
    let server = serve(Echo).await;
    let mut ws = connect(&server).await;
    for round in 0..3 {
        ws.say(format!("text {round}")).await;
        ws.say(vec![round; 100_000]).await;
    }
    for round in 0..3 {
        assert_eq!(ws.hear_text().await, format!("text {round}"));
        assert_eq!(ws.hear().await.into_data(), vec![round; 100_000]);
    }
    ws.leave().await;
    server.stop().await;
}
