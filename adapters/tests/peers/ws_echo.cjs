// An echo by `ws` alone, at the port in the environment's PORT.

const { WebSocketServer } = require("ws");

const server = new WebSocketServer({
  host: "127.0.0.1",
  port: Number(process.env.PORT),
  perMessageDeflate: false,
  maxPayload: 16 << 20,
});
server.on("connection", (client) => {
  client.on("message", (message, isBinary) => client.send(message, { binary: isBinary }));
});
