import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { TILE_WIDTH, tilePath } from "../../../../tlog/tiles.ts";

/**
 * Paths that go beyond a checkpoint: a crash may have left them, unfinished. A partial file among them would stay for
 * ever where the log goes on in larger steps, and look like one that an earlier checkpoint covered.
 */
export function leftoversOf(folder: string, size: number, blocks: number): string[] {
  const found = [...beyond(folder, "entries", size), ...beyond(folder, "block", blocks)];
  for (
    let level = 0, count = size;
    level === 0 || count > 0 || existsSync(join(folder, "tile", String(level)));
    level++
  ) {
    found.push(...beyond(folder, level, count));
    count = Math.floor(count / TILE_WIDTH);
  }
  return found;
}

function beyond(folder: string, level: number | "entries" | "block", count: number): string[] {
  const current = Math.floor(count / TILE_WIDTH);
  const found = partials(folder, tilePath(level, current))
    .filter((width) => width > count % TILE_WIDTH)
    .map((width) => tilePath(level, current, width));
  for (let index = current; ; index++) {
    const path = tilePath(level, index);
    const left = [path, ...(index > current ? [`${path}.p`] : [])].filter((one) => existsSync(join(folder, one)));
    found.push(...left);
    if (index > current && left.length === 0) return found;
  }
}

function partials(folder: string, path: string): number[] {
  try {
    return readdirSync(join(folder, `${path}.p`)).map(Number);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
