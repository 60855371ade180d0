//! How much has passed through a connection.

/// What a connection has read and what it has given out to be sent, since it was opened.
///
/// A frame that is read counts once its header is complete, a message once it is whole; what is
/// sent counts when it comes out of [`poll_transmit`](crate::Connection::poll_transmit).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// What the peer has sent.
    pub read: Count,
    /// What the peer was sent.
    pub sent: Count,
}

/// What has gone in one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Frames of any kind, control frames included.
    pub frames: u64,
    /// Frames that carry messages.
    pub data_frames: u64,
    /// Whole messages.
    pub messages: u64,
}

impl Count {
    pub(crate) fn count_frame(&mut self, is_control: bool) {
        self.frames += 1;
        self.data_frames += u64::from(!is_control);
    }
}
