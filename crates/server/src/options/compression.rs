//! How messages are compressed: what there is to set with the feature `compression`.

use aerys_proto::deflate::Compression;

use super::Options;

impl Options {
    /// How messages are compressed, for clients that can (RFC 7692); `None` for not at all. Default
    /// on, each message on its own, from 1 KiB; see [`Compression`].
    ///
    /// A client costs no more memory for it between its messages, and a broadcast is compressed once.
    pub fn compression(mut self, compression: impl Into<Option<Compression>>) -> Self {
        self.protocol.compression = compression.into();
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonsense_is_found() {
        let options = Options::new().compression(Compression::new().level(10));
        let error = options.validate().err().expect("there is no such level").to_string();
        assert!(error.starts_with("`compression`"), "{error}");
        assert!(Options::new().compression(None).validate().is_ok());
    }
}
