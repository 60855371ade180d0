// The process's side of the protocol: the server's events go to applications, and it is told when each is handled.

import { basename } from "node:path";

import {
  CLOSE, CLOSED, DATA, DONE, FAILED, HANDLED, HEAD, HEADER, HELLO, IS_DONE, IS_GONE, IS_REFUSED, OPEN, PING, PONG, READY, REFUSE,
  RESULT, SEND, START, STOP, VERSION,
} from "./frames.js";
import { ACCEPTED, Client, Endpoint, GONE, PENDING, REFUSED } from "./client.js";
import { ClientGone, CommandRefused, Refusal } from "./errors.js";
import { Request } from "./request.js";
import { Stream } from "./stream.js";

// Set for a program that the server has started.
const VARIABLE = "AERYS_PROTOCOL";

// The length of a frame without its payload, and of the flags of a message.
const AROUND = HEAD + 1;

const LAST_SEQ = 0xffffffff;

const HANDLERS = ["onStart", "onOpen", "onData", "onClose", "onStop"];

export function run(application) {
  if (process.env[VARIABLE] === undefined) {
    const script = basename(process.argv[1] ?? "chat.mjs");
    fail(`${script} is an application of aerys, which starts it by itself: aerys run node ${script}`);
  }
  // What this program starts has not been started by the server.
  delete process.env[VARIABLE];
  process.on("unhandledRejection", (error) => {
    // Nobody has to catch that a client has gone.
    if (error instanceof ClientGone) return;
    console.error(error);
    process.exit(1);
  });
  new Process(application).begin();
}

class Process {
  clients = new Map();
  #application;
  #endpoints = new Map();
  #expected = new Map();
  #seq = 0;
  #maxFrame = 16 * 1024 * 1024;

  constructor(application) {
    this.#application = application;
    this.stream = new Stream(this.#receive.bind(this), () => this.#end());
  }

  begin() {
    const hello = { version: VERSION, adapter: "node 1.0", config: null };
    this.stream.write(HELLO, 0, 0, 0, -1, JSON.stringify(hello));
  }

  // A command that nobody waits for.
  tell(type, endpoint, client, byte, payload) {
    this.#check(payload);
    this.stream.write(type, endpoint, client, 0, byte, payload);
  }

  // A command that is waited for, and its value.
  command(type, endpoint, client, byte, payload) {
    this.#check(payload);
    if (this.stream.hasEnded) return Promise.reject(new ClientGone("the server has gone, and all clients with it"));
    const seq = this.#seq = this.#seq === LAST_SEQ ? 1 : this.#seq + 1;
    this.stream.write(type, endpoint, client, seq, byte, payload);
    return new Promise((resolve, reject) => this.#expected.set(seq, { type, resolve, reject }));
  }

  #check(payload) {
    const isText = typeof payload === "string";
    // A text has at most three bytes for each of its units.
    if (payload.length * (isText ? 3 : 1) + AROUND <= this.#maxFrame) return;
    const length = isText ? Buffer.byteLength(payload) : payload.length;
    if (length + AROUND > this.#maxFrame) {
      throw new RangeError(`this message has ${length} bytes, and the server takes at most ${this.#maxFrame} with all that `
        + "is around it");
    }
  }

  #receive(type, endpoint, client, seq, bytes, at, end) {
    switch (type) {
      case DATA:
        this.#data(this.clients.get(client), seq, bytes, at, end);
        break;
      case RESULT:
        this.#result(seq, bytes, at, end);
        break;
      case OPEN:
        this.#open(this.#endpoints.get(endpoint), client, seq, JSON.parse(bytes.utf8Slice(at, end)));
        break;
      case CLOSED:
        this.#closed(endpoint, client, seq, bytes.readUInt16BE(at), bytes.utf8Slice(at + 2, end));
        break;
      case PING:
        this.stream.write(PONG, 0, 0, seq, -1, "");
        break;
      case START:
        this.#start(JSON.parse(bytes.utf8Slice(at, end)));
        break;
      case PONG:
      case STOP:
        // Clients go one by one, and then the server closes the stream.
        break;
      default:
        fail(`The server has sent a frame of type ${type}, which this adapter does not know.`);
    }
  }

  #result(seq, bytes, at, end) {
    const expected = this.#expected.get(seq);
    if (expected === undefined) return;
    this.#expected.delete(seq);
    const { type, resolve, reject } = expected;
    switch (bytes[at]) {
      case IS_DONE:
        resolve(type === SEND ? true : end > at + 1 ? JSON.parse(bytes.utf8Slice(at + 1, end)) : undefined);
        break;
      case IS_GONE:
        if (type === CLOSE) resolve();
        else reject(new ClientGone("the client has gone"));
        break;
      case IS_REFUSED:
        reject(new CommandRefused(bytes.utf8Slice(at + 1, end)));
        break;
      default:
        resolve(false);
    }
  }

  async #start({ version, max_frame: maxFrame, endpoints }) {
    if (version !== VERSION) {
      fail(`The server speaks version ${version} of the protocol, and this adapter ${VERSION}: one of them is too old.`);
    }
    this.#maxFrame = maxFrame;
    for (const { endpoint, host, path } of endpoints) {
      const application = this.#applicationOf(path);
      this.#endpoints.set(endpoint, new Endpoint(this, endpoint, host ?? null, path, application));
    }
    try {
      await Promise.all([...this.#endpoints.values()].map((it) => it.application.onStart?.(it)));
    } catch (error) {
      // Who cannot start serves nobody: the server tries again.
      console.error(error);
      process.exit(1);
    }
    this.stream.write(READY, 0, 0, 0, -1, "");
  }

  #applicationOf(path) {
    const given = this.#application;
    if (HANDLERS.some((name) => typeof given[name] === "function")) return given;
    return Object.hasOwn(given, path)
      ? given[path]
      : fail(`There is no application for ${path} in this program; it has some for ${Object.keys(given).join(", ")}.`);
  }

  async #end() {
    const error = new ClientGone("the server has gone, and all clients with it");
    for (const { reject } of this.#expected.values()) reject(error);
    const stop = async (it) => it.application.onStop?.(it);
    const stopped = await Promise.allSettled([...this.#endpoints.values()].map(stop));
    for (const { reason } of stopped) if (reason !== undefined) console.error(reason);
    process.exit(0);
  }

  #open(endpoint, id, event, about) {
    const client = new Client(this, endpoint, id, PENDING);
    this.clients.set(id, client);
    this.#handle(client, event, "onOpen", client, new Request(about));
  }

  #data(client, event, bytes, at, end) {
    // What is read next does not touch these bytes.
    const message = bytes[at] === 1 ? bytes.utf8Slice(at + 1, end) : bytes.subarray(at + 1, end);
    this.#handle(client, event, "onData", client, message);
  }

  #closed(endpoint, id, event, code, reason) {
    const client = this.clients.get(id);
    if (client === undefined) {
      // The application has nothing of it.
      this.stream.write(DONE, endpoint, id, event, HANDLED, "");
      return;
    }
    this.clients.delete(id);
    client.forget(GONE);
    this.#handle(client, event, "onClose", client, code, reason);
  }

  #handle(client, event, name, ...given) {
    let promised;
    try {
      promised = client.endpoint.application[name]?.(...given);
    } catch (error) {
      this.#done(client, event, name, error);
      return;
    }
    if (typeof promised?.then === "function") {
      promised.then(
        () => this.#done(client, event, name),
        (error) => this.#done(client, event, name, error ?? new Error("rejected without a reason")),
      );
    } else {
      this.#done(client, event, name);
    }
  }

  #done(client, event, name, error) {
    const { number } = client.endpoint;
    let outcome = HANDLED;
    if (error instanceof Refusal && client.life === PENDING) {
      client.forget(REFUSED);
      for (const line of error.headers) this.tell(HEADER, number, client.id, -1, line);
      const status = Buffer.from([error.status >> 8, error.status & 0xff]);
      this.tell(REFUSE, number, client.id, -1, Buffer.concat([status, Buffer.from(error.reason)]));
    } else if (error !== undefined && !(error instanceof ClientGone)) {
      outcome = FAILED;
      // Each line on standard error is one of the server's log.
      const who = client.endpoint.application.constructor?.name ?? "Object";
      console.error(`${who}.${name} failed for client ${client.id}:`, error);
    }
    if (name === "onOpen") {
      if (outcome === FAILED && client.life === PENDING) client.forget(REFUSED);
      if (client.life === REFUSED) this.clients.delete(client.id);
      else if (client.life === PENDING) client.life = ACCEPTED;
    }
    this.stream.write(DONE, number, client.id, event, outcome, "");
  }
}

function fail(sentence) {
  console.error(sentence);
  process.exit(2);
}
