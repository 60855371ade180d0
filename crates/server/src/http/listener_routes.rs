//! What a listener answers itself, before any host is asked: operators, the challenges of ACME, redirects to
//! https, and how the server is.

use std::sync::Arc;

use http::{HeaderValue, Uri};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::{
    AcceptContext, Control, Site,
    admin::AdminRoutes,
    answer,
    files::Challenges,
    redirects::redirect,
    service::{Answering, ready},
};
use crate::{
    address::{Authority, Target},
    app::RequestHead,
    error::ServerError,
    transport::ListenerRules,
};

const HTTPS_ALONE: &str = "This is served by https alone.";

/// What has to be encoded in a URL beside what is no ASCII, and in requests is not always.
pub(super) const ESCAPED: AsciiSet = CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

pub(crate) struct ListenerRoutes {
    /// What answers everything, if it is for operators.
    admin: Option<AdminRoutes>,
    challenges: Option<Challenges>,
    /// The port of https, where everything else is redirected to.
    https_port: Option<u16>,
    /// Whether it tells how the server is, and nothing else.
    is_for_metrics: bool,
}

impl ListenerRoutes {
    /// `None` if everything is left to the hosts.
    pub(crate) fn new(
        rules: ListenerRules,
        control: &Arc<dyn Control>,
    ) -> Result<Option<Arc<Self>>, ServerError> {
        let ListenerRules { is_admin, https_port, acme_webroot, is_for_metrics, .. } = rules;
        let admin = is_admin.then(|| AdminRoutes::new(Arc::clone(control)));
        let challenges = acme_webroot.map(Challenges::new).transpose()?;
        let is_needed = is_admin || challenges.is_some() || https_port.is_some() || is_for_metrics;
        Ok(is_needed.then(|| Arc::new(Self { admin, challenges, https_port, is_for_metrics })))
    }

    /// Whether it is for operators.
    pub(crate) fn is_admin(&self) -> bool {
        self.admin.is_some()
    }

    /// `None` if the host that is asked for is to answer. A request that is for nothing is told so there.
    pub(super) fn answer(
        &self,
        head: &RequestHead,
        context: &AcceptContext,
        site: &Site,
    ) -> Option<Answering> {
        if let Some(admin) = &self.admin {
            // Who may ask is said by the mode of the socket's file.
            return Some(Answering::Page(admin.answer(head, context.admission.hits.snapshot())));
        }
        let target = Target::of(head.method(), head.uri(), head.version(), head);
        let Ok(Target::Resource(host)) = target else { return None };
        // Whatever host it is: a name is certified before it is served.
        if let Some(challenges) = &self.challenges
            && let Some(answer) = challenges.answer(head)
        {
            return Some(Answering::Page(answer));
        }
        if self.is_for_metrics {
            return Some(context.monitor.answer(head));
        }
        let port = self.https_port?;
        // One that is not served is told so there as well.
        site.hosts.host(host.as_ref())?;
        // Who names no host, as was done before HTTP/1.1, cannot be told where to go.
        let location = host.and_then(|host| location(&host, port, head.uri()));
        let redirect = location.map(|location| redirect(head.method(), location, HTTPS_ALONE));
        Some(ready(redirect.unwrap_or_else(answer::not_found)))
    }
}

/// Where the same is by https.
fn location(host: &Authority<'_>, port: u16, asked: &Uri) -> Option<HeaderValue> {
    let port = if port == 443 { String::new() } else { format!(":{port}") };
    let asked = asked.path_and_query().map_or("/", |it| it.as_str());
    let asked = utf8_percent_encode(asked, &ESCAPED);
    HeaderValue::try_from(format!("https://{}{port}{asked}", host.host)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_leads_to_the_same_path_and_query_and_to_no_other_host() {
        for (host, port, asked, leads_to) in [
            ("mysite.com", 443, "/", "https://mysite.com/"),
            ("MySite.com.:80", 443, "/a/b?c=d", "https://mysite.com/a/b?c=d"),
            ("mysite.com:8080", 8443, "/a?", "https://mysite.com:8443/a?"),
            ("[0::1]:80", 443, "/", "https://[::1]/"),
            ("127.0.0.1", 8443, "/", "https://127.0.0.1:8443/"),
            ("mysite.com", 443, "//evil.example/", "https://mysite.com//evil.example/"),
            ("mysite.com", 443, "/%0d%0aX:%20y", "https://mysite.com/%0d%0aX:%20y"),
            ("mysite.com", 443, "/{\"a\"}?q={}", "https://mysite.com/%7B%22a%22%7D?q=%7B%7D"),
            ("mysite.com", 443, "http://other.example", "https://mysite.com/"),
            ("mysite.com", 443, "http://other.example/x?y", "https://mysite.com/x?y"),
        ] {
            let host = Authority::parse(host).unwrap();
            let location = location(&host, port, &asked.parse().unwrap()).unwrap();
            assert_eq!(location, leads_to, "{host:?} {asked}");
        }
    }
}
