//! `[[host]]`: a name, and what is served under it.

use super::WebsocketSection;
use crate::{
    address::{HostNameError, configured_name},
    config::{
        format::{Flag, IfWritten, Many, OrFalse, Pairs, Text, Valid},
        keys::{Keys, Placed, Section},
    },
    http_server::{Root, check_file_header, check_redirect},
};

#[derive(Debug)]
pub(in crate::config) struct HostSection {
    pub(in crate::config) name: Option<String>,
    pub(in crate::config) any: bool,
    pub(in crate::config) aliases: Vec<String>,
    /// The name of an HTTP service.
    pub(in crate::config) service: Option<String>,
    pub(in crate::config) redirects: Vec<(String, String)>,
    pub(in crate::config) headers: Vec<(String, String)>,
    pub(in crate::config) root: Option<Placed<Root>>,
    pub(in crate::config) websockets: Vec<Placed<WebsocketSection>>,
}

impl HostSection {
    /// Its name, or `*`.
    pub(in crate::config) fn name_or_any(&self) -> &str {
        self.name.as_deref().unwrap_or("*")
    }
}

impl Section for HostSection {
    const NAME: &'static str = "a host";

    fn new() -> Self {
        Self {
            name: None,
            any: false,
            aliases: Vec::new(),
            service: None,
            redirects: Vec::new(),
            headers: Vec::new(),
            root: None,
            websockets: Vec::new(),
        }
    }

    fn keys(&mut self, keys: &mut impl Keys) {
        let name = Valid("a name such as \"mysite.com\"", check_name);
        let redirects = Pairs(
            |from, to| check_redirect(from, to).map(drop).map_err(|error| error.to_string()),
            "a table of paths, as in { \"/old\" = \"/new\" }",
        );
        let headers = Pairs(
            |name, value| {
                check_file_header(name, value).map(drop).map_err(|error| error.to_string())
            },
            "a table of headers, as in { X-Frame-Options = \"DENY\" }",
        );
        keys.key("name", IfWritten(&name), &mut self.name);
        keys.key("any", Flag, &mut self.any);
        keys.key("aliases", Many(&name), &mut self.aliases);
        keys.key("service", OrFalse(Text("the name of a service")), &mut self.service);
        keys.key("redirects", redirects, &mut self.redirects);
        keys.key("headers", headers, &mut self.headers);
        keys.optional("root", &mut self.root);
        keys.sections("websocket", &mut self.websockets);
    }
}

pub(super) fn check_name(name: &str) -> Result<(), String> {
    match configured_name(name) {
        Ok(_) => Ok(()),
        Err(HostNameError::Wildcard) => Err(format!(
            "the host name {name:?} can never match: there are no wildcards, so write an alias for each name, or \
             any = true for all that are no other host's"
        )),
        Err(cause) => Err(format!("the host name {name:?} can never match: {cause}")),
    }
}
