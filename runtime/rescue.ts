import { existsSync } from "node:fs";
import type { Mesh } from "./mesh/mesh.ts";
import type { Organism } from "./organism.ts";
import { spawnSpine } from "./spawn-spine.ts";

const LOOK_EVERY_MS = 1000;
/** Looks in a row that find neither of the two. */
const PATIENCE = 3;

/**
 * Spine and orchestrator keep each other alive. Where both died at once, a node that is left brings the spine back: the
 * one whose name comes first.
 */
export function rescueOrphans(mesh: Mesh, organism: Organism): void {
  let missed = 0;
  setInterval(() => {
    const abandoned = !mesh.peer("spine") && !mesh.peer("nervous-1") && existsSync(organism.runFolder);
    missed = abandoned ? missed + 1 : 0;
    if (missed < PATIENCE) return;
    missed = 0;
    const others = mesh.peers().filter(({ role, id }) => role === "node" && id < mesh.self.id);
    if (others.length === 0) spawnSpine(organism).catch(() => {});
  }, LOOK_EVERY_MS).unref();
}
