// Clients, and the endpoints that they are of: what an application says to whom.

import {
  ACCEPT, BROADCAST, CLIENTS, CLOSE, GROUP, HAS_EXCEPT, HAS_GROUP, HAS_KEY, HAS_ONLY, HEADER, INSPECT, IS_LOCAL, IS_TEXT,
  JOIN, LEAVE, SEND, packIds, packText,
} from "./frames.js";
import { ClientGone, headerLine } from "./errors.js";

// Where the handshake of a client is.
export const [PENDING, ACCEPTED, REFUSED, GONE] = [0, 1, 2, 3];

const NOTHING = {};

export class Endpoint {
  #process;

  constructor(process, number, host, path, application) {
    this.#process = process;
    this.number = number;
    this.host = host;
    this.path = path;
    this.application = application;
  }

  broadcast(message, options = NOTHING) {
    const [flags, payload] = packBroadcast(message, options);
    return this.#process.command(BROADCAST, this.number, 0, flags, payload);
  }

  broadcastNowait(message, options = NOTHING) {
    const [flags, payload] = packBroadcast(message, options);
    this.#process.tell(BROADCAST, this.number, 0, flags, payload);
  }

  async clients() {
    return (await this.#process.command(CLIENTS, this.number, 0, -1, "")).clients;
  }

  async members(group) {
    return (await this.#process.command(GROUP, this.number, 0, -1, group)).clients;
  }

  client(id) {
    return this.#process.clients.get(id) ?? new Client(this.#process, this, id, ACCEPTED);
  }

  drain() {
    return this.#process.stream.drain();
  }
}

export class Client {
  #process;
  #abort;
  life;
  state;

  constructor(process, endpoint, id, life) {
    this.#process = process;
    this.endpoint = endpoint;
    this.id = id;
    this.life = life;
  }

  get isGone() {
    return this.life === GONE || this.life === REFUSED;
  }

  get signal() {
    if (this.#abort === undefined) {
      this.#abort = new AbortController();
      if (this.isGone) this.#abort.abort();
    }
    return this.#abort.signal;
  }

  header(name, value) {
    if (this.life !== PENDING) {
      throw new Error("the handshake has been answered: headers come before anything is said");
    }
    this.#process.tell(HEADER, this.endpoint.number, this.id, -1, headerLine(name, value));
  }

  accept(subprotocol = "") {
    if (this.life !== PENDING) throw new Error("the handshake has been answered");
    this.life = ACCEPTED;
    this.#process.tell(ACCEPT, this.endpoint.number, this.id, -1, subprotocol);
  }

  send(message, options) {
    if (!this.#isThere()) return gone();
    const [flags, payload] = packMessage(message, options?.key);
    return this.#process.command(SEND, this.endpoint.number, this.id, flags, payload);
  }

  sendNowait(message, options) {
    if (!this.#isThere()) return;
    const [flags, payload] = packMessage(message, options?.key);
    this.#process.tell(SEND, this.endpoint.number, this.id, flags, payload);
  }

  async close(code = 1000, reason = "") {
    if (!this.#isThere()) return;
    await this.#process.command(CLOSE, this.endpoint.number, this.id, -1, packClose(code, reason));
  }

  closeNowait(code = 1000, reason = "") {
    if (!this.#isThere()) return;
    this.#process.tell(CLOSE, this.endpoint.number, this.id, -1, packClose(code, reason));
  }

  inspect() {
    return this.#ask(INSPECT, "");
  }

  async join(group) {
    await this.#ask(JOIN, group);
  }

  joinNowait(group) {
    if (this.#isThere()) this.#process.tell(JOIN, this.endpoint.number, this.id, -1, group);
  }

  async leave(group) {
    await this.#ask(LEAVE, group);
  }

  leaveNowait(group) {
    if (this.#isThere()) this.#process.tell(LEAVE, this.endpoint.number, this.id, -1, group);
  }

  // It has gone, or was never let in.
  forget(life) {
    this.life = life;
    this.#abort?.abort();
  }

  #ask(type, payload) {
    return this.#isThere() ? this.#process.command(type, this.endpoint.number, this.id, -1, payload) : gone();
  }

  #isThere() {
    // What is about to be said has it accepted.
    if (this.life === PENDING) this.life = ACCEPTED;
    return this.life === ACCEPTED;
  }
}

const gone = () => Promise.reject(new ClientGone("the client has gone"));

// What kind of message it is, and how it is written.
function packMessage(message, key) {
  const [flags, payload] = typeof message === "string" ? [IS_TEXT, message] : [0, message];
  if (!(typeof message === "string" || message instanceof Uint8Array)) {
    throw new TypeError("a message is a string or a Uint8Array");
  }
  return key === undefined ? [flags, payload] : [flags | HAS_KEY, Buffer.concat([packText(key), Buffer.from(payload)])];
}

function packBroadcast(message, { only, except, group, key, local }) {
  let [flags, payload] = packMessage(message);
  const before = [];
  if (group !== undefined) {
    flags |= HAS_GROUP;
    before.push(packText(group));
  }
  if (key !== undefined) {
    flags |= HAS_KEY;
    before.push(packText(key));
  }
  if (only !== undefined) {
    flags |= HAS_ONLY;
    before.push(packIds(only));
  }
  if (except !== undefined) {
    flags |= HAS_EXCEPT;
    before.push(packIds(except));
  }
  if (local) flags |= IS_LOCAL;
  return before.length === 0 ? [flags, payload] : [flags, Buffer.concat([...before, Buffer.from(payload)])];
}

function packClose(code, reason) {
  const bytes = Buffer.alloc(2 + Buffer.byteLength(reason));
  bytes.writeUInt16BE(code, 0);
  bytes.write(reason, 2);
  return bytes;
}
