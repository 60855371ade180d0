//! `[[host.websocket]]`: an application on a path, with its options.

use std::borrow::Cow;

use toml::de::DeValue;

use super::{ApplicationSection, CompressionSection};
use crate::{
    address::route,
    config::{
        format::{
            Count, Flag, Format, Many, OneOf, OrAuto, OrFalse, Period, Reading, Size, Text, Valid,
            Value, Wrong,
        },
        keys::{Keys, Placed, Section},
    },
    options::{Options, Origins, Overflow},
};

#[derive(Debug)]
pub(in crate::config) struct WebsocketSection {
    pub(in crate::config) path: String,
    pub(in crate::config) application: Placed<ApplicationSection>,
    options: Options,
    compression: Option<Placed<CompressionSection>>,
}

impl WebsocketSection {
    pub(in crate::config) fn options(&self) -> Options {
        let compression = self.compression.as_ref().map(|it| it.0.clone());
        self.options.clone().compression(compression)
    }

    fn set_options(&mut self, options: Options) {
        let compression = options.protocol.compression.clone();
        self.compression = compression.map(|it| Placed::of(CompressionSection(it)));
        self.options = options;
    }
}

impl Section for WebsocketSection {
    const NAME: &'static str = "an endpoint";

    fn new() -> Self {
        let mut section = Self {
            path: String::new(),
            application: Placed::new(),
            options: Options::new(),
            compression: None,
        };
        section.set_options(Options::new());
        section
    }

    fn keys(&mut self, keys: &mut impl Keys) {
        let path = Valid("a path such as \"/chat\"", |path| {
            let wrong = |cause| format!("the path {path:?} can never match: {cause}");
            route(path).map(drop).map_err(wrong)
        });
        keys.required("path", path, &mut self.path);
        let is_read = keys.applications().is_some();
        match &mut self.application.name {
            // As short as it may be.
            Some(name) if !is_read => keys.key("application", Text("a name"), name),
            _ => keys.section("application", &mut self.application),
        }
        if let Some(applications) = keys.applications() {
            self.set_options(applications.default_options(self.application.name()));
        }
        let Options {
            protocol,
            max_frame_size,
            outbox_limits,
            allowed_origins,
            subprotocols,
            open_period,
            max_clients,
            group_limits,
            presence_linger,
        } = &mut self.options;
        keys.key("max_frame_size", OrAuto(Size(1)), max_frame_size);
        keys.key("max_msg_size", Size(1), &mut protocol.max_msg_size);
        keys.key("auto_frame_size", Size(1), &mut protocol.auto_frame_size);
        keys.key("max_queued_bytes", Size(1), &mut outbox_limits.max_queued_bytes);
        let overflow = OneOf(&[
            ("close", Overflow::Close),
            ("drop_newest", Overflow::DropNewest),
            ("drop_oldest", Overflow::DropOldest),
        ]);
        keys.key("overflow", overflow, &mut outbox_limits.overflow);
        keys.key("max_clients", OrFalse(Count::SOME), max_clients);
        keys.key("max_group_members", OrFalse(Count::SOME), &mut group_limits.max_members);
        keys.key("max_groups_per_client", Count::SOME, &mut group_limits.max_per_client);
        keys.key("presence_linger", Period::Any, presence_linger);
        keys.key("heartbeat_period", OrFalse(Period::Some), &mut protocol.heartbeat_period);
        keys.key("queued_ping_limit", Count::SOME, &mut protocol.queued_ping_limit);
        keys.key("message_period", OrFalse(Period::Some), &mut protocol.message_period);
        keys.key("open_period", Period::Some, open_period);
        keys.key("close_period", Period::Some, &mut protocol.close_period);
        keys.key("validate_utf8", Flag, &mut protocol.validate_utf8);
        keys.key("text_only", Flag, &mut protocol.text_only);
        keys.key("allowed_origins", AllowedOrigins, allowed_origins);
        let names = Many(Text("a name of letters, digits and dots"));
        keys.key("subprotocols", names, subprotocols);
        keys.optional("compression", &mut self.compression);
    }
}

/// `"same"`, `"any"`, or a list.
struct AllowedOrigins;

const LISTED: Many<Text> = Many(Text("an origin such as \"https://mysite.com\""));

impl Format<Origins> for AllowedOrigins {
    fn read(&self, value: &Value<'_>, reading: &mut Reading<'_>) -> Result<Origins, Wrong> {
        if let DeValue::Array(_) = value.get_ref() {
            return LISTED.read(value, reading).map(Origins::List);
        }
        match &*reading.text(value)? {
            "same" => Ok(Origins::Same),
            "any" => Ok(Origins::Any),
            _ => Err(Wrong::Unexpected),
        }
    }

    fn write(&self, value: &Origins) -> Option<String> {
        match value {
            Origins::Same => Some("\"same\"".to_owned()),
            Origins::Any => Some("\"any\"".to_owned()),
            Origins::List(list) => LISTED.write(list),
        }
    }

    fn expected(&self) -> Cow<'static, str> {
        "\"same\", \"any\" or an array of origins such as \"https://mysite.com\"".into()
    }
}
