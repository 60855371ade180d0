// Node's `http2` as a client, with npm's `ws` on its streams: `http2.js ADDRESS COUNT`. It opens so many websockets
// by extended CONNECT (RFC 8441) on one connection, and gets `/` beside them. It prints how each was closed.

const assert = require("node:assert/strict");
const { randomBytes } = require("node:crypto");
const { once } = require("node:events");
const http2 = require("node:http2");
const { WebSocket } = require("ws");

const SIZES = [0, 1, 125, 126, 65535, 65536, 100 << 10, (1 << 20) + 1];

async function open(session, path) {
  const stream = session.request({
    ":method": "CONNECT",
    ":protocol": "websocket",
    ":path": path,
    "sec-websocket-version": "13",
  });
  const [headers] = await once(stream, "response");
  assert.equal(headers[":status"], 200);
  assert.equal(headers["sec-websocket-accept"], undefined);
  // It takes a stream over that somebody else has opened, as servers have them; this is a client's.
  const ws = new WebSocket(null, undefined, { closeTimeout: 30_000 });
  ws._isServer = false;
  ws.setSocket(stream, Buffer.alloc(0), { maxPayload: 0 });
  return ws;
}

async function speak(session) {
  const ws = await open(session, "/echo");
  for (const size of SIZES) {
    for (const message of [randomBytes(size), Buffer.alloc(size, "a").toString()]) {
      const answer = once(ws, "message");
      ws.send(message);
      const [data, isBinary] = await answer;
      assert.equal(isBinary, typeof message !== "string");
      assert(data.equals(Buffer.from(message)), `${size} bytes came back as ${data.length} others`);
    }
  }
  const closed = once(ws, "close");
  ws.close(4001, "c'était beau");
  const [code, reason] = await closed;
  return `${code} ${reason}`.trimEnd();
}

async function page(session) {
  const stream = session.request({ ":path": "/" });
  const [headers] = await once(stream, "response");
  let body = "";
  for await (const piece of stream.setEncoding("utf8")) body += piece;
  return `${headers[":status"]} ${body.trimEnd()}`;
}

async function main() {
  const [address, count] = process.argv.slice(2);
  const session = http2.connect(`http://${address}`, { settings: { initialWindowSize: 1 << 20 } });
  await once(session, "remoteSettings");
  assert.equal(session.remoteSettings.enableConnectProtocol, true);
  const all = Array.from({ length: Number(count) }, () => speak(session));
  for (const line of await Promise.all([page(session), ...all])) console.log(line);
  session.close();
}

main();
