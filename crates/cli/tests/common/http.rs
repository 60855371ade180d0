//! Just enough of an HTTP client: one request, one connection, one answer.

use std::{collections::HashMap, net::SocketAddr};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::soon;

pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: HashMap<String, String>,
    pub(crate) body: String,
}

impl Answer {
    /// The header of this name, given in lower case.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

pub(crate) async fn get(server: SocketAddr, path: &str) -> Answer {
    ask(server, &format!("GET {path} HTTP/1.1\r\n")).await
}

/// Sends a request line and headers; `Host` and `Connection: close` are added.
pub(crate) async fn ask(server: SocketAddr, head: &str) -> Answer {
    let mut stream = TcpStream::connect(server).await.unwrap();
    let request = format!("{head}Host: {server}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    soon("the answer", stream.read_to_string(&mut answer)).await.unwrap();
    parse(&answer).unwrap_or_else(|| panic!("no HTTP: {answer:?}"))
}

fn parse(answer: &str) -> Option<Answer> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let mut lines = head.lines();
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let header = |line: &str| {
        let (name, value) = line.split_once(": ")?;
        Some((name.to_ascii_lowercase(), value.to_owned()))
    };
    let headers = lines.map(header).collect::<Option<_>>()?;
    Some(Answer { status, headers, body: body.to_owned() })
}
