import { appendFileSync, existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { lockHolder } from "../runtime/lock.ts";
import { Mesh, type PeerHello } from "../runtime/mesh/mesh.ts";
import { runFolderOf, spineLock } from "../runtime/organism.ts";
import { ownIdentity, type ProcessIdentity } from "../runtime/process-identity.ts";
import type { Settings } from "../runtime/settings.ts";

/** Processes of this organism that are there: the spine and the nodes. */
export async function runningPeers(settings: Settings): Promise<PeerHello[]> {
  const folder = runFolderOf(settings.AZORA_DATA_DIR);
  if (!existsSync(folder)) return [];
  return withGuest(settings, async (mesh) => mesh.peers().filter(({ role }) => role !== "guest"));
}

/** Joins the mesh for a moment, as a guest. */
export async function withGuest<T>(settings: Settings, use: (mesh: Mesh) => Promise<T>): Promise<T> {
  const id = `cli-${process.pid}`;
  const mesh = new Mesh({
    folder: runFolderOf(settings.AZORA_DATA_DIR),
    hello: { id, role: "guest", instanceId: id, ...ownIdentity() },
  });
  await mesh.start();
  try {
    return await use(mesh);
  } finally {
    await mesh.close();
  }
}

/** The process that holds the spine's lock, if it lives. */
export function spineProcess(settings: Settings): ProcessIdentity | undefined {
  return lockHolder(spineLock(runFolderOf(settings.AZORA_DATA_DIR)));
}

/**
 * Nothing of a former life runs: what it left in the run folder goes, and the journal says that it ended.
 * @param otherProject what was wanted of the former project (numbers of nodes) is void
 */
export function clearFormerLife(settings: Settings, otherProject = false): void {
  rmSync(runFolderOf(settings.AZORA_DATA_DIR), { recursive: true, force: true });
  const journal = join(settings.AZORA_DATA_DIR, "orchestrator", "journal.ndjson");
  mkdirSync(join(journal, ".."), { recursive: true });
  appendFileSync(journal, `\n${JSON.stringify({ type: "down", otherProject, at: new Date().toISOString() })}\n`);
}
