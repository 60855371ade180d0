//! A node of a cluster, whose bus goes.

use super::{
    NO_ERRORS,
    operator::{Operator, Site},
};
use crate::{driver::Browser, nats::NatsServer};

#[tokio::test]
async fn a_node_shows_how_many_there_are_whether_its_bus_is_there_and_what_was_not_forwarded() {
    let nats = NatsServer::start(&[]);
    let text = format!(
        "workers = 1\n[admin]\npage = '127.0.0.1:0'\n[cluster]\nnats = ['{}']\nlease = '2 s'\n[[listen]]\n\
         address = '127.0.0.1:0'\n[[host]]\nname = 'localhost'\n[[host.websocket]]\npath = '/'\n\
         application = 'broadcast'\n",
        nats.url()
    );
    let (here, there) = (Site::of(&text).await, Site::of(&text).await);
    let browser = Browser::start().await;
    let operator = Operator::open(&browser, &here.page).await;
    operator.sees_overview().await;
    let shown = |words: &str| format!("//*[@id='cluster' and not(@hidden) and .='{words}']");
    let nothing = "0 messages not forwarded, 0 lost";
    operator.sees(&shown(&format!("Cluster of 2 nodes, bus connected; {nothing}"))).await;
    there.server.kill().await;
    operator.sees(&shown(&format!("Cluster of 1 node, bus connected; {nothing}"))).await;
    drop(nats);
    operator.sees(&shown(&format!("Cluster of 1 node, bus away; {nothing}"))).await;
    assert_eq!(browser.errors().await, NO_ERRORS);
    browser.close().await.unwrap();
}
