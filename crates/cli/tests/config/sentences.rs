//! What is said of a file that makes no sense, and of one that does.

use super::{File, common::server::run, text, utf8};

const FIVE_FAULTS: &str = r#"
[limits]
max_inbound_bytes = "10 MB"

[[listen]]
address = "localhost:80"

[[host]]
name = "mysite.com"

[[host.websocket]]
path = "/chat"
application = "chta"
max_mesage_size = "64 KiB"

[[host.websocket]]
path = "/chat"
application = "echo"
"#;

#[tokio::test]
async fn five_faults_are_told_in_five_sentences_with_their_lines() {
    let file = File::new(FIVE_FAULTS);
    let path = file.path();
    let sentences = [
        "3:21: \"max_inbound_bytes\" is \"10 MB\": write a size such as \"64 KiB\": a whole number with B, KiB, MiB or \
         GiB, more than nothing",
        "6:11: \"address\" is \"localhost:80\": write an IP address and a port, as in \"127.0.0.1:8080\" or \
         \"[::1]:8080\", or \"unix:/path\", or \"systemd:0\"",
        "13:1: no application is named \"chta\"; did you mean \"chat\"?",
        "14:1: unknown key \"max_mesage_size\" of an endpoint; did you mean \"max_msg_size\"?",
        "17:1: the path \"/chat\" has an endpoint already",
    ];
    let told: String = sentences.iter().map(|it| format!("{}:{it}\n", path.display())).collect();
    // Whether it is only checked, shown, or served.
    for arguments in [&["check"][..], &["show", "-c"], &["-c"], &["-d", "-w", "2", "-c"]] {
        let ended = file.run(arguments).await;
        assert_eq!(ended.status.code(), Some(1), "{arguments:?}");
        assert_eq!((text(&ended.stderr), text(&ended.stdout)), (&*told, ""), "{arguments:?}");
    }
}

#[tokio::test]
async fn one_that_is_sound_is_told_to_be_so_with_what_is_in_it() {
    let file = File::new(
        "[[listen]]\naddress = '127.0.0.1:0'\n[[listen]]\naddress = 'unix:run.sock'\n\
         [[host]]\nname = 'a.example'\n[[host]]\nname = 'b.example'\n[[host]]\nany = true\n\
         [[host.websocket]]\npath = '/echo'\napplication = 'echo'\n",
    );
    let ended = file.run(&["check"]).await;
    let told = format!("{} is sound: 2 listeners, 3 hosts, 1 endpoint\n", file.path().display());
    assert_eq!((text(&ended.stdout), text(&ended.stderr)), (&*told, ""));
    assert_eq!(ended.status.code(), Some(0));
    assert!(!file.0.path().join("run.sock").exists(), "nothing is started");
}

#[tokio::test]
async fn a_file_that_is_not_there_or_no_toml_is_told_in_one_sentence() {
    let missing = run(&["check", "/nowhere/aerys.toml"]).await;
    let sentence =
        "aerys: cannot read /nowhere/aerys.toml: No such file or directory (os error 2)\n";
    assert_eq!((text(&missing.stderr), missing.status.code()), (sentence, Some(1)));
    let file = File::new("[[host]]\nname = \"mysite.com\nroot = \"public\"\n");
    let ended = file.run(&["check"]).await;
    let start = format!("{}:2:", file.path().display());
    let told = text(&ended.stderr);
    assert!(told.starts_with(&start) && told.contains("this is no TOML: "), "{told}");
    assert_eq!((told.lines().count(), ended.status.code()), (1, Some(1)));
}

#[tokio::test]
async fn a_variable_is_taken_from_the_environment_and_has_to_be_set() {
    let file = File::new(
        "[[listen]]\naddress = '127.0.0.1:0'\n[[host]]\nname = '${AERYS_TEST_HOST}'\n\
         headers = { X-Price = '5 $$' }\n",
    );
    let path = file.path();
    let mut command = super::aerys(&["show", "-c", utf8(&path)]);
    let ended = command.env("AERYS_TEST_HOST", "there.example").output().await.unwrap();
    let shown = text(&ended.stdout);
    assert!(shown.contains("name = \"there.example\""), "{shown}");
    assert!(shown.contains("{ \"X-Price\" = \"5 $$\" }"), "{shown}");
    let ended = file.run(&["check"]).await;
    let sentence = format!("{}:4:8: the variable \"AERYS_TEST_HOST\" is not set\n", path.display());
    assert_eq!(text(&ended.stderr), sentence);
}
