//! How clients go: with which code, and who has begun.

use aerys::{
    Accepted, Client, CloseCode, Failure, Handshake, Message, Options, Refusal, Websocket,
};

use crate::stage::{CLOSE, Peer, TEXT, Watch, frame, serve};

/// Closes with the code that it is told, or fails.
struct Closer;

impl Websocket for Closer {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        Ok(handshake.accept())
    }

    async fn on_data(&self, client: &Client, message: Message) -> Result<(), Failure> {
        let code = message.as_text().unwrap_or_default().parse()?;
        client.close().code(CloseCode::new(code).expect("it can be sent")).nowait();
        Ok(())
    }
}

fn closes(code: &str, by: &str) -> String {
    format!("aerys_closes_total{{endpoint=\"localhost/\",code=\"{code}\",by=\"{by}\"}}")
}

#[tokio::test]
async fn each_close_counts_by_its_code_and_by_who_has_begun() {
    let options = Options::new().heartbeat_period(None).max_msg_size(1000).max_frame_size(1000);
    let server = serve(Closer, options).await;
    let close = |code: u16| frame(0x80 | CLOSE, &code.to_be_bytes());
    let text = |text: &str| frame(0x80 | TEXT, text.as_bytes());
    for (said, code, by) in [
        (close(1000), "1000", "client"),
        (close(1001), "1001", "client"),
        (close(3000), "other", "client"),
        (close(4999), "other", "client"),
        (frame(0x80 | CLOSE, &[]), "1005", "client"),
        (text("1000"), "1000", "server"),
        (text("1012"), "1012", "server"),
        (text("4000"), "other", "server"),
        (text("not a number"), "1011", "server"),
        // A reserved opcode, a text that is none, and a message that is too long.
        (frame(0x83, &[]), "1002", "violation"),
        (frame(0x81, &[0xff]), "1007", "violation"),
        (frame(0x82, &[0; 1001]), "1009", "violation"),
    ] {
        let watch = Watch::over(&server);
        let mut peer = Peer::open(&server).await;
        peer.write(said).await;
        // Whoever has begun, a CLOSE is answered.
        assert_eq!(peer.hear().await.0, 0x80 | CLOSE, "{code} by {by}");
        if by == "server" {
            peer.say(CLOSE, &1000_u16.to_be_bytes()).await;
        }
        peer.ends().await;
        watch.moves(&["aerys_closes_"], &[(&closes(code, by), 1)]).await;
    }
    let watch = Watch::over(&server);
    drop(Peer::open(&server).await);
    watch.moves(&["aerys_closes_"], &[(&closes("1006", "network"), 1)]).await;
    let (watch, mut peer) = (Watch::over(&server), Peer::open(&server).await);
    let stopping = tokio::spawn(server.stop());
    assert_eq!(peer.hear().await.0, 0x80 | CLOSE);
    peer.say(CLOSE, &1001_u16.to_be_bytes()).await;
    stopping.await.expect("it stops");
    watch.moves(&["aerys_closes_"], &[(&closes("1001", "server"), 1)]).await;
}
