import { existsSync } from "node:fs";
import { takeLock } from "../../runtime/lock.ts";
import { runFolderOf, spineLock } from "../../runtime/organism.ts";
import { isAlive } from "../../runtime/process-identity.ts";
import type { Settings } from "../../runtime/settings.ts";
import { killLeftovers } from "../../spine/leftovers.ts";
import { type Command, CommandError } from "../command.ts";
import { clearFormerLife, runningPeers, spineProcess, withGuest } from "../running.ts";

const WAIT_MS = 90_000;

export const down: Command = {
  name: "down",
  usage: "",
  summary: "stops everything, services first, and leaves no process behind",
  arity: [0, 0],
  async run({ settings, options, out }) {
    const since = Date.now();
    const stopped = await stopOrganism(settings, (text) => (options["json"] ? undefined : out(text)));
    if (options["json"]) out(JSON.stringify({ stopped, duration: Date.now() - since }));
    else out(stopped ? `stopped in ${((Date.now() - since) / 1000).toFixed(1)} s` : "nothing is running");
    return 0;
  },
};

/**
 * Takes the place of the spine, so that those who are still there bring no new one back meanwhile. False where one has
 * come in this moment.
 */
function isAlone(settings: Settings): boolean {
  const folder = runFolderOf(settings.AZORA_DATA_DIR);
  if (!existsSync(folder)) return true;
  try {
    return takeLock(spineLock(folder)) || spineProcess(settings) === undefined;
  } catch {
    // On a full disk no lock can be written.
    return true;
  }
}

/** Returns false if there was nothing to stop. */
export async function stopOrganism(settings: Settings, say: (text: string) => void): Promise<boolean> {
  const spine = spineProcess(settings);
  if (!spine) {
    if (!isAlone(settings)) return stopOrganism(settings, say);
    // Without a spine nobody can be asked: whatever lives is ended from here.
    const peers = await runningPeers(settings);
    const ended = await killLeftovers(settings.AZORA_DATA_DIR, peers, say);
    if (existsSync(runFolderOf(settings.AZORA_DATA_DIR))) clearFormerLife(settings);
    return ended > 0;
  }
  const sent = await withGuest(settings, async (mesh) => mesh.send("spine", "down"));
  if (!sent) process.kill(spine.pid, "SIGTERM");
  const end = Date.now() + WAIT_MS;
  while (isAlive(spine)) {
    if (Date.now() > end)
      throw new CommandError(
        `the spine (pid ${spine.pid}) has not ended within ${WAIT_MS / 1000} s; see logs/spine.log`,
      );
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return true;
}
