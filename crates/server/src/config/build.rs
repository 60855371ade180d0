//! A server, made of a file that makes sense.

use std::path::Path;

use super::{
    applications::Applications,
    keys::Placed,
    programs::Programs,
    sections::{HostSection, Top},
};
#[cfg(unix)]
use crate::transport::Listener;
use crate::{http_server::Host, server::Server};

pub(super) fn server(
    top: &Top,
    folder: &Path,
    applications: &Applications,
    programs: &Programs,
) -> Server {
    let mut server = Server::new().trusted_proxies(&top.trusted_proxies).drain(top.drain.0);
    top.limits.apply(&mut server);
    server = server.access_log(top.log.has_access);
    if let Some(workers) = top.workers {
        server = server.workers(workers);
    }
    let listeners = top.listeners.iter().map(|it| it.listener());
    server = listeners.fold(server, Server::listen);
    #[cfg(unix)]
    if let Some(admin) = &top.admin
        && let Some(socket) = &admin.socket
    {
        server = server.listen(Listener::unix(socket).mode(admin.mode).admin());
    }
    if let Some(page) = top.admin.as_ref().and_then(|it| it.page()) {
        server = server.admin_page(page);
    }
    let hosts = top.hosts.iter().map(|it| host(it, folder, applications, programs));
    hosts.fold(server, Server::host)
}

fn host(
    section: &Placed<HostSection>,
    folder: &Path,
    applications: &Applications,
    programs: &Programs,
) -> Host {
    let mut host = match &section.name {
        Some(name) => Host::new(name),
        None => Host::any(),
    };
    host = section.aliases.iter().fold(host, Host::alias);
    host = section.redirects.iter().fold(host, |host, (from, to)| host.redirect(from, to));
    host = section.headers.iter().fold(host, |host, (name, value)| host.header(name, value));
    if let Some(root) = &section.root {
        host = host.root((**root).clone());
    }
    host.host_service = section.service.iter().filter_map(|it| applications.service(it)).collect();
    for websocket in &section.websockets {
        let (application, path) = (&websocket.application, &websocket.path);
        let options = websocket.options();
        host.mounts.extend(match application.program(section.name_or_any(), path, folder) {
            Some(program) => programs.mounting(&program, options),
            None => applications.mounting(application.name(), path, options),
        });
    }
    host
}
