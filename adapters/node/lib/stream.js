// The stream to the server: frames out of what is read, and one write for all that has gathered.

import { Socket } from "node:net";

import { COUNTED, HEAD, readId, writeId } from "./frames.js";

// What small frames gather in, in bytes. One that is longer than a quarter of it has a buffer of its own.
const SLAB = 64 * 1024;
const LARGE = SLAB / 4;

// Who drains waits until no more than this is left, in bytes.
const LOW = 1024 * 1024;

export class Stream {
  #socket;
  #onFrame;
  #partial = [];
  #partialLength = 0;
  #wanted = HEAD;
  #slab = Buffer.allocUnsafeSlow(SLAB);
  #begin = 0;
  #end = 0;
  #isDue = false;
  #flush = () => {
    this.#isDue = false;
    this.#hand();
  };
  // Ticks have their turn when no promise has anything to do any more.
  #flushInATick = () => process.nextTick(this.#flush);
  hasEnded = false;

  constructor(onFrame, onEnd) {
    this.#onFrame = onFrame;
    this.#socket = new Socket({ fd: 0, readable: true, writable: true, allowHalfOpen: true });
    const end = () => {
      if (this.hasEnded) return;
      this.hasEnded = true;
      onEnd();
    };
    this.#socket.on("data", (chunk) => this.#read(chunk)).on("end", end).on("error", end).on("close", end);
  }

  // A frame whose payload is a byte, unless that is -1, and a text or bytes.
  write(type, endpoint, client, seq, byte, payload) {
    const isText = typeof payload === "string";
    // A text has at most three bytes for each of its units.
    const most = HEAD + 1 + payload.length * (isText ? 3 : 1);
    if (most > LARGE) {
      this.#writeLarge(type, endpoint, client, seq, byte, payload);
      return;
    }
    if (this.#end + most > SLAB) this.#hand();
    const slab = this.#slab;
    const at = this.#end;
    let end = at + HEAD;
    if (byte >= 0) slab[end++] = byte;
    if (!isText) {
      slab.set(payload, end);
      end += payload.length;
    } else if (payload !== "") {
      end += slab.utf8Write(payload, end);
    }
    writeHead(slab, at, end - at - HEAD, type, endpoint, client, seq);
    this.#end = end;
    this.#schedule();
  }

  #writeLarge(type, endpoint, client, seq, byte, payload) {
    const bytes = typeof payload === "string" ? Buffer.from(payload) : payload;
    const before = byte >= 0 ? 1 : 0;
    const head = Buffer.allocUnsafe(HEAD + before);
    if (before) head[HEAD] = byte;
    writeHead(head, 0, bytes.length + before, type, endpoint, client, seq);
    this.#hand();
    this.#socket.cork();
    this.#socket.write(head);
    this.#socket.write(bytes);
    process.nextTick(() => this.#socket.uncork());
  }

  #schedule() {
    if (this.#isDue) return;
    this.#isDue = true;
    setImmediate(this.#flush);
  }

  // Hands over what has gathered, and goes on behind it.
  #hand() {
    if (this.#end === this.#begin) return;
    if (!this.hasEnded) this.#socket.write(this.#slab.subarray(this.#begin, this.#end));
    if (SLAB - this.#end > LARGE) {
      this.#begin = this.#end;
    } else {
      this.#slab = Buffer.allocUnsafeSlow(SLAB);
      this.#begin = this.#end = 0;
    }
  }

  // Waits until the server has taken most of what it has been told.
  async drain() {
    this.#hand();
    while (this.#socket.writableLength > LOW && !this.hasEnded) {
      await new Promise((resolve) => {
        const done = () => {
          this.#socket.off("drain", done).off("close", done).off("end", done);
          resolve();
        };
        this.#socket.on("drain", done).on("close", done).on("end", done);
      });
    }
  }

  #read(chunk) {
    // What is said in answer leaves behind all that the handlers do before they have to wait.
    const isDue = this.#isDue;
    this.#isDue = true;
    this.#receive(chunk);
    if (!isDue) queueMicrotask(this.#flushInATick);
  }

  #receive(chunk) {
    if (this.#partialLength > 0) {
      this.#partial.push(chunk);
      this.#partialLength += chunk.length;
      if (this.#partialLength < this.#wanted) return;
      chunk = Buffer.concat(this.#partial, this.#partialLength);
      this.#partial = [];
      this.#partialLength = 0;
    }
    const end = chunk.length;
    let at = 0;
    this.#wanted = HEAD;
    while (end - at >= HEAD) {
      const next = at + 4 + chunk.readUInt32BE(at);
      if (next > end) {
        this.#wanted = next - at;
        break;
      }
      this.#onFrame(chunk[at + 4], chunk.readUInt16BE(at + 5), readId(chunk, at + 7), chunk.readUInt32BE(at + 15),
        chunk, at + HEAD, next);
      at = next;
    }
    if (at < end) {
      this.#partial.push(chunk.subarray(at));
      this.#partialLength = end - at;
    }
  }
}

function writeHead(buffer, at, length, type, endpoint, client, seq) {
  buffer.writeUInt32BE(COUNTED + length, at);
  buffer[at + 4] = type;
  buffer.writeUInt16BE(endpoint, at + 5);
  writeId(buffer, client, at + 7);
  buffer.writeUInt32BE(seq, at + 15);
}
