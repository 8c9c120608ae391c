/** A process on the mesh. Prints a line when it has started, and one for each message; does what messages tell it. */

import { Mesh } from "../../../runtime/mesh/mesh.ts";
import { ownIdentity } from "../../../runtime/process-identity.ts";

const [folder, id, instanceId] = process.argv.slice(2) as [string, string, string];
const mesh = new Mesh({
  folder,
  hello: { id, role: "node", instanceId, ...ownIdentity() },
  beatEvery: 20,
  hangAfter: 500,
});
mesh.on("message", (peer, message) => {
  if (message.type === "close") void mesh.close().then(() => process.exit(0));
  else if (message.type === "block") {
    const end = Date.now() + Number(message["ms"]);
    while (Date.now() < end);
  } else if (message.type === "announce") mesh.announceSilence(Number(message["ms"]));
  else if (message.type === "echo") mesh.send(peer.id, "echoed", { text: message["text"] });
});
await mesh.start();
console.log("started");
setInterval(() => {}, 1000);
