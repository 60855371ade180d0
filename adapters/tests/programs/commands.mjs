// Does what its clients ask for: the query of the handshake says what onOpen does, a message what onData does.

import { setTimeout as sleep } from "node:timers/promises";

import { ClientGone, CommandRefused, Refusal, run } from "../../node/index.js";

class Commands {
  async onStart() {
    await sleep(1);
    console.log("started");
  }

  async onStop() {
    await sleep(1);
    console.log("stopped");
  }

  async onOpen(client, request) {
    switch (request.query) {
      case "greet":
        client.header("X-One", 1);
        client.header("X-Two", 2);
        await client.send("hi");
        break;
      case "refuse":
        client.header("X-One", 1);
        throw new Refusal(401, "Who are you?");
      case "fail":
        throw new Error("no luck");
      case "fail-late":
        await client.send("hi");
        throw new Error("no luck");
      case "close":
        await client.send("hi");
        console.log("before");
        await client.close(4001, "bye");
        console.log("after");
        break;
      case "broadcast":
        client.accept();
        await client.endpoint.broadcast("all hear it");
        client.endpoint.broadcastNowait("and this");
        break;
      case "subprotocol":
        client.accept("chat");
        break;
      case "late-header":
        await client.send("hi");
        try {
          client.header("X-One", 1);
        } catch {
          await client.send("too late");
        }
    }
  }

  async onData(client, message) {
    if (typeof message !== "string") return client.send(message);
    const [, command, rest] = /^(\S*) ?(.*)$/s.exec(message);
    switch (command) {
      case "echo":
        await client.send(rest);
        break;
      case "nowait":
        client.sendNowait("one");
        client.sendNowait("two");
        client.closeNowait(4000);
        break;
      case "try":
        try {
          await client.send("first");
          console.log("sent");
          await client.send("second");
        } catch (error) {
          if (error instanceof ClientGone) console.log("gone");
        }
        break;
      case "uncaught":
        await client.send("first");
        console.log("not gone");
        break;
      case "fail":
        fail();
        break;
      case "broadcast": {
        const [only, except] = rest.split(" ").map(JSON.parse);
        const tally = await client.endpoint.broadcast("news", { only, except, group: "g", key: "k", local: true });
        await client.send(JSON.stringify(tally));
        break;
      }
      case "close": {
        const [id, code, reason] = rest.split(" ");
        await client.endpoint.client(Number(id)).close(Number(code), reason);
        await client.send("it is closed");
        break;
      }
      case "inspect":
        await client.send(String((await client.inspect()).bytes_read));
        break;
      case "groups": {
        await client.join("tea");
        await client.leave("milk");
        const members = await client.endpoint.members("tea");
        const clients = await client.endpoint.clients();
        await client.send([members, clients].map((ids) => ids.join(" ")).join(", "));
        break;
      }
      case "refused":
        try {
          await client.join("tea");
        } catch (error) {
          if (error instanceof CommandRefused) await client.send(error.message);
        }
        break;
      case "key":
        await client.send(await client.send("price", { key: "k" }) ? "sent" : "superseded");
        break;
      case "later":
        setTimeout(() => client.send("later"), 5);
        break;
      case "large":
        await client.send("é".repeat(Math.floor(rest / 2)) + "x".repeat(rest % 2));
        break;
      case "mixed":
        for (const size of rest.split(" ")) client.sendNowait("x".repeat(Number(size)));
        break;
      case "environment":
        await client.send(JSON.stringify(process.env.AERYS_PROTOCOL ?? false));
        break;
      default:
        await client.send(message);
    }
  }

  async onClose(client, code, reason) {
    console.log("closed", client.id, code, reason);
    await client.close();
    client.sendNowait("to nobody");
    await client.send("to nobody");
    console.log("not reached");
  }
}

function fail() {
  throw new Error("no luck");
}

run(new Commands());
