// A clock for each client, which "stop" stops and "start" starts. It ends with its client.

import { setInterval } from "node:timers/promises";

import { run } from "../index.js";

class Clock {
  onOpen(client) {
    this.#start(client);
  }

  onData(client, message) {
    if (message === "stop") client.state.isStopped = true;
    else if (message === "start") this.#start(client);
    else return client.send("say stop or start");
  }

  #start(client) {
    if (client.state?.isStopped === false) return;
    const clock = { isStopped: false };
    client.state = clock;
    tick(client, clock).catch((error) => {
      // The client has gone.
      if (error.name !== "AbortError") throw error;
    });
  }
}

async function tick(client, clock) {
  await client.send(now());
  for await (const _ of setInterval(1000, undefined, { signal: client.signal })) {
    if (clock.isStopped) return;
    await client.send(now());
  }
}

const now = () => new Date().toTimeString().slice(0, 8);

run(new Clock());
