import type { TopologyNode } from "../../../../../models/topology.ts";
import { refuse } from "../refused.ts";
import type { Act, Situation } from "./act.ts";

/** Nodes that a rule may make of an organ where it does not say `most`. */
const MOST = 8;
const SCALE_MS = 90_000;
/** How much of what there is shall be used after a growth that follows the need, %. */
const WANTED_USE = 60;
/** What is measured of an organ covers so much of the past, ms: earlier nobody sees what came of scaling it. */
const SEEN_AFTER_MS = 7000;
/** Nodes that are added at once, where there are fewer to be doubled. */
const AT_ONCE = 4;
/** Of more refused calls it is not believed that all of them were wanted, %. */
const MOST_REFUSED = 90;
/** From here on nobody knows how much more is wanted than there is, and it is doubled, %. */
const FULL = 95;
/** A node that computes for more of its time is short of processor time, %. */
const COMPUTES = 60;
/** A machine that is busier has no core for another process. */
const BUSY = 0.85;

/** More nodes of an organ at once, or fewer. What a rule has added is given back later; see give-back.ts. */
export const scale: Act = (situation) => {
  const { target, topology, parameters, rule, now, ports, holdings } = situation;
  const organ = target.system;
  if (target.kind !== "system" && target.kind !== "service")
    refuse(`${target.name} is a ${target.kind}, which cannot be scaled`);
  const movable = movableOf(situation);
  const nodes = nodesOf(topology.nodes, organ);
  const moving = nodes.find(({ status }) => status !== "up");
  if (moving) refuse(`${moving.id} is ${moving.status}; ${organ} is scaled when it is not`);
  const from = nodes.length;
  const known = holdings.find(organ, "instances");
  const since = now - (known?.changed ?? Number.NEGATIVE_INFINITY);
  if (situation.by === "rules" && since < SEEN_AFTER_MS)
    refuse(`${organ} was scaled ${Math.round(since / 1000)} s ago, and what came of it is not seen yet`);
  const { least = 1, most = Math.max(MOST, from) } = parameters as { least?: number; most?: number };
  const wanted = wantedOf(situation, from);
  const to = Math.min(Math.max(wanted, Math.min(least, from)), Math.max(most, Math.min(from, wanted)));
  if (to === from)
    return {
      what: `${organ} has ${counted(from)}, ${wanted > from ? "the most" : wanted < from ? "the least" : "as many as its use wants"}`,
      isThere: true,
      carryOut: async () => "",
    };
  if (to > from) mustHaveRoom(situation, from);
  // Whoever scaled it since it was first held wants it so: what was before then is no longer right.
  const before = known?.kind === "nodes" && known.value.to === from ? known.value.before : from;
  const order = (by: number) =>
    ports.heal({
      service: movable[0]!.name,
      actionType: by > 0 ? "scale-up" : "scale-down",
      parameters: { by: Math.abs(by), force: true },
      timeout: SCALE_MS,
    });
  const hold = (nodes: number) =>
    holdings.keep({
      kind: "nodes",
      target: organ,
      lever: "instances",
      value: { organ, before, to: nodes },
      rule,
      since: now,
    });
  return {
    what: `${to > from ? "adds" : "takes away"} ${counted(Math.abs(to - from))} of ${organ}, which has ${from}`,
    direction: to > from ? 1 : -1,
    async carryOut() {
      await hold(to);
      try {
        const { success, reason, observed } = await order(to - from);
        if (!success) throw new Error(reason);
        if (to === before) holdings.drop(organ, "instances");
        else holdings.touch(organ, "instances");
        return observed.after;
      } catch (error) {
        // Some may have come all the same, and of an order without an answer nobody knows: what is there is held.
        const there = await nodesNow(situation).catch(() => to);
        if (there === from) await holdings.putBack(organ, "instances", known);
        else await hold(there).catch(() => {});
        throw error;
      }
    },
    async undo() {
      const held = holdings.find(organ, "instances");
      const there = await nodesNow(situation);
      // Whoever has scaled it meanwhile wants it so.
      if (there === (held?.kind === "nodes" ? held.value.to : to) && there !== from) {
        const { success, reason } = await order(from - there);
        if (!success) throw new Error(reason);
      }
      await holdings.putBack(organ, "instances", known);
    },
  };
};

async function nodesNow({ ports, target }: Situation): Promise<number> {
  return nodesOf((await ports.topology()).nodes, target.system).length;
}

/** Those of other machines come and go as they like. */
function nodesOf(nodes: readonly TopologyNode[], organ: string): TopologyNode[] {
  return nodes.filter((one) => one.organ === organ && !one.remote);
}

/** Services that more nodes would carry. */
function movableOf({ target, topology, by }: Situation) {
  const { name, kind, system } = target;
  const movable = topology.services.filter((one) => one.organ === system && !one.singleton && one.kind === "service");
  const [service] = target.services;
  if (kind === "service" && service?.kind === "program")
    refuse(`${name} is a program in a process of its own; more nodes would not carry it`);
  if (kind === "service" && service?.singleton) refuse(`${name} is a singleton; more nodes would not carry it`);
  if (movable.length === 0) refuse(`${system} carries nothing but singletons; more nodes would not carry them`);
  if (by === "rules" && topology.foreign && system === "muscles" && topology.replicas["muscles"] === undefined)
    refuse(
      'the services of a foreign project run once each on the muscles; "azora scale muscles <n>" says that they may run several times',
    );
  return kind === "service" ? movable.filter((one) => one.name === name) : movable;
}

/** What is asked for; else what the highest need of the last seconds wants: at once, but at most twice as many, or four more. */
function wantedOf({ parameters, target, values, holdings, now }: Situation, from: number): number {
  const { by, to } = parameters as { by?: number; to?: number };
  if (to !== undefined) return to;
  if (by !== undefined) return from + by;
  // What was needed of fewer nodes says nothing about those that there are now.
  const changed = holdings.find(target.system, "instances")?.changed ?? Number.NEGATIVE_INFINITY;
  const seconds = Math.max(0, Math.floor((now - changed) / 1000) - 1);
  const highest = (metric: string) =>
    Math.max(values.now(metric) ?? 0, ...(seconds === 0 ? [] : values.of(metric).slice(-seconds)));
  const use = Math.max(highest(`${target.system}.cpu`), highest(`${target.system}.saturation`));
  // Who is refused comes on top of what all places do; without refusals a full organ says nothing of how much more is wanted.
  const refused = Math.min(MOST_REFUSED, seconds === 0 ? 0 : (values.now(`${target.system}.refusalRate`) ?? 0));
  const demand = (use / (100 - refused)) * 100;
  const enough = Math.ceil((from * demand) / WANTED_USE);
  const most = from + Math.max(AT_ONCE, from);
  if (use >= FULL) return Math.min(most, Math.max(2 * from, enough));
  return Math.min(most, Math.max(from, enough));
}

/** One more process helps who waits; who computes needs a core for it. */
function mustHaveRoom({ target, values, ports }: Situation, from: number): void {
  const { cores, busy } = ports.machine();
  const cpu = values.now(`${target.system}.cpu`);
  if (cpu === null || cpu < COMPUTES || from === 0) return;
  if (busy !== null && busy >= BUSY)
    refuse(
      `${target.system} computes for ${Math.round(cpu)} % of its time, and the ${cores} cores of the machine are ${Math.round(busy * 100)} % busy: there is none for another node`,
    );
}

const counted = (nodes: number) => (nodes === 1 ? "1 node" : `${nodes} nodes`);
