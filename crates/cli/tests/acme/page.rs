//! The commands of the page, one after the other, as it has them but for names and places.

use std::{fs, net::SocketAddr, path::PathBuf, process::Stdio, vec};

use tempfile::TempDir;
use tokio::process::Command;

use crate::{
    NAME,
    common::{
        server::{Server, aerys},
        soon,
    },
    pebble::Pebble,
};

const PAGE: &str = include_str!("../../../../docs/certificates.md");

pub(crate) struct Page {
    commands: vec::IntoIter<String>,
    folder: TempDir,
    trusted: PathBuf,
    clear: SocketAddr,
}

impl Page {
    /// For a machine of its own: a folder in place of `/`.
    pub(crate) fn open(pebble: &Pebble) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let configuration = root.join("config/letsencrypt");
        fs::create_dir_all(&configuration).unwrap();
        // What is asked on a terminal, or is so that a test need not wait; nothing of what the page is about.
        let options = format!(
            "server = {}\nconfig-dir = {root}/etc/letsencrypt\nwork-dir = {root}/work\nlogs-dir = {root}/log\n\
             non-interactive = true\nagree-tos = true\nregister-unsafely-without-email = true\n\
             force-renewal = true\nno-random-sleep-on-renew = true\n",
            pebble.directory(),
            root = root.display(),
        );
        fs::write(configuration.join("cli.ini"), options).unwrap();
        let commands = commands(PAGE).into_iter();
        let (trusted, clear) = (pebble.trusted(), pebble.http.address);
        Self { commands, folder, trusted, clear }
    }

    /// Where the server listens in clear text.
    pub(crate) fn clear(&self) -> SocketAddr {
        self.clear
    }

    /// Where certbot has the certificate that is to be used.
    pub(crate) fn live(&self) -> PathBuf {
        self.folder.path().join("etc/letsencrypt/live").join(NAME)
    }

    pub(crate) fn is_at_its_end(&self) -> bool {
        self.commands.len() == 0
    }

    /// Runs the next command, which begins with these words.
    pub(crate) async fn run(&mut self, begins: &str) {
        let line = self.next(begins);
        let mut command = Command::new("sh");
        command.args(["-ec", &line]).kill_on_drop(true).stdin(Stdio::null());
        command.env("XDG_CONFIG_HOME", self.folder.path().join("config"));
        command.env("REQUESTS_CA_BUNDLE", &self.trusted);
        let ended = soon(begins, command.output()).await.unwrap();
        let said = [ended.stdout, ended.stderr].concat();
        assert!(ended.status.success(), "{line}: {}", String::from_utf8_lossy(&said));
    }

    /// Starts the server as the next command has it.
    pub(crate) async fn serve(&mut self) -> Server {
        let line = self.next("aerys ");
        let arguments: Vec<_> = line.split_whitespace().skip(1).collect();
        Server::spawn(&mut aerys(&arguments)).await
    }

    fn next(&mut self, begins: &str) -> String {
        let command = self.commands.next().expect("the page has another command");
        assert!(command.starts_with(begins), "{command} is not {begins}");
        let root = self.folder.path().display();
        let clear = format!("--redirect-http {}", self.clear);
        command
            .replace("/var/lib", &format!("{root}/var/lib"))
            .replace("/etc/letsencrypt", &format!("{root}/etc/letsencrypt"))
            .replace("--listen [::]:443", "--listen 127.0.0.1:0")
            .replace("--redirect-http [::]:80", &clear)
            // Whoever runs the test has no such group.
            .replace("chgrp -R chat", "chgrp -R \"$(id -g)\"")
    }
}

/// The commands of a page: each is a line of its blocks for a shell, or several that are joined.
fn commands(page: &str) -> Vec<String> {
    let blocks = page.split("```sh\n").skip(1).map(|block| block.split("```").next().unwrap());
    let joined = blocks.map(|block| block.replace("\\\n", " ")).collect::<String>();
    joined.lines().map(str::to_owned).collect()
}
