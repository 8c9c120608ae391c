import { statfsSync } from "node:fs";
import type { ChainHost } from "./chain-host.ts";
import { prunedBefore } from "./pruning.ts";

/** Figures of the chain. Sizes are numbers of entries, times ms. */
export function statsOf(host: ChainHost) {
  const { chain, witnessing } = host;
  const { log, index, keys } = chain;
  const { bavail, bsize } = statfsSync(chain.folder);
  return {
    origin: keys.origin,
    epoch: log.epoch,
    entries: log.size,
    blocks: log.height,
    queued: log.queued,
    integrated: log.progress.size("integrated"),
    checkpointed: log.progress.size("checkpointed"),
    witnessed: log.progress.size("witnessed"),
    checkpointLag: log.checkpointLag,
    refused: log.refused,
    prunedBefore: prunedBefore(log.reader.folder, log.reader.size),
    recovered: log.recovered,
    index: { position: index.position, bytes: chain.indexBytes, rebuilds: index.rebuilds, failure: index.failure },
    witnesses: witnessing.states,
    keys: keys.keys
      .filter(({ retiredAt, revokedAt }) => retiredAt === undefined && revokedAt === undefined)
      .map(({ vkey }) => vkey),
    diskFree: bavail * bsize,
    alarms: [...host.alarms].map(([code, why]) => ({ code, why })),
  };
}

/** A chain that cannot write is degraded, not unhealthy: to restart it would help nobody, and its record can be read. */
export function healthOf(host: ChainHost) {
  if (host.failure) {
    return { status: "degraded", checks: { log: { status: "unhealthy", why: host.failure.message } } };
  }
  const { log, index } = host.chain;
  const wrong = (code: string) => host.alarms.get(code);
  const check = (why: string | undefined, well: object) =>
    why === undefined ? { status: "healthy", ...well } : { status: "unhealthy", why, ...well };
  const checks = {
    log: check(wrong("CHAIN_UNAVAILABLE") ?? wrong("CHAIN_ROLLED_BACK"), {
      entries: log.size,
      blocks: log.height,
      queued: log.queued,
    }),
    checkpoint: check(wrong("CHAIN_UNAVAILABLE"), { size: log.progress.size("checkpointed"), lag: log.checkpointLag }),
    witnesses: check(wrong("CHAIN_UNWITNESSED"), { size: log.progress.size("witnessed") }),
    index: check(index.failure, { position: index.position }),
  };
  const well = Object.values(checks).every(({ status }) => status === "healthy");
  return { status: well ? "healthy" : "degraded", checks };
}
