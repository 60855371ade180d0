//! A response's body that is read from a file, in chunks.

use std::{
    collections::VecDeque,
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    ops::Range,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::pool::Pool;
use crate::session::BoxFuture;

/// How much is read at a time, in bytes, and what a client that reads slowly costs.
pub(super) const CHUNK: usize = 64 * 1024;

/// What is sent of a file, and between what is sent of it.
pub(super) struct FileBody {
    pool: Arc<Pool>,
    source: Source,
    parts: VecDeque<Part>,
    /// How many bytes are still to come.
    left: u64,
}

/// A piece of a body.
pub(super) enum Part {
    Bytes(Bytes),
    File(Range<u64>),
}

enum Source {
    Idle(File),
    Reading(BoxFuture<'static, io::Result<(File, Bytes)>>),
    /// After an error, or in between.
    Gone,
}

impl FileBody {
    pub(super) fn new(pool: Arc<Pool>, file: File, parts: impl IntoIterator<Item = Part>) -> Self {
        let parts: VecDeque<_> = parts.into_iter().filter(|part| part.len() > 0).collect();
        let left = parts.iter().map(Part::len).sum();
        Self { pool, source: Source::Idle(file), parts, left }
    }

    /// How many bytes it has.
    pub(super) fn len(&self) -> u64 {
        self.left
    }

    fn poll_file(&mut self, range: Range<u64>, cx: &mut Context<'_>) -> Poll<io::Result<Bytes>> {
        let mut reading = match std::mem::replace(&mut self.source, Source::Gone) {
            Source::Reading(reading) => reading,
            Source::Idle(file) => {
                let pool = Arc::clone(&self.pool);
                Box::pin(async move { pool.run(move || read(file, range)).await? })
            }
            Source::Gone => return Poll::Ready(Err(io::ErrorKind::Other.into())),
        };
        let Poll::Ready(read) = reading.as_mut().poll(cx) else {
            self.source = Source::Reading(reading);
            return Poll::Pending;
        };
        let (file, chunk) = read?;
        self.source = Source::Idle(file);
        Poll::Ready(Ok(chunk))
    }

    /// Goes on to what comes behind this many bytes: all of a piece, or some of a range.
    fn advance(&mut self, sent: u64) {
        self.left -= sent;
        if let Some(Part::File(range)) = self.parts.front_mut() {
            range.start += sent;
            if !range.is_empty() {
                return;
            }
        }
        self.parts.pop_front();
    }
}

impl Body for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let data = match self.parts.front() {
            None => return Poll::Ready(None),
            Some(Part::Bytes(bytes)) => bytes.clone(),
            Some(Part::File(range)) => {
                let range = range.clone();
                ready!(self.poll_file(range, cx))?
            }
        };
        self.advance(data.len() as u64);
        Poll::Ready(Some(Ok(Frame::data(data))))
    }

    fn is_end_stream(&self) -> bool {
        self.parts.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

impl Part {
    fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File(range) => range.end - range.start,
        }
    }
}

/// Reads the first chunk of a range. If there is none, the file has been cut short: what was promised
/// cannot be sent, and ending the connection is how HTTP says so (RFC 9112 §8).
fn read(mut file: File, range: Range<u64>) -> io::Result<(File, Bytes)> {
    file.seek(SeekFrom::Start(range.start))?;
    let chunk = read_chunk(&mut file, range.end - range.start)?;
    if chunk.is_empty() {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file has become shorter"));
    }
    Ok((file, chunk))
}

/// What comes next in a file, up to a chunk of it.
pub(super) fn read_chunk(file: &mut File, len: u64) -> io::Result<Bytes> {
    let len = len.min(CHUNK as u64);
    let mut chunk = Vec::with_capacity(len as usize);
    file.take(len).read_to_end(&mut chunk)?;
    Ok(chunk.into())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use http_body_util::BodyExt;

    use super::*;

    fn body(content: &[u8], parts: Vec<Part>) -> (FileBody, File) {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(content).unwrap();
        let pool = Arc::new(Pool::new().unwrap());
        (FileBody::new(pool, file.try_clone().unwrap(), parts), file)
    }

    /// What has not been asked for has not been read.
    #[tokio::test]
    async fn a_file_is_read_in_chunks_as_they_are_asked_for() {
        let content: Vec<u8> = (0..CHUNK * 2 + 1).map(|it| (it / 251) as u8).collect();
        let (mut body, mut file) = body(&content, vec![Part::File(0..content.len() as u64)]);
        for range in [0..CHUNK, CHUNK..CHUNK * 2] {
            assert_eq!(body.size_hint().exact(), Some((content.len() - range.start) as u64));
            let chunk = body.frame().await.unwrap().unwrap().into_data().unwrap();
            assert!(chunk == content[range]);
        }
        file.seek(SeekFrom::End(-1)).unwrap();
        file.write_all(b"!").unwrap();
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "!");
        assert!(body.is_end_stream() && body.frame().await.is_none());
    }

    #[tokio::test]
    async fn what_stands_between_ranges_comes_between_them() {
        let text = |text: &'static str| Part::Bytes(Bytes::from_static(text.as_bytes()));
        let parts =
            vec![text("a"), Part::File(7..10), text("b"), Part::File(3..3), Part::File(0..2)];
        let (body, _) = body(b"0123456789", parts);
        assert_eq!(body.len(), 7);
        assert_eq!(body.collect().await.unwrap().to_bytes(), "a789b01");
    }

    #[tokio::test]
    async fn a_file_that_has_become_shorter_is_an_error() {
        let (mut body, file) = body(b"0123456789", vec![Part::File(0..10)]);
        file.set_len(4).unwrap();
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "0123");
        let error = body.frame().await.unwrap().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}
