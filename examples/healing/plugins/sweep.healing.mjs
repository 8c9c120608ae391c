/** A healing action of one's own: makes room by removing old files from a folder. */
import { readdirSync, rmSync, statfsSync, statSync } from "node:fs";
import { join } from "node:path";

const HOUR_MS = 3_600_000;

function oldFiles({ folder, olderThanHours = 24 }) {
  const limit = Date.now() - olderThanHours * HOUR_MS;
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(folder, entry.name))
    .filter((file) => statSync(file).mtimeMs < limit);
}

export default {
  type: "sweep",
  description: "Removes files of a folder that are older than a day. folder; olderThanHours (24).",
  params: {
    folder: "string|min:1",
    olderThanHours: { type: "number", min: 0, optional: true },
  },
  timeout: 10_000,
  cooldown: 60_000,
  observe({ parameters }) {
    const { bavail, bsize } = statfsSync(parameters.folder);
    return `${oldFiles(parameters).length} old files, ${Math.round((bavail * bsize) / 2 ** 20)} MB free`;
  },
  run({ parameters, logger }) {
    const files = oldFiles(parameters);
    for (const file of files) rmSync(file);
    logger.info(`removed ${files.length} files from ${parameters.folder}`);
    const left = oldFiles(parameters).length;
    return {
      success: left === 0,
      reason: left === 0 ? `${files.length} files were removed` : `${left} files are left`,
    };
  },
};
