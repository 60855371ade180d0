//! When applications are made, and what becomes of one of which there is one.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use aerys::{Config, ConfigError, ServerError};

use super::{Echo, Folder, open, soon, start};

fn endpoint(path: &str, application: &str) -> String {
    format!("[[host.websocket]]\npath = \"{path}\"\napplication = \"{application}\"\n")
}

fn file(endpoints: &[(&str, &str)]) -> String {
    let endpoints = endpoints.iter().map(|(path, application)| endpoint(path, application));
    let head = "[[listen]]\naddress = \"127.0.0.1:0\"\n[[host]]\nname = \"localhost\"\n";
    head.to_owned() + &endpoints.collect::<String>()
}

fn sentences(config: &Config) -> String {
    config.server().map(drop).unwrap_err().to_string()
}

#[tokio::test]
async fn an_application_is_made_for_each_endpoint_when_the_server_starts() {
    let folder = Folder::new(&file(&[("/a", "made"), ("/b", "made")]));
    let made = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&made);
    let config = folder.config().application_with("made", move || {
        counted.fetch_add(1, Ordering::Relaxed);
        Echo
    });
    config.check().unwrap();
    let server = config.server().unwrap();
    assert_eq!(made.load(Ordering::Relaxed), 0);
    let server = soon(server.start()).await.unwrap();
    assert_eq!(made.load(Ordering::Relaxed), 2);
    assert!(open(server.address(), "/a").await.is_some());
    assert!(open(server.address(), "/b").await.is_some());
    server.stop().await;
}

#[tokio::test]
async fn one_that_is_taken_stays_with_its_endpoint_and_goes_to_no_other() {
    let folder = Folder::new(&file(&[("/a", "one")]));
    let config = folder.config().application("one", Echo);
    let server = start(&config).await;
    assert!(open(server.address(), "/a").await.is_some());

    // The same endpoint, beside a new one: what has it can go on.
    let folder = folder.with("aerys.toml", file(&[("/a", "one"), ("/b", "echo")]));
    let again = config.reload().unwrap().server().unwrap();
    // But there is no second one for a server that runs beside the first.
    let error = soon(again.start()).await.unwrap_err();
    assert!(
        matches!(&error, ServerError::ApplicationTaken { name, .. } if name == "one"),
        "{error}"
    );

    let _folder = folder.with("aerys.toml", file(&[("/c", "one")]));
    let moved = sentences(&config.reload().unwrap());
    assert!(
        moved.contains(":7:1: the application \"one\" is for one endpoint, and that is \"/a\""),
        "{moved}"
    );
    server.stop().await;
}

#[test]
fn what_is_not_registered_is_told_with_what_is() {
    let folder = Folder::new(&file(&[("/a", "ehco"), ("/b", "chess")]));
    let told = sentences(&folder.config());
    let path = folder.path("aerys.toml");
    let expected = format!(
        "{0}:7:1: no application is named \"ehco\"; did you mean \"echo\"?\n\
         {0}:10:1: no application is named \"chess\": there is echo",
        path.display()
    );
    assert_eq!(told, expected);
    let none = Config::load(path).unwrap();
    assert!(sentences(&none).contains("\"ehco\": the program has registered none"));
    assert!(matches!(none.check(), Err(ConfigError::Faults { faults, .. }) if faults.len() == 2));
}
