//! A page with which the server does not start.

use aerys::{AdminPage, Listener, Server, ServerError};

use crate::stage::{TOKEN, bare, echo, soon};

async fn refused(page: AdminPage) -> ServerError {
    soon(bare(echo()).admin_page(page).start()).await.expect_err("it does not start")
}

#[tokio::test]
async fn one_that_others_could_listen_in_on() {
    for address in ["0.0.0.0:0", "[::]:0", "[::ffff:0.0.0.0]:0"] {
        let error = refused(AdminPage::on(address).token(TOKEN)).await;
        assert!(matches!(error, ServerError::AdminPageInClearText { .. }), "{error}");
        assert!(error.to_string().contains("give its listener `Listener::tls`"), "{error}");
    }
}

#[tokio::test]
async fn one_with_a_token_that_is_soon_guessed_or_cannot_be_said() {
    for token in ["", "password", "fifteen-letters", "a token with spaces in it"] {
        let error = refused(AdminPage::on("127.0.0.1:0").token(token)).await;
        assert!(matches!(error, ServerError::AdminPageToken { .. }), "{error}");
        assert!(token.is_empty() || !error.to_string().contains(token), "{error}");
    }
}

#[tokio::test]
async fn one_on_a_listener_that_is_to_answer_something_else() {
    let error = refused(AdminPage::on(Listener::from("127.0.0.1:0").metrics())).await;
    assert!(matches!(error, ServerError::AdminPageRules { .. }), "{error}");
    let error = refused(AdminPage::on("127.0.0.1:0").name("*.mysite.com")).await;
    assert!(matches!(error, ServerError::HostName { .. }), "{error}");
}

#[tokio::test]
async fn one_where_somebody_listens_already() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let error = refused(AdminPage::on(address)).await;
    assert!(error.to_string().contains("another program is listening there"), "{error}");
    // Nothing is left: what would have been there can be.
    drop(taken);
    let server: Server = bare(echo()).admin_page(AdminPage::on(address));
    soon(soon(server.start()).await.expect("it starts").stop()).await;
}
