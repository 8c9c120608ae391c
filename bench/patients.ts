import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** Services that fall ill, by the process that carries them: `who` tells which life of its process answers. */
export const PATIENTS = {
  heart: ["vault-0", "vault-1", "vault-2", "vault-3", "vault-4"],
  lungs: ["asker"],
  muscles: ["leaky", "neighbour"],
} as const;
export type Organ = keyof typeof PATIENTS;
export const ORGANS = Object.keys(PATIENTS) as Organ[];

/** The leak takes so much a second, MB. */
export const LEAK_RATE_MB = 20;
/** Heap limit of every process, MB. */
export const HEAP_LIMIT_MB = 160;

const EXTRA: Record<string, string> = {
  asker: `    ask: { idempotent: true, handler: (ctx) => ctx.call("vault-0.who") },`,
  leaky: `    leak: () => {
      const kept = [];
      setInterval(() => kept.push(new Array(131072).fill(kept.length)), ${1000 / LEAK_RATE_MB});
    },`,
};

/** Writes them as a project that Azora runs as it is. Returns each process's files. */
export function writePatients(folder: string): Record<Organ, string[]> {
  write(join(folder, "package.json"), JSON.stringify({ name: "patients", private: true, type: "module" }));
  const files = ORGANS.map((organ) => [
    organ,
    PATIENTS[organ].map((name) => {
      const file = join(folder, "services", organ, `${name}.service.js`);
      return write(
        file,
        `export default {
  name: "${name}",
  dependencies: [${name === "asker" ? '"vault-0"' : ""}],
  actions: {
    who: { idempotent: true, handler: () => process.pid },
    health: () => ({ status: "healthy", checks: {} }),
${EXTRA[name] ?? ""}
  },
};
`,
      );
    }),
  ]);
  return Object.fromEntries(files);
}

function write(path: string, text: string): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return path;
}
