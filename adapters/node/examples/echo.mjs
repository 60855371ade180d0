// Says to each client what it has said.

import { run } from "../index.js";

run({
  async onData(client, message) {
    await client.send(message);
  },
});
