//! How the processes of a program's own applications are, among its metrics.

use aerys::{Host, Server};
use aerys_apps::{Application, ProcessOptions, metrics};

use super::common::{app, serve_by};

#[tokio::test]
async fn processes_are_told_of_by_the_names_of_their_applications() {
    let chat = Application::processes(app("", "").processes(2));
    let clock = Application::processes(app("", ""));
    let lines = Application::lines(ProcessOptions::new(["cat"]));
    let metrics = metrics([("chat", &chat), ("clock", &clock), ("lines", &lines)]);
    let host = Host::any()
        .websocket("/app/{room}", chat)
        .websocket("/clock", clock)
        .websocket("/lines", lines);
    let server = metrics.into_iter().fold(Server::new().host(host), Server::metric);
    let server = serve_by(server, None).await;
    let mut ann = server.connect("").await;
    assert_eq!(ann.ask("hello").await, "hello");
    let sample = |application, process, value| {
        format!(
            "aerys_process_clients{{application=\"{application}\",process=\"{process}\"}} {value}"
        )
    };
    let samples = [sample("chat", 0, 1), sample("chat", 1, 0), sample("clock", 0, 0)];
    assert_eq!(server.metrics_of("aerys_process_clients{"), samples);
    assert_eq!(server.metrics_of("aerys_process_ready{").len(), 3);
    server.stop().await;
}
