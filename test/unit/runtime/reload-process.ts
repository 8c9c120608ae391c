/** Loads a service, changes files, loads it again, and prints what both loads exported. Runs without Jest's own modules. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Service } from "moleculer";
import { importService, installModuleHooks } from "../../../runtime/module-hooks.ts";

const [ending, foreign, files, change] = process.argv.slice(2) as [string, string, string, string];
(globalThis as { MoleculerService?: unknown }).MoleculerService = Service;
const root = mkdtempSync(join(tmpdir(), "azora-reload-"));
const write = (contents: Record<string, string>) => {
  for (const [name, text] of Object.entries(contents)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text);
  }
};

installModuleHooks({ root, foreign: foreign === "true" });
write(JSON.parse(files));
const service = join(root, `service.${ending}`);
const first = await importService(service, 0, root);
write(JSON.parse(change));
const second = await importService(service, 1, root);
rmSync(root, { recursive: true });
console.log(JSON.stringify([first, second]));
