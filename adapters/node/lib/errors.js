// What commands and handshakes fail with.

const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const CONTROL = /[\x00-\x08\x0a-\x1f\x7f]/;
const RESERVED = /^(connection|upgrade|content-length|transfer-encoding|sec-websocket-.*)$/i;

export class ClientGone extends Error {
  name = "ClientGone";
}

export class CommandRefused extends Error {
  name = "CommandRefused";
}

export class Refusal extends Error {
  name = "Refusal";

  constructor(status, reason = "", headers = {}) {
    if (!(status >= 400 && status <= 599)) {
      throw new RangeError(`a handshake is refused with a status from 400 to 599, and not with ${status}`);
    }
    super(`${status} ${reason}`.trimEnd());
    this.status = status;
    this.reason = oneLine(reason);
    this.headers = Object.entries(headers).map(([name, value]) => headerLine(name, value));
  }
}

export function headerLine(name, value) {
  if (!NAME.test(name)) throw new TypeError(`"${name}" is no name of a header`);
  if (RESERVED.test(name)) throw new TypeError(`${name} is for the server to say; a subprotocol is chosen by accept()`);
  return oneLine(`${name}: ${value}`);
}

function oneLine(text) {
  if (CONTROL.test(text)) {
    throw new TypeError("what goes into the head of a response is one line, without control characters");
  }
  return text;
}
