//! Whether the sections of a file make sense together, and what they name is there.

use std::{collections::HashMap, fs, path::Path};

use super::{
    applications::Applications,
    faults::Faults,
    format::{Registered, period_text},
    keys::{Placed, Section},
    programs::Programs,
    sections::{
        AdminSection, CertificateSection, ClusterSection, HostSection, ListenSection, TlsSection,
        Top, WebsocketSection,
    },
};
use crate::{
    address::{configured_name, route},
    error::{CertificateError, PemSource, ServerError},
    http_server::check_redirect,
    options::OptionsError,
};

/// What the program has registered, and where relative paths begin.
pub(super) struct Surroundings<'c> {
    pub(super) applications: &'c Applications,
    pub(super) programs: &'c Programs,
    pub(super) folder: &'c Path,
}

pub(super) fn check(top: &Placed<Top>, around: &Surroundings<'_>, faults: &mut Faults) {
    check_drain(top, faults);
    let mut addresses = Vec::new();
    for listener in &top.listeners {
        check_listener(listener, top, faults);
        if listener.is_fixed() && addresses.contains(&&listener.address) {
            let sentence = format!("{:?} is listened on already", listener.address);
            faults.add(listener.places.of("address"), sentence);
        }
        addresses.push(&listener.address);
    }
    if let Some(admin) = &top.admin {
        check_admin(admin, &addresses, faults);
    }
    if let Some(cluster) = &top.cluster {
        check_cluster(cluster, faults);
    }
    if top.hosts.is_empty() && !top.places.has("host") {
        faults.add(0, "there is no host: write a section [[host]] with a \"name\"");
    }
    check_names(&top.hosts, faults);
    for host in &top.hosts {
        check_host(host, around, faults);
    }
    check_singles(&top.hosts, around.applications, faults);
}

fn check_drain(top: &Top, faults: &mut Faults) {
    let (drain, stop_period) = (&top.drain, top.limits.limits.stop_period);
    let period = drain.0.delay.saturating_add(drain.0.spread);
    if period > stop_period / 2 {
        let key = if drain.places.has("spread") { "spread" } else { "delay" };
        let sentence = format!(
            "\"delay\" and \"spread\" take {} of the {} that \"stop_period\" of [limits] has for all of a stop: half \
             of that at most, so make it longer or them shorter",
            period_text(period),
            period_text(stop_period)
        );
        faults.add(drain.places.of(key), sentence);
    }
}

/// Who it is that connects to the bus.
fn check_cluster(cluster: &Placed<ClusterSection>, faults: &mut Faults) {
    if let Some((key, sentence)) = cluster.complaint().filter(|_| !cluster.places.is_broken) {
        faults.add(cluster.places.of(key), sentence);
    }
}

/// Where operators ask, beside where others are listened to.
fn check_admin(admin: &Placed<AdminSection>, addresses: &[&String], faults: &mut Faults) {
    let places = &admin.places;
    let socket = admin.socket.as_ref().map(|it| format!("unix:{}", it.display()));
    for (key, address) in [("socket", &socket), ("page", &admin.page)] {
        if let Some(address) = address
            && !address.ends_with(":0")
            && addresses.contains(&address)
        {
            faults.add(places.of(key), format!("{address:?} is listened on already"));
        }
    }
    if admin.socket.is_none() && admin.page.is_none() && !places.is_broken {
        let sentence =
            "[admin] says nowhere where operators may ask: write a \"socket\", a \"page\", or both";
        faults.add(places.section, sentence);
    }
    if let Some(key) = admin.is_for_page()
        && admin.page.is_none()
        && !places.is_broken
    {
        let sentence =
            format!("{key:?} is for a page, and there is none: write page = \"127.0.0.1:9001\"");
        faults.add(places.of(key), sentence);
    }
    if admin.is_outside() && admin.tls.is_none() && !places.is_broken {
        let sentence = "a \"page\" that other machines reach needs \"tls\", since its token could be read on the way: write \
                        a section [admin.tls], or an address of this machine alone, such as \"127.0.0.1:9001\"";
        faults.add(places.of("page"), sentence);
    }
    if let Some(tls) = &admin.tls {
        check_tls(tls, faults);
    }
}

fn check_listener(listener: &Placed<ListenSection>, top: &Top, faults: &mut Faults) {
    let places = &listener.places;
    for (key, is_set) in [("mode", listener.mode.is_some()), ("owner", listener.owner.is_some())] {
        if is_set && !listener.is_unix() {
            let sentence = format!("{key:?} is for the file of a Unix socket: \"unix:/path\"");
            faults.add(places.of(key), sentence);
        }
    }
    if listener.reuse_port && (listener.is_unix() || listener.is_passed()) {
        let sentence = "only the port of an IP address can be shared: \"127.0.0.1:8080\"";
        faults.add(places.of("reuse_port"), sentence);
    }
    if listener.proxy_protocol && top.trusted_proxies.is_empty() {
        let sentence = "the PROXY protocol is for trusted proxies alone: name them by \
                        \"trusted_proxies\" at the top of the file";
        faults.add(places.of("proxy_protocol"), sentence);
    }
    if listener.redirect_to_https.is_some() && listener.tls.is_some() {
        let sentence = "who comes to a listener with \"tls\" is where \"redirect_to_https\" leads: \
                        that is for one in clear text";
        faults.add(places.of("redirect_to_https"), sentence);
    }
    if let Some(webroot) = &listener.acme_webroot
        && let Err(error) = fs::read_dir(webroot)
    {
        let sentence = format!("cannot answer challenges from {}: {error}", webroot.display());
        faults.add(places.of("acme_webroot"), sentence);
    }
    if let Some(tls) = &listener.tls {
        check_tls(tls, faults);
    }
}

fn check_tls(tls: &Placed<TlsSection>, faults: &mut Faults) {
    if tls.asks_and_requires() {
        let sentence = "clients have to have a certificate or are asked for one, and not both: \
                        write one of the two keys";
        faults.add(tls.places.of("ask_client_certificate"), sentence);
    }
    let mut is_whole = check_certificate(&tls.first, tls, faults);
    for other in &tls.others {
        is_whole &= check_certificate(other, other, faults);
    }
    // Each by itself is sound, so what is left are the authorities of clients.
    if is_whole && let Err(ServerError::Certificate { cause }) = tls.tls().load() {
        let key = ["require_client_certificate", "ask_client_certificate"];
        let key = key.into_iter().find(|key| tls.places.has(key)).unwrap_or("certificate");
        faults.add(tls.places.of(key), cause.to_string());
    }
}

/// Whether it is sound; what is wrong with it is in the keys of this section.
fn check_certificate<S: Section>(
    certificate: &CertificateSection,
    section: &Placed<S>,
    faults: &mut Faults,
) -> bool {
    let places = &section.places;
    if places.is_broken {
        return false;
    }
    if let Some(complaint) = certificate.complaint() {
        faults.add(places.section, complaint);
        return false;
    }
    let Err(ServerError::Certificate { cause }) = certificate.tls().load() else { return true };
    let is_key = match &cause {
        CertificateError::NoKey { .. }
        | CertificateError::BadKey { .. }
        | CertificateError::OtherKey { .. } => true,
        CertificateError::Unreadable { pem: PemSource::File(path), .. } => {
            certificate.key.as_ref() == Some(path)
        }
        _ => false,
    };
    let key = match (is_key, certificate.certificate.is_some()) {
        (true, true) => "key",
        (true, false) => "key_pem",
        (false, true) => "certificate",
        (false, false) => "certificate_pem",
    };
    faults.add(places.of(key), cause.to_string());
    false
}

/// That each name is that of one host.
fn check_names(hosts: &[Placed<HostSection>], faults: &mut Faults) {
    let mut taken: HashMap<String, &str> = HashMap::new();
    let mut has_any = false;
    for host in hosts {
        let first = host.name.iter().map(|name| ("name", name));
        for (key, name) in first.chain(host.aliases.iter().map(|name| ("aliases", name))) {
            let Ok(normal) = configured_name(name) else { continue };
            if taken.insert(normal, name).is_some() {
                faults.add(host.places.of(key), format!("there are two hosts named {name:?}"));
            }
        }
        if host.any && has_any {
            faults.add(host.places.of("any"), "there is a host for any name already");
        }
        has_any |= host.any;
    }
}

fn check_host(host: &Placed<HostSection>, around: &Surroundings<'_>, faults: &mut Faults) {
    let places = &host.places;
    match (&host.name, host.any) {
        (None, false) if !places.has("name") => {
            let sentence = "a host has a \"name\", or is for \"any\": write name = \"mysite.com\", or \
                            any = true";
            faults.add(places.section, sentence);
        }
        (Some(_), true) => {
            let sentence = "a host for any name has none of its own: leave out \"name\" or \"any\"";
            faults.add(places.of("any"), sentence);
        }
        _ => {}
    }
    if let Some(name) = &host.service {
        let names = around.applications.service_names();
        if let Err(sentence) = Registered("service", &names).check(name) {
            faults.add(places.of("service"), sentence);
        }
    }
    if let Some(root) = &host.root
        && !root.places.is_broken
        && root.places.has("folder")
        && let Err(error) = root.check()
    {
        let key = match &error {
            ServerError::RootOptions { .. } if root.places.has("fallback") => "fallback",
            ServerError::RootOptions { .. } => "cache_control",
            _ => "folder",
        };
        faults.add(root.places.of(key), error.to_string());
    }
    let mut redirected = Vec::new();
    for (from, to) in &host.redirects {
        let Ok(path) = check_redirect(from, to) else { continue };
        if redirected.contains(&path) {
            faults.add(places.of("redirects"), format!("{from:?} is redirected twice"));
        }
        redirected.push(path);
    }
    let mut router = matchit::Router::new();
    for websocket in &host.websockets {
        check_websocket(websocket, host.name_or_any(), around, faults);
        let Ok(pattern) = route(&websocket.path) else { continue };
        if let Err(error) = router.insert(pattern, ()) {
            let sentence = match error {
                matchit::InsertError::Conflict { with } if with == websocket.path => {
                    format!("the path {with:?} has an endpoint already")
                }
                error => format!("the path {:?} cannot be routed: {error}", websocket.path),
            };
            faults.add(websocket.places.of("path"), sentence);
        }
    }
}

fn check_websocket(
    websocket: &Placed<WebsocketSection>,
    host: &str,
    around: &Surroundings<'_>,
    faults: &mut Faults,
) {
    let places = &websocket.places;
    check_application(websocket, host, around, faults);
    let Err(error) = websocket.options().validate() else { return };
    let (key, sentence) = match error {
        OptionsError::Zero { option } => (option, error.to_string()),
        OptionsError::FrameAboveMessage { .. } => ("max_frame_size", error.to_string()),
        OptionsError::Compression(error) => ("compression", error.to_string()),
        OptionsError::Subprotocol { .. } => ("subprotocols", error.to_string()),
        OptionsError::Origin { origin, instead } => {
            let write = instead.unwrap_or_else(|| "https://mysite.com".to_owned());
            let sentence = format!("no browser sends the origin {origin:?}: write {write:?}");
            ("allowed_origins", sentence)
        }
    };
    faults.add(places.of(key), sentence);
}

/// That it is one that the program has registered, or one that can be started.
fn check_application(
    websocket: &Placed<WebsocketSection>,
    host: &str,
    around: &Surroundings<'_>,
    faults: &mut Faults,
) {
    let (places, application) = (&websocket.places, &websocket.application);
    let place = places.of("application");
    if !places.has("application") {
        let sentence = "\"application\" is missing: write the name of an application, or what is to be started, as in \
                        { command = [\"php\", \"chat.php\"] }";
        faults.add(places.section, sentence);
        return;
    }
    if application.places.is_broken {
        return;
    }
    let checked =
        match (&application.name, application.program(host, &websocket.path, around.folder)) {
            (Some(_), Some(_)) => {
                Err("an application has a \"name\" or a \"command\": leave out one of them"
                    .to_owned())
            }
            (Some(name), None) => {
                Registered("application", &around.applications.names()).check(name)
            }
            (None, Some(program)) => around.programs.check(&program),
            (None, None) => {
                Err("an application without a name has a \"command\", as in { command = \
                             [\"php\", \"chat.php\"] }"
                    .to_owned())
            }
        };
    if let Err(sentence) = checked {
        faults.add(place, sentence);
    }
}

/// That each application of which there is one is at one endpoint.
fn check_singles(hosts: &[Placed<HostSection>], applications: &Applications, faults: &mut Faults) {
    let mut taken: HashMap<&str, &str> = HashMap::new();
    for host in hosts {
        for websocket in &host.websockets {
            let WebsocketSection { application, path, .. } = &**websocket;
            let application = application.name();
            let Some(at) = applications.single(application) else { continue };
            let host_name = host.name_or_any();
            let before = taken.insert(application, path).map(str::to_owned);
            let elsewhere = at.filter(|at| (&*at.0, &*at.1) != (host_name, path)).map(|at| at.1);
            if let Some(other) = before.or(elsewhere) {
                let sentence = format!(
                    "the application {application:?} is for one endpoint, and that is {other:?}: the program has \
                     to register it by `Config::application_with`, so that each has its own"
                );
                faults.add(websocket.places.of("application"), sentence);
            }
        }
    }
}
