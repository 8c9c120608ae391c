import type { BlockchainStats } from "../../../sdk/blockchain-logger.ts";
import { ApiClient } from "../../api-client.ts";
import type { Command } from "../../command.ts";
import { paint } from "../../paint.ts";
import { grouped, megabytes } from "./sizes.ts";

interface Stats extends BlockchainStats {
  prunedBefore: number;
  index: { position: number; bytes: number };
  diskFree: number;
}

export const stats: Command = {
  name: "stats",
  usage: "",
  summary: "shows how much there is, how far it has come, and what is wrong",
  arity: [0, 0],
  async run({ settings, options, out }) {
    const answer = await new ApiClient(settings).get<Stats>("/api/chain/stats");
    if (options["json"]) {
      out(JSON.stringify(answer));
      return answer.alarms.length > 0 ? 1 : 0;
    }
    const { origin, entries, blocks, queued, checkpointed, witnessed, refused, prunedBefore, index, diskFree } = answer;
    const rows = [
      ["log", origin],
      [
        "entries",
        `${grouped(entries)} in ${grouped(blocks)} blocks${queued > 0 ? `, ${queued} wait for the disk` : ""}`,
      ],
      ["signed", signedText(entries, checkpointed, answer.checkpointLag)],
      ["witnessed", witnessed === 0 ? "by nobody" : `${grouped(witnessed)} entries`],
      ["index", `${grouped(index.position)} entries, ${megabytes(index.bytes)}`],
      ["pruned", prunedBefore === 0 ? "nothing" : `payload before entry ${grouped(prunedBefore)}`],
      ["refused", refused === 0 ? "nothing" : `${grouped(refused)} entries`],
      ["disk", `${megabytes(diskFree)} free`],
    ];
    out(rows.map(([name, value]) => `${paint("dim", name!.padEnd(9))}  ${value}`).join("\n"));
    for (const { code, why } of answer.alarms) out(`${paint("red", "✖")} ${why} (${code})`);
    return answer.alarms.length > 0 ? 1 : 0;
  },
};

function signedText(entries: number, checkpointed: number, lag: number): string {
  if (checkpointed >= entries) return "all";
  return `${grouped(checkpointed)} entries; the next ones wait for ${(lag / 1000).toFixed(1)} s`;
}
