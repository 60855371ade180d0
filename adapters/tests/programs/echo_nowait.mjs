// Says to each client what it has said, and waits for nobody.

import { run } from "../../node/index.js";

run({
  onData(client, message) {
    client.sendNowait(message);
  },
});
