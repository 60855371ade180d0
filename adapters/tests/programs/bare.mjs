// Writes back what it reads: the least that an echo between two processes can be.

import { Socket } from "node:net";

const stream = new Socket({ fd: 0 });
stream.on("data", (read) => stream.write(read));
