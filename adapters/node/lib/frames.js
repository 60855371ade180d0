// Frames, as the protocol has them on the stream.

export const VERSION = 1;

export const [HELLO, START, READY, PING, PONG, STOP] = [1, 2, 3, 4, 5, 6];
export const [OPEN, DATA, CLOSED, RESULT] = [16, 17, 18, 19];
export const [DONE, HEADER, REFUSE, ACCEPT, SEND, BROADCAST, CLOSE, INSPECT, JOIN, LEAVE, GROUP, CLIENTS] =
  [32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43];

export const [IS_TEXT, HAS_GROUP, HAS_KEY, HAS_ONLY, HAS_EXCEPT, IS_LOCAL] = [1, 2, 4, 8, 16, 32];
export const [IS_DONE, IS_GONE, IS_REFUSED, IS_SUPERSEDED] = [0, 1, 2, 3];
export const [HANDLED, FAILED] = [0, 1];

// Length, type, endpoint, client, seq. The length counts what comes after it.
export const HEAD = 19;
export const COUNTED = 15;

const HIGH = 2 ** 32;

export const readId = (buffer, at) => buffer.readUInt32BE(at) * HIGH + buffer.readUInt32BE(at + 4);

export function writeId(buffer, id, at) {
  const high = Math.floor(id / HIGH);
  buffer.writeUInt32BE(high, at);
  buffer.writeUInt32BE(id - high * HIGH, at + 4);
}

// A text that is not the last of a payload.
export function packText(text) {
  const bytes = Buffer.from(text);
  if (bytes.length > 0xffff) throw new RangeError("the name of a group, and a key, have at most 65535 bytes");
  const length = Buffer.allocUnsafe(2);
  length.writeUInt16BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

export function packIds(ids) {
  const all = [...ids];
  const bytes = Buffer.allocUnsafe(4 + 8 * all.length);
  bytes.writeUInt32BE(all.length, 0);
  all.forEach((id, index) => writeId(bytes, id, 4 + 8 * index));
  return bytes;
}
