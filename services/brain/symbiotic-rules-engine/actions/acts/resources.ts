import type { Held } from "../held.ts";
import { SHARE } from "../lender.ts";
import { refuse } from "../refused.ts";
import type { Act, Plan, Situation } from "./act.ts";

const MB = 1024 * 1024;
/** A heap is never told to be smaller or larger than this, MB. */
const HEAP = { min: 128, max: 65_536 } as const;
/** Share of the machine's memory that one process may be allowed. */
const MOST_OF_MACHINE = 0.5;
/** A limit is in force where at least this share of it is seen. */
const IN_FORCE = 0.98;
const ORDER_MS = 10_000;

/** More or less processor time at once, and heap from the next start on. */
export const adjustResources: Act = async (situation) => {
  const { increaseCpu, increaseMemory } = situation.parameters as { increaseCpu?: number; increaseMemory?: number };
  if (situation.target.nodes.length === 0) refuse(`${situation.target.name} is on no node that is up`);
  const plans = [
    ...(increaseCpu === undefined ? [] : [cpu(situation, increaseCpu)]),
    ...(increaseMemory === undefined ? [] : [await memory(situation, increaseMemory)]),
  ];
  const due = plans.filter(({ isThere }) => !isThere);
  const done: Plan[] = [];
  return {
    what: plans.map(({ what }) => what).join(", and "),
    ...(due.length === 0 ? { isThere: true as const } : {}),
    async carryOut() {
      const seen: string[] = [];
      for (const plan of due) {
        seen.push(await plan.carryOut());
        done.push(plan);
      }
      return seen.join("; ");
    },
    async undo() {
      for (const plan of done.toReversed()) await plan.undo!();
    },
  };
};

function cpu({ target, rule, now, holdings }: Situation, step: number): Plan {
  const before = holdings.find(target.name, "cpu-share");
  const from = before?.kind === "share" ? before.value.percent : 0;
  const percent = Math.min(SHARE.max, Math.max(SHARE.min, from + step));
  const much = `${Math.abs(percent)} % ${percent < 0 ? "less" : "more"} processor time than its neighbours`;
  if (percent === from)
    return { what: `${target.name} has ${much} already, which is the bound`, isThere: true, carryOut: async () => "" };
  return {
    what: `gives ${target.name} ${percent === 0 ? "as much processor time as its neighbours" : much}`,
    carryOut: () =>
      holdings.hold({ kind: "share", target: target.name, lever: "cpu-share", value: { percent }, rule, since: now }),
    undo: () => holdings.putBack(target.name, "cpu-share", before),
  };
}

async function memory({ target, topology, rule, now, ports, holdings }: Situation, step: number): Promise<Plan> {
  const before = holdings.find(target.name, "memory");
  const held = before?.kind === "memory" ? before.value.nodes : [];
  const most = Math.min(HEAP.max, Math.floor((ports.machine().memory * MOST_OF_MACHINE) / MB));
  const local = topology.nodes.filter(({ id, remote }) => target.nodes.includes(id) && !remote);
  const waiting: string[] = [];
  // Lent to it under another name, of its organ or a service: what was before that is what was before this.
  const lentElsewhere = (id: string, limit: number | null | undefined) =>
    holdings
      .list()
      .flatMap((one) => (one.kind === "memory" ? one.value.nodes : []))
      .find(({ node, to }) => node === id && to === limit);
  /** Limits as they are now. */
  const limits = new Map(local.map(({ id, options }) => [id, options?.memoryLimitMB ?? null]));
  const asked = await Promise.all(
    local.map(async ({ id }) => {
      const known = held.find(({ node }) => node === id) ?? lentElsewhere(id, limits.get(id));
      const is = Math.round((await ports.heapLimit(id)) / MB);
      const was = known?.was ?? is;
      if (!Number.isFinite(was)) return [];
      // A step that is not in force yet cannot have been too small.
      if (known && step > 0 && is < known.to * IN_FORCE) {
        waiting.push(`${id} gets ${known.to} MB at its next start already`);
        return [];
      }
      const from = known?.to ?? was;
      const to = Math.round(Math.min(Math.max(from, most), Math.max(HEAP.min, (from * (100 + step)) / 100)));
      return to === from ? [] : [{ node: id, before: known ? known.before : limits.get(id)!, was, to }];
    }),
  );
  const nodes = asked.flat();
  const what = `lets the heap of ${nodes.map(({ node, to }) => `${node} be ${to} MB`).join(", of ")} from its next start on`;
  if (nodes.length === 0)
    return {
      what: waiting.length > 0 ? waiting.join(", ") : `the heap of ${target.name} is as large as it may be, ${most} MB`,
      isThere: true,
      carryOut: async () => "",
    };
  const others = held.filter(({ node }) => !nodes.some((one) => one.node === node));
  const value: Extract<Held, { kind: "memory" }>["value"] = { nodes: [...others, ...nodes] };
  const order = (node: string, memoryLimitMB: number | null) =>
    ports.heal({
      node,
      actionType: "resource-adjust",
      parameters: { memoryLimitMB, atNextStart: true, force: true },
      timeout: ORDER_MS,
    });
  return {
    what,
    async carryOut() {
      // In the list before it is done: an engine that dies in between finds it there.
      await holdings.keep({ kind: "memory", target: target.name, lever: "memory", value, rule, since: now });
      const failed: string[] = [];
      for (const { node, to } of nodes) {
        const result = await order(node, to).catch(({ message }: Error) => ({ success: false, reason: message }));
        if (!result.success) failed.push(`${node}: ${result.reason}`);
      }
      if (failed.length === nodes.length) {
        await holdings.putBack(target.name, "memory", before);
        throw new Error(failed.join("; "));
      }
      return [...nodes.map(({ node, to }) => `${node} gets ${to} MB at its next start`), ...failed].join("; ");
    },
    async undo() {
      for (const { node } of nodes) {
        const { success, reason } = await order(node, limits.get(node)!);
        if (!success) throw new Error(`${node}: ${reason}`);
      }
      await holdings.putBack(target.name, "memory", before);
    },
  };
}
