import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { Context, Service, ServiceSchema } from "moleculer";
import { systemClock } from "../../../runtime/clock.ts";
import { RUNTIME_CAPABILITY } from "../../../runtime/discovery/plan.ts";
import { replaceFile } from "../../../runtime/durable-file.ts";
import { AzoraError } from "../../../runtime/errors.ts";
import { readSettings } from "../../../runtime/settings.ts";
import { WitnessFiles } from "../../../tlog/witness-files.ts";
import { type Introduction, WitnessHost } from "../../../tlog/witness-host.ts";

type WitnessService = Service & { witness?: WitnessHost };

const ORIGIN = { type: "string", min: 1, max: 200 } as const;
const VKEY = { type: "string", min: 10, max: 4000 } as const;
/** A proof of one change of a key; 63 hashes, signatures and an entry of 60 KiB in base64 fit in. */
const BUNDLE = { type: "string", min: 1, max: 128 * 1024 } as const;

function running({ witness }: WitnessService): WitnessHost {
  if (witness) return witness;
  throw new AzoraError("SERVICE_UNAVAILABLE", "the witness is starting");
}

const schema: ServiceSchema = {
  name: "chain-witness",
  metadata: {
    launchPhase: 0,
    priority: "high",
    capabilities: [RUNTIME_CAPABILITY, "witness"],
    singleton: true,
    description: "Remembers how far the audit chain had come, and confirms only what goes on from there.",
  },
  actions: {
    vkey: {
      description: "The key that its cosignatures verify with.",
      params: { $$strict: true },
      idempotent: true,
      handler() {
        return running(this as WitnessService).vkey;
      },
    },
    introduce: {
      description: "Makes a log known, or changes of its keys that its older keys vouch for.",
      params: {
        $$strict: true,
        origin: ORIGIN,
        first: { type: "array", items: VKEY, min: 1, max: 16 },
        changes: { type: "array", items: BUNDLE, max: 1000 },
      },
      idempotent: true,
      handler(ctx: Context<Introduction>) {
        running(this as WitnessService).introduce(ctx.params);
      },
    },
    addCheckpoint: {
      description:
        "Confirms a checkpoint that goes on from the last one (C2SP tlog-witness); answers with status and body.",
      params: { $$strict: true, body: { type: "string", min: 1, max: 256 * 1024 } },
      handler(ctx: Context<{ body: string }>) {
        return running(this as WitnessService).addCheckpoint(ctx.params.body);
      },
    },
    checkpoint: {
      description: "The newest checkpoint of a log that it has confirmed.",
      params: { $$strict: true, origin: ORIGIN },
      idempotent: true,
      handler(ctx: Context<{ origin: string }>) {
        const { origin } = ctx.params;
        const checkpoint = running(this as WitnessService).checkpoint(origin);
        if (checkpoint === undefined)
          throw new AzoraError("NOT_FOUND", `no checkpoint of ${origin} was seen`, { origin });
        return checkpoint;
      },
    },
  } as ServiceSchema["actions"],
  started() {
    const { AZORA_DATA_DIR, AZORA_NAMESPACE } = readSettings();
    const newName = () => `azora.local/${AZORA_NAMESPACE}/witness-${randomBytes(4).toString("hex")}`;
    const files = new WitnessFiles(join(AZORA_DATA_DIR, "witness"), replaceFile);
    (this as WitnessService).witness = new WitnessHost(files, newName, systemClock);
  },
  stopped() {
    delete (this as WitnessService).witness;
  },
};

export default schema;
