//! `[host.root]`: a folder of files.

use crate::{
    config::{
        format::{FilePath, Flag, OrFalse, Pairs, Text},
        keys::{Keys, Section},
    },
    http_server::Root,
};

impl Section for Root {
    const NAME: &'static str = "a document root";
    const SHORT: Option<&'static str> = Some("folder");

    fn new() -> Self {
        Self::new("")
    }

    fn keys(&mut self, keys: &mut impl Keys) {
        let rules =
            Pairs(|_, _| Ok(()), "a table of patterns, as in { \"/assets/*\" = \"max-age=3600\" }");
        keys.required("folder", FilePath, &mut self.folder);
        keys.key("fallback", OrFalse(Text("a file in the folder")), &mut self.fallback);
        keys.key("cache_control", rules, &mut self.cache_control);
        keys.key("follow_links", Flag, &mut self.follow_links);
    }
}
