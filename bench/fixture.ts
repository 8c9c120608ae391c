import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const ORGANS = ["heart", "lungs", "brain", "stomach", "muscles", "immune", "nervous"];

/** Writes `count` small services spread over the seven organs, in phases and with dependencies, as real ones have. */
export function writeServices(folder: string, count: number): string[] {
  writeFileSync(ensure(join(folder, "package.json")), JSON.stringify({ name: "bench", private: true, type: "module" }));
  return Array.from({ length: count }, (_, i) => {
    const organ = ORGANS[i % ORGANS.length]!;
    const phase = 1 + Math.floor((i / count) * 6);
    const dependency = i >= ORGANS.length ? `"bench-${i - ORGANS.length}"` : "";
    const file = join(folder, "services", organ, `bench-${i}.service.js`);
    writeFileSync(
      ensure(file),
      `export default {
  name: "bench-${i}",
  metadata: { launchPhase: ${phase} },
  dependencies: [${dependency}],
  actions: {
    echo: { idempotent: true, handler: (ctx) => ctx.params },
    health: () => ({ status: "healthy", checks: {} }),
  },
  async started() {
    await new Promise((resolve) => setTimeout(resolve, 5));
  },
};
`,
    );
    return file;
  });
}

/** A service on every organ that notes when it saw a node go. */
export function writeProbes(folder: string): void {
  writeFileSync(ensure(join(folder, "package.json")), JSON.stringify({ name: "bench", private: true, type: "module" }));
  for (const organ of ORGANS) {
    writeFileSync(
      ensure(join(folder, "services", organ, `probe-${organ}.service.js`)),
      `const seen = [];
export default {
  name: "probe-${organ}",
  actions: { seen: () => seen, echo: { idempotent: true, handler: (ctx) => ctx.params } },
  created() {
    this.broker.localBus.on("$node.disconnected", ({ node }) => seen.push({ node: node.id, at: Date.now() }));
  },
};
`,
    );
  }
}

function ensure(path: string): string {
  mkdirSync(join(path, ".."), { recursive: true });
  return path;
}
