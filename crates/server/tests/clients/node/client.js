// npm's `ws` as a client; `foreign.rs` says what it is told and what it prints.

const assert = require("node:assert/strict");
const { randomBytes } = require("node:crypto");
const { once } = require("node:events");
const { WebSocket } = require("ws");

const SIZES = [0, 1, 125, 126, 1023, 1024, 65535, 65536, 100 << 10, (1 << 20) + 1];

class Client {
  constructor(url, compression) {
    this.ws = new WebSocket(url, { perMessageDeflate: inItsWords(compression) });
    this.ws.once("upgrade", (response) => {
      this.extensions = response.headers["sec-websocket-extensions"] ?? "";
      this.socket = response.socket;
      this.head = this.passed();
    });
    this.closed = once(this.ws, "close").then(([code, reason]) => {
      assert(this.closing, `closed with ${code} ${reason}`);
      return `${code} ${reason}`;
    });
  }

  passed() {
    return [this.socket.bytesWritten, this.socket.bytesRead];
  }

  since(before) {
    return this.passed().map((now, i) => now - before[i]);
  }

  /** Sends a text or bytes, in as many frames as there are pieces, with a ping after each. */
  async echo(...pieces) {
    const answer = once(this.ws, "message");
    pieces.forEach((piece, i) => {
      if (i > 0) this.ws.ping();
      const binary = typeof piece !== "string";
      this.ws.send(piece, { binary, fin: i === pieces.length - 1 });
    });
    const message = Buffer.concat(pieces.map((piece) => Buffer.from(piece)));
    const [data, isBinary] = await answer;
    assert.equal(isBinary, typeof pieces[0] !== "string");
    assert(data.equals(message), `${message.length} came back as ${data.length} others`);
  }

  async ping(payload) {
    // Those of fragments may still be unanswered.
    const pong = new Promise((resolve) => {
      this.ws.on("pong", (data) => data.toString() === payload && resolve());
    });
    this.ws.ping(payload);
    await pong;
  }

  async close(...how) {
    this.closing = true;
    this.ws.close(...how);
    await this.closed;
  }

  async tell(more = {}) {
    const { extensions } = this;
    const told = { ...more, extensions, passed: this.since(this.head), closed: await this.closed };
    console.log(JSON.stringify(told));
  }
}

/** `client_max_window_bits` is `clientMaxWindowBits` here, and `false` if it is not to be there. */
function inItsWords(compression) {
  if (typeof compression === "boolean") return compression;
  const word = (name) => name.replace(/_(.)/g, (_, letter) => letter.toUpperCase());
  const options = Object.entries(compression);
  return Object.fromEntries(options.map(([name, value]) => [word(name), value ?? false]));
}

/** So many bytes of words, some of which are not ASCII. */
function text(size) {
  const words = ["tide", "lamp", "été", "水", "𝄞", "of", "and"];
  let line = "";
  let length = 0;
  for (let word; (word = words[randomBytes(1)[0] % words.length]); ) {
    const more = Buffer.byteLength(word) + 1;
    if (length + more > size) return line + ".".repeat(size - length);
    line += word + " ";
    length += more;
  }
}

async function echo(client) {
  for (const size of SIZES) {
    await client.echo(text(size));
    await client.echo(Buffer.alloc(size));
    await client.echo(randomBytes(size));
  }
  await client.echo(text(40_000), "", text(7), "水", text(70_000));
  const [few, many] = [randomBytes(3), randomBytes(20_000)];
  await client.echo(Buffer.alloc(0), few, Buffer.alloc(200_000), many, Buffer.alloc(0));
  await client.ping("are you there?");
  await client.close(4001, "c'était beau");
  await client.tell();
}

async function measure(client) {
  const noise = randomBytes(6 << 10);
  const costs = [];
  for (const message of [text(100 << 10), noise, noise]) {
    const before = client.passed();
    await client.echo(message);
    costs.push(client.since(before));
  }
  await client.close(1000);
  await client.tell({ costs });
}

async function wait(client) {
  client.closing = true;
  client.ws.on("message", () => assert.fail("nothing was to come"));
  await client.tell();
}

async function sing(client, name, count) {
  const heard = [];
  const song = " la".repeat(30_000);
  const enough = new Promise((resolve) => {
    client.ws.on("message", (data) => {
      const message = data.toString();
      if (message === "sing") return client.ws.send(`${name}:${song}`);
      const [singer, sung] = message.split(":");
      assert.equal(sung, song, `${singer} is out of tune`);
      heard.push(singer);
      if (heard.length === Number(count)) resolve();
    });
  });
  await enough;
  await client.close(1000, name);
  await client.tell({ heard: heard.sort() });
}

async function main() {
  const [what, url, offers, ...more] = process.argv.slice(2);
  const task = { echo, measure, wait, sing }[what];
  for (const offer of JSON.parse(offers)) {
    const client = new Client(url, offer);
    // Whoever is to sing may be told so at once: ears first.
    if (what !== "sing") await once(client.ws, "open");
    await task(client, ...more);
  }
}

main();
