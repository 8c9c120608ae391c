import { parseVkey } from "../../tlog/keys.ts";
import { verifyBundle } from "../../tlog/proof-bundle.ts";
import { AzoraBlockchainLogger } from "../blockchain-logger.ts";
import { type Check, expect } from "./check.ts";

/** Entries that are computed anew, the newest ones: of a long log all would take their time. */
const RECOMPUTED = 2000;

export const chain: Check = {
  name: "chain",
  about: "an entry is signed, its proof holds without the organism, and the newest entries are as they were written",
  async run(world) {
    const logger = new AzoraBlockchainLogger(world.link);
    await logger.initialize();
    try {
      const options = { waitFor: "checkpointed", idempotencyKey: world.run } as const;
      const id = await logger.logEvent("self-test.checked", { run: world.run }, options);
      const { bundle } = await world.api<{ bundle: string }>(`/api/chain/entries/${encodeURIComponent(id)}/proof`);
      const { keys } = await world.api<{ keys: { vkey: string }[] }>("/api/chain/keys");
      const { entry, checkpoint } = verifyBundle(
        bundle,
        keys.map(({ vkey }) => parseVkey(vkey)),
      );
      expect(entry.id === id, `its proof is about the entry ${entry.id}, not ${id}`);
      const { size } = checkpoint;
      const { isValid, problems } = await logger.validateBlockchain({ from: Math.max(0, size - RECOMPUTED), to: size });
      const [problem] = problems;
      expect(isValid, `the chain is not valid: ${problem?.where}: ${problem?.why}`);
      const { alarms } = await logger.getBlockchainStats();
      expect(alarms.length === 0, alarms.map(({ why }) => why).join("; "));
      const recomputed = Math.min(size, RECOMPUTED);
      return `entry ${entry.index} is proven against a checkpoint of ${size}; the newest ${recomputed} are valid`;
    } finally {
      await logger.shutdown();
    }
  },
};
