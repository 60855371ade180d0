// The chat that the page of the `aerys` binary speaks to: a room for each name, and the lobby. It is mounted at
// `/chat` and at `/chat/{room}`.

import { Refusal, run } from "../index.js";

const LOBBY = "lobby";
const MAX_NAME = 32;
const MAX_TEXT = 2000;
const MAX_LISTED = 50;

// How long the list of rooms waits for more to change, in milliseconds.
const LIST_PERIOD = 250;

// Why a client's request is not granted, in words for whoever sits there.
class Complaint extends Error {}

class Chat {
  #endpoints = [];
  // Names by ids, for each room that somebody is in.
  #people = new Map();
  #listDue;

  onStart(endpoint) {
    this.#endpoints.push(endpoint);
  }

  onOpen(client, request) {
    const room = checked(request.param("room") ?? LOBBY);
    if (room === undefined) {
      throw new Refusal(404, "A room's name has 1 to 32 characters, none of them a control character.");
    }
    client.state = { room, name: undefined };
  }

  onData(client, message) {
    try {
      this.#handle(client, parse(message));
    } catch (error) {
      if (!(error instanceof Complaint)) throw error;
      client.sendNowait(reply("error", { text: error.message }));
    }
  }

  onClose(client) {
    const { room, name } = client.state;
    const people = this.#people.get(room);
    if (!people?.delete(client.id)) return;
    if (people.size === 0) this.#people.delete(room);
    this.#tell(room, reply("left", { id: client.id, name, count: people.size }));
    this.#listSoon();
  }

  #handle(client, request) {
    if (request?.type === "join" && typeof request.name === "string") this.#join(client, request.name);
    else if (request?.type === "say" && typeof request.text === "string") this.#say(client, request.text);
    else throw new Complaint("This is no request: it neither joins nor says.");
  }

  #join(client, given) {
    const { state, id } = client;
    if (state.name !== undefined) throw new Complaint(`You have joined already, as ${state.name}.`);
    const name = checked(given);
    if (name === undefined) throw new Complaint("A name has 1 to 32 characters, none of them a control character.");
    state.name = name;
    if (!this.#people.has(state.room)) this.#people.set(state.room, new Map());
    const people = this.#people.get(state.room).set(id, name);
    const about = { id, name, count: people.size };
    client.joinNowait(state.room);
    client.sendNowait(reply("welcome", { ...about, people: [...people.values()] }));
    client.sendNowait(this.#list(), { key: "rooms" });
    this.#tell(state.room, reply("joined", about), [id]);
    this.#listSoon();
  }

  #say({ id, state: { room, name } }, given) {
    if (name === undefined) throw new Complaint("Join with a name before you say something.");
    const text = given.trimEnd();
    if (!hasLength(text, MAX_TEXT)) throw new Complaint("A message has 1 to 2000 characters.");
    const said = reply("said", { id, name, text, at: Date.now() });
    for (const endpoint of this.#endpoints) endpoint.broadcastNowait(said, { group: room });
  }

  // Tells the list of rooms to everybody who is in one, a moment after it has changed.
  #listSoon() {
    this.#listDue ??= setTimeout(() => {
      this.#listDue = undefined;
      const list = this.#list();
      for (const group of this.#people.keys()) {
        for (const endpoint of this.#endpoints) endpoint.broadcastNowait(list, { group, key: "rooms", local: true });
      }
    }, LIST_PERIOD);
  }

  // The lobby, and the largest rooms.
  #list() {
    const counts = [...this.#people].map(([name, people]) => ({ name, count: people.size }));
    const others = counts.filter(({ name }) => name !== LOBBY)
      .sort((a, b) => b.count - a.count || (a.name < b.name ? -1 : 1));
    const lobby = { name: LOBBY, count: this.#people.get(LOBBY)?.size ?? 0 };
    return reply("rooms", { rooms: [lobby, ...others.slice(0, MAX_LISTED - 1)] });
  }

  #tell(group, news, except) {
    for (const endpoint of this.#endpoints) endpoint.broadcastNowait(news, { group, except, local: true });
  }
}

function parse(json) {
  try {
    return JSON.parse(json);
  } catch (error) {
    throw new Complaint(`This is no request: ${error.message}.`);
  }
}

const hasLength = (text, most) => text !== "" && text.isWellFormed() && [...text].length <= most;

// The name without the blanks around it, if it is one.
function checked(name) {
  const trimmed = name.trim();
  return hasLength(trimmed, MAX_NAME) && !/\p{Cc}/u.test(trimmed) ? trimmed : undefined;
}

const reply = (type, about) => JSON.stringify({ type, ...about });

run(new Chat());
