//! What a process writes to its standard output and standard error: lines of the log.

use std::{sync::Arc, time::Duration};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::ration::{Allowed, Ration};

/// What is beyond this of a line is cut off.
const MAX_LINE: usize = 4 << 10;

/// How many lines of a stream there are at most in a period.
const LINES: u32 = 200;
const PERIOD: Duration = Duration::from_secs(1);

/// Which of the two it is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stream {
    /// What is only to be known.
    Out,
    /// What may be wrong.
    Err,
}

/// Writes what comes into the log, line by line, until there is no more.
pub(crate) async fn log(
    mut source: impl AsyncRead + Unpin,
    stream: Stream,
    process: Arc<str>,
    id: u32,
) {
    let (mut lines, mut ration) = (Lines::default(), Ration::new(LINES, PERIOD));
    let tell = |line: &str| match stream {
        Stream::Out => tracing::info!(target: "aerys_apps::output", %process, id, "{line}"),
        Stream::Err => tracing::warn!(target: "aerys_apps::output", %process, id, "{line}"),
    };
    let say = |line: &str, ration: &mut Ration| {
        if let Allowed::After(left_out) = ration.take() {
            if left_out > 0 {
                tell(&format!("({left_out} lines were left out)"));
            }
            tell(line);
        }
    };
    while source.read_buf(&mut lines.buffer).await.is_ok_and(|read| read > 0) {
        while let Some(line) = lines.next() {
            say(&line, &mut ration);
        }
    }
    if let Some(line) = lines.last() {
        say(&line, &mut ration);
    }
    if ration.left_out() > 0 {
        tell(&format!("({} lines were left out)", ration.left_out()));
    }
}

/// Makes lines of what comes. No more than the longest is kept.
#[derive(Default)]
pub(crate) struct Lines {
    pub(crate) buffer: BytesMut,
    /// Whether what comes is the rest of a line that was cut off.
    is_rest: bool,
}

impl Lines {
    pub(crate) fn next(&mut self) -> Option<String> {
        loop {
            let end = self.buffer.iter().position(|it| *it == b'\n');
            if std::mem::take(&mut self.is_rest) {
                match end {
                    Some(end) => self.buffer.advance(end + 1),
                    None => {
                        self.buffer.clear();
                        self.is_rest = true;
                        return None;
                    }
                }
                continue;
            }
            return match end {
                Some(end) => {
                    let line = self.buffer.split_to(end + 1);
                    Some(shown(&line[..end]))
                }
                None if self.buffer.len() > MAX_LINE => {
                    self.is_rest = true;
                    let line = self.buffer.split();
                    Some(shown(&line))
                }
                None => None,
            };
        }
    }

    /// What is there without an end.
    pub(crate) fn last(&mut self) -> Option<String> {
        let line = self.buffer.split();
        (!line.is_empty() && !self.is_rest).then(|| shown(&line))
    }
}

/// As it may stand in a log: in one line, without what a terminal would act upon.
fn shown(line: &[u8]) -> String {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let is_cut = line.len() > MAX_LINE;
    let text = String::from_utf8_lossy(&line[..line.len().min(MAX_LINE)]);
    let mut shown = text.replace(|it: char| it.is_control() && it != '\t', "\u{FFFD}");
    if is_cut {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(parts: &[&[u8]]) -> Vec<String> {
        let (mut lines, mut all) = (Lines::default(), Vec::new());
        for part in parts {
            lines.buffer.extend_from_slice(part);
            while let Some(line) = lines.next() {
                all.push(line);
            }
        }
        all.extend(lines.last());
        all
    }

    #[test]
    fn lines_are_lines_however_they_come() {
        assert_eq!(lines(&[b"a\nb", b"c\r\n\nd"]), ["a", "bc", "", "d"]);
        assert_eq!(lines(&[b"\x1b[31mred\xff\n"]), ["\u{FFFD}[31mred\u{FFFD}"]);
    }

    #[test]
    fn a_long_line_is_cut_and_its_rest_is_gone() {
        let long = [b'x'; MAX_LINE + 1];
        let cut = "x".repeat(MAX_LINE) + "…";
        for parts in [
            &[&long[..], &long, &long, b"\nnext\n"][..],
            &[&[&long[..], b"\nnext\n"].concat()],
            &[&long, b"yyy\n", b"next"],
        ] {
            assert_eq!(lines(parts), [&*cut, "next"]);
        }
    }
}
