//! What a package installs beside the program: each as its reader reads it.

mod common;

use std::{process::Stdio, str};

use common::{server::run, soon};
use tokio::{io::AsyncWriteExt, process::Command};

/// What the program prints.
async fn printed(arguments: &[&str]) -> String {
    let ended = run(arguments).await;
    assert_eq!(ended.status.code(), Some(0), "{arguments:?}");
    String::from_utf8(ended.stdout).expect("it is UTF-8")
}

/// What another program makes of a text, without a complaint.
async fn piped(program: &str, arguments: &[&str], text: &str) -> String {
    let mut command = Command::new(program);
    command.args(arguments).env("LC_ALL", "C").kill_on_drop(true);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{program}: {error}"));
    let mut stdin = child.stdin.take().expect("it is piped");
    soon("the text to be taken", stdin.write_all(text.as_bytes())).await.unwrap();
    drop(stdin);
    let ended = soon("the end of the program", child.wait_with_output()).await.unwrap();
    assert_eq!(str::from_utf8(&ended.stderr), Ok(""));
    assert!(ended.status.success());
    String::from_utf8(ended.stdout).expect("it is UTF-8")
}

/// Completes the last word as bash does: by the function that is registered for the command.
const COMPLETE: &str = r#"
words() {
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
    "$(complete -p aerys | sed 's/.*-F \([^ ]*\).*/\1/')" aerys "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
    echo "${COMPREPLY[@]}"
}
"#;

#[tokio::test]
async fn bash_completes_commands_options_shells_and_files() {
    let script = printed(&["completions", "bash"]).await;
    for (words, completed) in [
        ("aerys ch", "check"),
        ("aerys comp", "completions"),
        ("aerys --tls-c", "--tls-cert"),
        ("aerys completions z", "zsh"),
        ("aerys show --wo", "--workers"),
        ("aerys -c Cargo.t", "Cargo.toml"),
    ] {
        let answer =
            piped("bash", &["--norc"], &format!("{script}{COMPLETE}words {words}\n")).await;
        assert_eq!(answer.trim(), completed, "{words}");
    }
    // What it has no word for is a file's name: `aerys check`.
    let registered = piped("bash", &["--norc"], &format!("{script}complete -p aerys\n")).await;
    assert!(registered.contains("-o default"), "{registered}");
}

#[tokio::test]
async fn other_shells_have_their_own() {
    for (shell, line) in [
        ("zsh", "#compdef aerys"),
        ("fish", "complete -c aerys"),
        ("elvish", "set edit:completion:arg-completer[aerys]"),
        ("powershell", "Register-ArgumentCompleter -Native -CommandName 'aerys'"),
    ] {
        let script = printed(&["completions", shell]).await;
        assert!(script.contains(line) && script.contains("tls-self-signed"), "{script}");
    }
}

/// Formatted as `man` does, with every warning.
#[tokio::test]
async fn the_manual_page_is_set_without_a_warning_and_has_every_option_and_command() {
    let roff = printed(&["man"]).await;
    assert!(roff.contains("\n.TH aerys 1 "), "{roff}");
    let page = piped("groff", &["-man", "-Tascii", "-ww", "-P-cbou"], &roff).await;
    let mut at = 0;
    for section in ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "COMMANDS", "SIGNALS"] {
        let found = page[at..].find(&format!("\n{section}\n"));
        at += found.unwrap_or_else(|| panic!("{section} is not in its place:\n{page}"));
    }
    let help = printed(&["--help"]).await;
    let options = help.split_whitespace().filter(|it| it.starts_with("--") && it.len() > 2);
    let options: Vec<_> = options.map(|it| it.trim_end_matches([',', ';'])).collect();
    assert!(options.len() > 12, "{help}");
    for option in options {
        assert!(page.contains(option), "{option} is missing:\n{page}");
    }
    for command in ["check FILE", "defaults", "show", "completions SHELL", "man"] {
        assert!(page.contains(&format!("\n       aerys {command}\n")), "{command}:\n{page}");
    }
}
