import type { Context } from "moleculer";
import { RUNTIME_CAPABILITY } from "../../../runtime/discovery/plan.ts";
import { readSettings } from "../../../runtime/settings.ts";
import { capturing } from "./actions/capturing.ts";
import type { ChainSchema } from "./actions/chain-service.ts";
import { giving } from "./actions/giving.ts";
import { keeping } from "./actions/keeping.ts";
import { reading } from "./actions/reading.ts";
import { writing } from "./actions/writing.ts";
import { CaptureSwitch } from "./capture-switch.ts";
import { ChainHost } from "./chain-host.ts";
import { REST_BASE, withRoutes } from "./rest.ts";

const schema: ChainSchema = {
  name: "blockchain-logger",
  metadata: {
    launchPhase: 0,
    priority: "critical",
    capabilities: [RUNTIME_CAPABILITY, "audit"],
    softDependencies: ["chain-witness"],
    singleton: true,
    description: "Keeps a record of everything that happens, which nobody can alter unseen.",
  },
  settings: { rest: REST_BASE },
  actions: withRoutes({ ...writing, ...reading, ...keeping, ...giving, ...capturing }),
  events: {
    "organism.node"(ctx: Context<{ id: string; status: string; at?: string }>) {
      const { id, status, at } = ctx.params;
      if (status === "down") this.host.nodeDown(id, undefined, at ? Date.parse(at) : Date.now());
    },
    "$node.disconnected"(ctx: Context<{ node: { id: string; instanceID?: string } }>) {
      const { id, instanceID } = ctx.params.node;
      this.host.nodeDown(id, instanceID, Date.now());
    },
  },
  created() {
    const settings = readSettings();
    this.host = new ChainHost(this.broker, this.logger, settings);
    this.capture = new CaptureSwitch(this.broker, settings);
  },
  async started() {
    await this.host.start();
  },
  async stopped() {
    await this.host.stop();
  },
};

export default schema;
