import type { BrokerOptions } from "moleculer";
import { slowCalls } from "./middlewares/slow-calls";

/** Under Azora the first four belong to Azora; all the others are used as they stand here. */
const config: BrokerOptions = {
  namespace: "bakery",
  nodeID: "bakery-1",
  logger: { type: "Console", options: { colors: true } },
  transporter: "NATS",

  metadata: { region: "eu-central" },
  serializer: "JSON",
  cacher: { type: "Memory", options: { ttl: 60 } },
  validator: true,
  requestTimeout: 5000,
  middlewares: [slowCalls(200)],
};

export default config;
