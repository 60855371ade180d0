//! What a server answers to an HTTP request, as a test looks at it.

use std::fmt;

use tokio::io::{AsyncRead, AsyncWrite};

use super::Raw;

/// A response: its head as it was on the wire, and its body.
pub(crate) struct Answer {
    head: String,
    pub(crate) body: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Raw<S> {
    /// Sends a request and waits for the answer.
    pub(crate) async fn ask(&mut self, request: impl AsRef<[u8]>) -> Answer {
        self.write(request).await;
        self.answer().await
    }
}

impl<S: AsyncRead + Unpin> Raw<S> {
    /// The next answer, with its body.
    pub(crate) async fn answer(&mut self) -> Answer {
        let mut answer = self.answer_without_body().await;
        let length = answer.header("content-length").map_or(0, |it| it.parse().expect("a number"));
        assert_eq!(answer.header("transfer-encoding"), None, "only lengths are understood here");
        if !matches!(answer.status(), 100..=199 | 204 | 304) {
            answer.body = self.bytes(length).await;
        }
        answer
    }

    /// The next answer to a `HEAD`, which has no body whatever its head says.
    pub(crate) async fn answer_without_body(&mut self) -> Answer {
        Answer { head: self.head().await, body: Vec::new() }
    }
}

impl Answer {
    pub(crate) fn status(&self) -> u16 {
        self.head.split(' ').nth(1).and_then(|it| it.parse().ok()).expect("a status line")
    }

    pub(crate) fn status_line(&self) -> &str {
        self.head.split("\r\n").next().unwrap_or_default()
    }

    /// The only value under this name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let values = self.headers(name);
        assert!(values.len() < 2, "{name} is there several times in {self:?}");
        values.first().copied()
    }

    /// All values under this name, in order.
    pub(crate) fn headers(&self, name: &str) -> Vec<&str> {
        let lines = self.head.split("\r\n").skip(1).filter_map(|line| line.split_once(':'));
        lines
            .filter(|(it, _)| it.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
            .collect()
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the body is text")
    }

    /// Whether these words are anywhere in it.
    pub(crate) fn mentions(&self, words: &str) -> bool {
        self.head.contains(words) || String::from_utf8_lossy(&self.body).contains(words)
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.head, String::from_utf8_lossy(&self.body))
    }
}

/// A `GET` on `path`, with `extra` header lines (each ended by `\r\n`).
pub(crate) fn get(path: &str, extra: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{extra}\r\n")
}
