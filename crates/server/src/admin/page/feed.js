// The websocket that feeds the page, which comes back by itself.

import { ask } from "./token.js";

const BACKOFF_START = 500;
const BACKOFF_CAP = 10_000;
const CONNECT_TIMEOUT = 10_000;

// What a token is made of: nothing else can be said in a handshake.
const TOKEN = /^[A-Za-z0-9._~+-]+$/;

// Keeps one open, until the token is refused or `close` is called. Calls `onMessage(object)`, and
// `onState("connecting" | "connected" | "lost" | "refused", retryAt?)`.
export function follow(token, { onState, onMessage }) {
  let socket, timer;
  let attempt = 0;
  let ended = false;

  function after(delay, action) {
    clearTimeout(timer);
    timer = setTimeout(action, delay);
  }

  function open() {
    if (ended) return;
    onState(attempt === 0 ? "connecting" : "lost");
    const opening = socket = new WebSocket(`${location.origin.replace("http", "ws")}/feed`, ["aerys.admin", "bearer", token]);
    opening.onopen = () => {
      clearTimeout(timer);
      attempt = 0;
      onState("connected");
    };
    opening.onmessage = (event) => onMessage(JSON.parse(event.data));
    opening.onclose = lost;
    after(CONNECT_TIMEOUT, () => opening.close());
  }

  // A browser does not tell a page why a websocket was not opened; an ordinary request does.
  async function lost() {
    clearTimeout(timer);
    if (ended) return;
    let status = 0;
    try {
      ({ status } = await ask("GET", "status"));
    } catch {
      // Nobody answers.
    }
    if (ended) return;
    if (status === 401) {
      end();
      onState("refused");
      return;
    }
    const delay = Math.min(BACKOFF_CAP, BACKOFF_START * 2 ** attempt) * (0.5 + Math.random() / 2);
    attempt += 1;
    after(delay, open);
    onState("lost", Date.now() + delay);
  }

  function end() {
    ended = true;
    clearTimeout(timer);
    if (socket) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
    }
  }

  if (TOKEN.test(token)) open();
  else queueMicrotask(() => onState("refused"));
  return { retryNow: () => after(0, open), close: end };
}
