//! What can be set for each mounted application, in the original's words.

#[cfg(feature = "compression")]
mod compression;
mod origin;

use std::{sync::Arc, time::Duration};

use aerys_proto::{Config, deflate::CompressionError, upgrade::is_token};

use self::origin::AllowedOrigins;
pub use self::origin::Origins;

/// Limits, periods and rules of one endpoint.
///
/// ```
/// use std::time::Duration;
/// use aerys::Options;
///
/// let options = Options::new()
///     .max_msg_size(64 * 1024)
///     .heartbeat_period(Duration::from_secs(30))
///     .text_only(true);
/// ```
#[must_use = "give them to `Host::websocket_with`"]
#[derive(Clone, Debug)]
pub struct Options {
    pub(crate) protocol: Config,
    /// `None` for the usual, or `max_msg_size` if that is less.
    pub(crate) max_frame_size: Option<usize>,
    pub(crate) outbox_limits: OutboxLimits,
    pub(crate) allowed_origins: Origins,
    pub(crate) subprotocols: Vec<String>,
    pub(crate) open_period: Duration,
    pub(crate) max_clients: Option<usize>,
    pub(crate) group_limits: GroupLimits,
    pub(crate) presence_linger: Duration,
}

/// What the handshake is held to.
pub(crate) struct HandshakeRules {
    pub(crate) allowed_origins: AllowedOrigins,
    pub(crate) subprotocols: Vec<String>,
    pub(crate) open_period: Duration,
    /// `None` for as many as there are connections.
    pub(crate) max_clients: Option<usize>,
}

/// What one client may be owed, and what happens to what is too much.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OutboxLimits {
    pub(crate) max_queued_bytes: usize,
    pub(crate) overflow: Overflow,
}

/// How many may be in a group, and in how many one may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GroupLimits {
    /// `None` for as many as there are clients.
    pub(crate) max_members: Option<usize>,
    pub(crate) max_per_client: usize,
}

/// Options that were found to make sense, as the rest of the server uses them.
pub(crate) struct Settings {
    pub(crate) protocol: Arc<Config>,
    pub(crate) outbox_limits: OutboxLimits,
    pub(crate) rules: HandshakeRules,
    pub(crate) group_limits: GroupLimits,
    pub(crate) presence_linger: Duration,
}

impl Options {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// The largest frame taken in, in bytes of payload; a frame that claims more closes its client
    /// with 1009. Default 2 MiB, or [`max_msg_size`](Self::max_msg_size) if that is less.
    pub fn max_frame_size(mut self, bytes: usize) -> Self {
        self.max_frame_size = Some(bytes);
        self
    }

    /// The largest message taken in, in bytes, all its frames together; more closes the client with
    /// 1009. Default 10 MiB.
    pub fn max_msg_size(mut self, bytes: usize) -> Self {
        self.protocol.max_msg_size = bytes;
        self
    }

    /// After how long a silence a client is sent a ping; `None` for never. Default 10 s.
    pub fn heartbeat_period(mut self, period: impl Into<Option<Duration>>) -> Self {
        self.protocol.heartbeat_period = period.into();
        self
    }

    /// How long a client may take to answer a CLOSE before the connection is cut. Default 3 s.
    ///
    /// It counts from when the CLOSE has reached the client's kernel. What goes before it may take
    /// longer, for as long as some of it is acknowledged in each 15 s, or in as long as a silent
    /// client is kept if that is less, or in this period if that is more. When the server stops, or
    /// without a [`heartbeat_period`](Self::heartbeat_period), in each of this period.
    ///
    /// Where the system does not tell what was acknowledged (other than Linux), what the kernel here
    /// has taken counts as that.
    pub fn close_period(mut self, period: Duration) -> Self {
        self.protocol.close_period = period;
        self
    }

    /// How long a message that has begun to arrive may bring nothing new, while the client is listened
    /// to; then it is closed with 1008. `None` for ever. Default 60 s.
    pub fn message_period(mut self, period: impl Into<Option<Duration>>) -> Self {
        self.protocol.message_period = period.into();
        self
    }

    /// Whether text that is not valid UTF-8 closes its client with 1007, as RFC 6455 §8.1 demands.
    /// Default true.
    ///
    /// If not, text is checked only where the application reads it as text, and what is not valid
    /// is relayed as binary.
    pub fn validate_utf8(mut self, validate: bool) -> Self {
        self.protocol.validate_utf8 = validate;
        self
    }

    /// Whether the endpoint speaks text alone: a binary message closes its client with 1003, and
    /// what is sent goes as text, unchecked. Default false.
    pub fn text_only(mut self, text_only: bool) -> Self {
        self.protocol.text_only = text_only;
        self
    }

    /// The largest frame sent, in bytes of payload; longer messages are sent in several.
    /// Default 32 KiB.
    pub fn auto_frame_size(mut self, bytes: usize) -> Self {
        self.protocol.auto_frame_size = bytes;
        self
    }

    /// How many pings in a row may stay unanswered; then the client is closed with 1008. At least 1;
    /// default 3. They do not count while the client reads what it is owed: its pongs come behind all
    /// that. So slow a reader may acknowledge nothing for seven periods, if that is more.
    ///
    /// Where the system does not tell what was acknowledged (other than Linux), a client is owed only
    /// what the kernel here has no room for: pings count while it reads the rest.
    pub fn queued_ping_limit(mut self, pings: u32) -> Self {
        self.protocol.queued_ping_limit = pings;
        self
    }

    /// What one client may be owed, in bytes sent to it and not yet taken by the kernel. What
    /// happens to more [`overflow`](Self::overflow) says. One message on its own may be larger. Each
    /// message counts 64 bytes beside its payload. Default 4 MiB.
    pub fn max_queued_bytes(mut self, bytes: usize) -> Self {
        self.outbox_limits.max_queued_bytes = bytes;
        self
    }

    /// What happens when a client is owed more than [`max_queued_bytes`](Self::max_queued_bytes).
    /// Default [`Overflow::Close`].
    pub fn overflow(mut self, overflow: Overflow) -> Self {
        self.outbox_limits.overflow = overflow;
        self
    }

    /// Which sites' pages may connect; others are refused with 403. Default [`Origins::Same`].
    pub fn allowed_origins(mut self, origins: Origins) -> Self {
        self.allowed_origins = origins;
        self
    }

    /// The subprotocols that the application speaks. The first that the client names is chosen, in
    /// the client's order; if there is none, none is, and it is the client that hangs up if it
    /// minds (RFC 6455 §4.1). [`Handshake::select`](crate::Handshake::select) can choose another.
    /// Default none.
    pub fn subprotocols(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.subprotocols = names.into_iter().map(Into::into).collect();
        self
    }

    /// How long `on_open` may take to decide; then the peer is answered 503 for it, and whatever it
    /// decides later comes to nothing. If it has accepted but neither said anything nor returned by
    /// then, the 101 leaves. Default 10 s.
    pub fn open_period(mut self, period: Duration) -> Self {
        self.open_period = period;
        self
    }

    /// How many clients the endpoint may have at a time, those that are being decided on and those whose
    /// `on_close` has not returned included; `None` for as many as there are connections, which is the default.
    /// Whoever comes beyond that is answered 503 with a `Retry-After`, and `on_open` is not asked.
    pub fn max_clients(mut self, clients: impl Into<Option<usize>>) -> Self {
        self.max_clients = clients.into();
        self
    }

    /// How many clients may be in one [group](crate::Group); `None` for as many as there are, which is the default.
    /// Who comes beyond that is refused by [`JoinError::GroupFull`](crate::JoinError::GroupFull).
    pub fn max_group_members(mut self, clients: impl Into<Option<usize>>) -> Self {
        self.group_limits.max_members = clients.into();
        self
    }

    /// In how many [groups](crate::Group) one client may be. Default 100. To join one more is refused by
    /// [`JoinError::TooManyGroups`](crate::JoinError::TooManyGroups).
    pub fn max_groups_per_client(mut self, groups: usize) -> Self {
        self.group_limits.max_per_client = groups;
        self
    }

    /// How long somebody who is [present as somebody](crate::Client::show_as) and whose last client has gone counts as
    /// present all the same, since it may reconnect. Default none: it has left at once.
    ///
    /// Each node of a cluster judges it by its own clock; it is to be the same on all.
    pub fn presence_linger(mut self, period: Duration) -> Self {
        self.presence_linger = period;
        self
    }

    /// Looks for nonsense.
    pub(crate) fn validate(self) -> Result<Settings, OptionsError> {
        let Self {
            mut protocol,
            max_frame_size,
            outbox_limits,
            allowed_origins,
            subprotocols,
            open_period,
            max_clients,
            group_limits,
            presence_linger,
        } = self;
        let Config { max_msg_size, .. } = protocol;
        protocol.max_frame_size =
            max_frame_size.unwrap_or(protocol.max_frame_size.min(max_msg_size));
        let Config { max_frame_size, .. } = protocol;
        for (option, size) in [
            ("max_msg_size", max_msg_size),
            ("max_frame_size", max_frame_size),
            ("auto_frame_size", protocol.auto_frame_size),
            ("max_queued_bytes", outbox_limits.max_queued_bytes),
            ("queued_ping_limit", protocol.queued_ping_limit as usize),
            ("max_clients", max_clients.unwrap_or(1)),
            ("max_group_members", group_limits.max_members.unwrap_or(1)),
            ("max_groups_per_client", group_limits.max_per_client),
        ] {
            if size == 0 {
                return Err(OptionsError::Zero { option });
            }
        }
        for (option, period) in [
            ("heartbeat_period", protocol.heartbeat_period),
            ("close_period", Some(protocol.close_period)),
            ("message_period", protocol.message_period),
            ("open_period", Some(open_period)),
        ] {
            if period == Some(Duration::ZERO) {
                return Err(OptionsError::Zero { option });
            }
        }
        if max_frame_size > max_msg_size {
            return Err(OptionsError::FrameAboveMessage { max_frame_size, max_msg_size });
        }
        if let Some(compression) = &protocol.compression {
            compression.check().map_err(OptionsError::Compression)?;
        }
        let allowed_origins = allowed_origins.validate()?;
        if let Some(name) = subprotocols.iter().find(|name| !is_token(name.as_bytes())) {
            return Err(OptionsError::Subprotocol { name: name.clone() });
        }
        let rules = HandshakeRules { allowed_origins, subprotocols, open_period, max_clients };
        let protocol = Arc::new(protocol);
        Ok(Settings { protocol, outbox_limits, rules, group_limits, presence_linger })
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            protocol: Config::default(),
            max_frame_size: None,
            outbox_limits: OutboxLimits { max_queued_bytes: 4 << 20, overflow: Overflow::Close },
            allowed_origins: Origins::Same,
            subprotocols: Vec::new(),
            open_period: Duration::from_secs(10),
            max_clients: None,
            group_limits: GroupLimits { max_members: None, max_per_client: 100 },
            presence_linger: Duration::ZERO,
        }
    }
}

/// What happens to a client that reads too slowly, once it is owed as much as it may be.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overflow {
    /// It is closed with 1008. For clients that need every message.
    #[default]
    Close,
    /// Messages are dropped until it has read some. For clients that can catch up by themselves.
    DropNewest,
    /// The oldest messages that are not on their way yet are dropped. For clients that need the
    /// latest, such as a dashboard's.
    DropOldest,
}

/// Options that make no sense; found when the server starts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OptionsError {
    /// A size, a number or a period that must be more.
    #[error("`{option}` is zero: {}", why_not_zero(option))]
    Zero {
        /// The option.
        option: &'static str,
    },
    /// No frame could be as large as it may be.
    #[error(
        "`max_frame_size` ({max_frame_size}) is above `max_msg_size` ({max_msg_size}), \
         which no frame may exceed"
    )]
    FrameAboveMessage {
        /// As set, in bytes.
        max_frame_size: usize,
        /// As set, in bytes.
        max_msg_size: usize,
    },
    /// `compression` asks for what there is not (feature `compression`).
    #[error("`compression`: {0}")]
    Compression(CompressionError),
    /// No browser writes an origin like this.
    #[error(
        "`allowed_origins` has {origin:?}, which no browser sends: {}",
        origin_to_write(instead)
    )]
    Origin {
        /// As listed.
        origin: String,
        /// What can be written in its place, if that can be made out.
        instead: Option<String>,
    },
    /// RFC 6455 §4.1: a subprotocol's name is a token.
    #[error("`subprotocols` has {name:?}: a name is made of letters, digits and !#$%&'*+-.^_`|~")]
    Subprotocol {
        /// As listed.
        name: String,
    },
}

fn why_not_zero(option: &str) -> &'static str {
    match option {
        "heartbeat_period" => "clients would be sent pings without a pause; `None` is for never",
        "queued_ping_limit" => {
            "every client would be closed at its first silence; at least one ping, and \
             `heartbeat_period(None)` is for never"
        }
        "close_period" => {
            "no client could answer a CLOSE in time; `Duration::MAX` is for as long as it takes"
        }
        "message_period" => "no message could come in two reads; `None` is for ever",
        "open_period" => {
            "no `on_open` could decide in time; `Duration::MAX` is for as long as it takes"
        }
        "max_queued_bytes" => "no client could be owed anything; at least one byte",
        "max_clients" => "nobody could be let in; `None` is for any number",
        "max_group_members" => "nobody could join a group; `None` is for any number",
        "max_groups_per_client" => "no client could join a group; at least one",
        "auto_frame_size" => "frames of nothing carry no message; at least one byte",
        _ => "nothing could come in; at least one byte",
    }
}

fn origin_to_write(instead: &Option<String>) -> String {
    match instead {
        Some(instead) => format!("write {instead:?}"),
        None => {
            "write each as \"https://mysite.com\", with a port only if it is unusual, or allow \
                 every site with `Origins::Any`"
                .to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonsense_is_found_and_names_its_option() {
        let fine = Options::new;
        for (options, named) in [
            (fine().max_msg_size(0), "max_msg_size"),
            (fine().max_frame_size(0), "max_frame_size"),
            (fine().auto_frame_size(0), "auto_frame_size"),
            (fine().max_queued_bytes(0), "max_queued_bytes"),
            (fine().queued_ping_limit(0), "queued_ping_limit"),
            (fine().max_frame_size(101).max_msg_size(100), "max_frame_size"),
            (fine().heartbeat_period(Duration::ZERO), "heartbeat_period"),
            (fine().close_period(Duration::ZERO), "close_period"),
            (fine().open_period(Duration::ZERO), "open_period"),
            (fine().message_period(Duration::ZERO), "message_period"),
            (fine().allowed_origins(Origins::list(["mysite.com"])), "allowed_origins"),
            (fine().max_clients(0), "max_clients"),
            (fine().max_group_members(0), "max_group_members"),
            (fine().max_groups_per_client(0), "max_groups_per_client"),
            (fine().subprotocols(["chat", "not one"]), "subprotocols"),
            (fine().subprotocols([""]), "subprotocols"),
        ] {
            let error = options.validate().err().expect(named).to_string();
            assert!(error.starts_with(&format!("`{named}`")), "{error}");
        }
    }

    #[test]
    fn sense_is_kept_as_it_is() {
        for (options, max_frame_size) in [
            (Options::new(), 2 << 20),
            (Options::new().max_msg_size(100), 100),
            (Options::new().max_msg_size(100).max_frame_size(100), 100),
            (Options::new().max_msg_size(100).max_frame_size(7), 7),
            (Options::new().heartbeat_period(None), 2 << 20),
        ] {
            assert_eq!(options.validate().ok().unwrap().protocol.max_frame_size, max_frame_size);
        }
    }
}
