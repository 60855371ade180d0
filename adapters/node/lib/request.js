// What a client asked for.

export class Request {
  #headers;
  #param;

  constructor(about) {
    ({ headers: this.#headers, param: this.#param } = about);
    this.method = about.method;
    this.uri = about.uri;
    this.path = about.path;
    this.query = about.query ?? "";
    this.version = about.version;
    this.scheme = about.scheme;
    this.host = about.host;
    this.remoteAddr = about.remote_addr;
    this.remotePort = about.remote_port;
    this.clientIp = about.client_ip;
    this.serverAddr = about.server_addr;
    this.serverPort = about.server_port;
    this.subprotocols = about.subprotocols ?? [];
  }

  get headers() {
    return this.#headers;
  }

  header(name) {
    name = name.toLowerCase();
    const values = this.#headers.filter(([known]) => known === name).map(([, value]) => value);
    return values.length > 0 ? values.join(name === "cookie" ? "; " : ", ") : undefined;
  }

  param(name) {
    return Object.hasOwn(this.#param, name) ? this.#param[name] : undefined;
  }

  get searchParams() {
    return new URLSearchParams(this.query);
  }

  cookie(name) {
    for (const pair of (this.header("cookie") ?? "").split(";")) {
      const at = pair.indexOf("=");
      if (at > 0 && pair.slice(0, at).trim() === name) return pair.slice(at + 1).trim();
    }
    return undefined;
  }
}
