import { sayEntry } from "../../../tlog/incident/words.ts";
import { ApiClient } from "../../api-client.ts";
import { type Command, UsageError } from "../../command.ts";
import { paint } from "../../paint.ts";
import type { ShownEntry } from "./entries.ts";

interface ShownBlock {
  height: number;
  hash: string;
  previousHash: string;
  merkleRoot: string;
  entryCount: number;
  firstIndex: number;
  lastIndex: number;
  treeSize: number;
  treeRoot: string;
  timestamp: string;
  validator: string;
  signatures: { name: string; keyId: string }[];
}

export const show: Command = {
  name: "show",
  usage: "<entry id|entry number> | block <height>",
  summary: "shows one entry or one block, with all that is known of it",
  arity: [1, 2],
  async run({ settings, args, options, out }) {
    const client = new ApiClient(settings);
    const [first, second] = args as [string, string?];
    if (second !== undefined) {
      if (first !== "block" || !/^\d+$/.test(second)) throw new UsageError(`usage: azora chain show ${show.usage}`);
      const block = await client.get<ShownBlock>(`/api/chain/blocks/${second}`);
      out(options["json"] ? JSON.stringify(block) : blockText(block));
      return 0;
    }
    if (!/^(\d{1,16}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$/.test(first))
      throw new UsageError(`"${first}" is neither the number of an entry nor its id`);
    const entry = await client.get<ShownEntry>(`/api/chain/entries/${entryPath(first)}`);
    out(options["json"] ? JSON.stringify(entry) : entryText(entry));
    return 0;
  },
};

/** Below `/api/chain/entries/`: ids and numbers have paths of their own. */
export function entryPath(idOrNumber: string): string {
  return /^\d{1,16}$/.test(idOrNumber) ? `at/${idOrNumber}` : encodeURIComponent(idOrNumber);
}

function entryText(entry: ShownEntry): string {
  const { index, id, timestamp, eventType, actor, subject, validator, hash, previousHash, blockHeight, state } = entry;
  const personal = entry.personal === "erased" ? "erased: the key that opens it was destroyed" : entry.personal;
  const rows: [string, string | undefined][] = [
    ["id", id],
    ["time", timestamp],
    ["type", eventType],
    ["by", actor],
    ["about", subject],
    ["personal", personal],
    ["written by", validator],
    ["block", blockHeight === undefined ? "not sealed yet" : String(blockHeight)],
    ["state", state],
    ["hash", hash],
    ["previous", previousHash],
  ];
  const data = JSON.stringify(entry.data, null, 2);
  return `${paint("bold", `entry ${index}`)}  ${entry.personal === "erased" ? eventType : sayEntry(entry)}\n${lines(rows)}\n  data\n${indented(data)}`;
}

function blockText(block: ShownBlock): string {
  const { height, hash, previousHash, merkleRoot, entryCount, firstIndex, lastIndex, treeSize, treeRoot } = block;
  const signed = block.signatures.map(({ name, keyId }) => `${name}+${keyId}`).join(", ");
  const rows: [string, string | undefined][] = [
    ["entries", `${entryCount}, from ${firstIndex} to ${lastIndex}`],
    ["time", block.timestamp],
    ["written by", block.validator],
    ["hash", hash],
    ["previous", previousHash],
    ["root", `${merkleRoot} of its entries`],
    ["tree", `${treeRoot} of all ${treeSize}`],
    ["signed by", signed || "nobody yet"],
  ];
  return `${paint("bold", `block ${height}`)}\n${lines(rows)}`;
}

function lines(rows: [string, string | undefined][]): string {
  const shown = rows.filter(([, value]) => value !== undefined);
  const width = Math.max(...shown.map(([name]) => name.length));
  return shown.map(([name, value]) => `  ${paint("dim", name.padEnd(width))}  ${value}`).join("\n");
}

function indented(text: string): string {
  return text.replace(/^/gm, "    ");
}
