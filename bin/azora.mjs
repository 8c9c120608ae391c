#!/usr/bin/env node
/**
 * Finds a Node that can run Azora, and runs it. Plain JavaScript, because an old Node must be able to read it.
 * As process 1 of a container it makes way for a shell that reaps the orphans of the whole organism.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import module, { createRequire } from "node:module";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const NEEDED = 24;
const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const source = join(root, "cli", "main.ts");
// The package holds JavaScript, because Node strips no types below node_modules.
const own = (path) => (existsSync(source) ? join(root, `${path}.ts`) : join(root, "dist", `${path}.js`));
const entry = own("cli/main");
// As in every process of the organism: see there.
const preload = pathToFileURL(own("runtime/young-generation")).href;
const args = ["--disable-warning=ExperimentalWarning", `--import=${preload}`, entry, ...process.argv.slice(2)];

// Forwards signals, waits for the program, and collects every process that is handed to process 1.
const REAPER = `trap 'kill -TERM $child' TERM INT; trap 'kill -HUP $child' HUP; "$@" & child=$!; while :; do wait $child; code=$?; kill -0 $child 2>/dev/null || exit $code; done`;

const node = fittingNode();
if (!node) {
  console.error(
    `azora needs Node ${NEEDED} or newer, and this is ${process.version}. Install it; or, where npm has not run the install script of its "node" package: npm install-scripts approve node && npm rebuild node`,
  );
  process.exit(1);
}
useCompileCache();
if (process.pid === 1 && process.execve)
  process.execve("/bin/sh", ["sh", "-c", REAPER, "azora", node, ...args], process.env);
if (node === process.execPath) {
  await import(preload);
  await import(entry);
} else runWith(node);

/**
 * Compiled code is kept between starts, in the user's cache folder: a node then starts in a third of the time and with
 * 30 MB less. Every process of the organism inherits the variable; where the folder cannot be made, nothing is kept.
 */
function useCompileCache() {
  if (process.env.NODE_COMPILE_CACHE || process.env.NODE_DISABLE_COMPILE_CACHE) return;
  const folder = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "azora", "compile");
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch {
    return;
  }
  process.env.NODE_COMPILE_CACHE = folder;
  if (node === process.execPath) module.enableCompileCache(folder);
}

function fittingNode() {
  if (Number(process.versions.node.split(".")[0]) >= NEEDED) return process.execPath;
  const require = createRequire(import.meta.url);
  try {
    const program = join(dirname(require.resolve("node/package.json")), "bin", "node");
    if (existsSync(program)) return program;
  } catch {
    // not installed
  }
  return undefined;
}

function runWith(program) {
  const child = spawn(program, args, { stdio: "inherit" });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("error", (error) => {
    console.error(`azora cannot start ${program}: ${error.message}`);
    process.exit(1);
  });
  child.on("exit", (code, signal) => process.exit(signal ? 1 : (code ?? 1)));
}
