// Websocket applications, served by aerys.
//
//     import { run } from "aerys";
//     run({ onData: (client, message) => client.send(message) });
//
// The server starts such a program: `aerys run node echo.mjs`.

export { Client, Endpoint } from "./lib/client.js";
export { ClientGone, CommandRefused, Refusal } from "./lib/errors.js";
export { run } from "./lib/process.js";
export { Request } from "./lib/request.js";
