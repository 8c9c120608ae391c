import type { IndexBuilt, IndexDropped } from "../../../../models/query-facts.ts";
import type { Change } from "./advice.ts";
import type { QueryNodes } from "./query-nodes.ts";

/** What was seen when a change was made. */
export interface Done {
  /** False: everything was as wanted already. */
  changed: boolean;
  sentence: string;
}

/**
 * Makes the changes on every node that carries the service, one after the other: nodes of one machine share the file, and
 * the second finds it done. Where one fails, what was done is undone before the failure is passed on.
 */
export async function carryOut(
  nodes: QueryNodes,
  service: string,
  carriers: readonly string[],
  changes: readonly Change[],
): Promise<Done> {
  const sentences: string[] = [];
  let changed = false;
  const begun: Change[] = [];
  try {
    for (const change of changes) {
      begun.push(change);
      for (const node of carriers) {
        const done = await make(nodes, service, node, change);
        changed ||= done.changed;
        if (done.sentence !== "") sentences.push(done.sentence);
      }
    }
  } catch (error) {
    await undo(nodes, service, carriers, begun).catch(() => {});
    throw error;
  }
  return { changed, sentence: sentences.join("; ") };
}

async function make(nodes: QueryNodes, service: string, node: string, change: Change): Promise<Done> {
  switch (change.do) {
    case "create": {
      const built = await nodes.call<IndexBuilt>(node, "createIndex", { service, ...change.wish });
      const { name, made, blocked, bytes } = built;
      if (!made) return { changed: false, sentence: `${name} was there already` };
      const size = `${(bytes / 2 ** 20).toFixed(1)} MiB`;
      return { changed: true, sentence: `${name} was built, ${size}; writers waited ${blocked} ms at most` };
    }
    case "drop": {
      await nodes.call<IndexDropped>(node, "dropIndex", { service, name: change.name }).catch((error: unknown) => {
        // Another node of this machine has dropped it, or somebody else.
        if (!isNotThere(error, change.name)) throw error;
      });
      return { changed: true, sentence: `${change.name} was dropped` };
    }
    case "rewrite":
      await nodes.call(node, "useRewrite", { service, shape: change.shape, on: true });
      return { changed: true, sentence: "" };
  }
}

/** Takes changes back, the last first. What was never done, or is undone already, is passed over. */
export async function undo(
  nodes: QueryNodes,
  service: string,
  carriers: readonly string[],
  changes: readonly Change[],
): Promise<void> {
  for (const change of [...changes].reverse()) {
    for (const node of carriers) {
      if (change.do === "create") {
        await nodes.call(node, "dropIndex", { service, wish: change.wish });
      } else if (change.do === "rewrite") {
        await nodes.call(node, "useRewrite", { service, shape: change.shape, on: false }).catch(ignoreGone);
      } else if (change.origin === "advised") {
        await nodes.call(node, "createIndex", { service, ...change.wish });
      } else {
        await nodes.call(node, "restoreIndex", { service, name: change.name });
      }
    }
  }
}

const isNotThere = (error: unknown, name: string) => {
  const { type, data } = error as { type?: string; data?: { errors?: { field: string; value: unknown }[] } };
  return type === "VALIDATION_ERROR" && data?.errors?.[0]?.field === "name" && data.errors[0].value === name;
};

/** A shape that went with its node cannot be asked in any form. */
function ignoreGone(error: unknown): void {
  if ((error as { type?: string }).type !== "NOT_FOUND") throw error;
}
