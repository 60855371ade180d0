// A WebSocket that comes back: backoff with jitter, and a fresh try when there is reason to.

const BACKOFF_START = 500;
const BACKOFF_CAP = 15_000;
const BACKOFF_FLOOR = 250;
const STABLE_AFTER = 5_000;
const CONNECT_TIMEOUT = 10_000;

// Keeps one socket to `url`, and later to what it is restarted with, open for as long as the page lives.
// Calls `onState("connecting" | "connected" | "lost", retryAt?)` and `onMessage(data)`.
export function keepConnected(url, { onState, onMessage }) {
  let socket, timer;
  let attempt = 0;
  let waiting = false;

  // Each phase needs exactly one timer: give up connecting, call it stable, try again.
  function after(delay, action) {
    clearTimeout(timer);
    timer = setTimeout(action, delay);
  }

  function open() {
    waiting = false;
    const opening = socket = new WebSocket(url);
    opening.onopen = () => {
      // Starting over only after a while: a server that accepts and drops at once must not be hammered.
      after(STABLE_AFTER, () => { attempt = 0; });
      onState("connected");
    };
    opening.onmessage = (event) => onMessage(event.data);
    opening.onclose = retryLater;
    after(CONNECT_TIMEOUT, () => opening.close());
    onState(attempt === 0 ? "connecting" : "lost");
  }

  // Full jitter spreads out a crowd that lost the server at the same moment.
  function retryLater() {
    const ceiling = Math.min(BACKOFF_CAP, BACKOFF_START * 2 ** attempt);
    const delay = Math.max(BACKOFF_FLOOR, Math.random() * ceiling);
    attempt += 1;
    waiting = true;
    after(delay, open);
    onState("lost", Date.now() + delay);
  }

  function restart(other = url) {
    url = other;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
    attempt = 0;
    open();
  }

  open();
  return {
    send: (message) => socket.send(JSON.stringify(message)),
    retryNow: () => { if (waiting) open(); },
    restart,
  };
}
