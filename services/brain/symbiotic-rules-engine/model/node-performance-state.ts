import type { System } from "../../../../models/metrics.ts";
import { WINDOW_REPORTS } from "./call-window.ts";
import type { FaultLog } from "./fault-log.ts";
import { isPath, isServed, type Path, type Served } from "./performance-parts.ts";
import { type Fields, isUpkeep, MOST_PARTS, plausible } from "./plausible.ts";

/** Of one service on one node, as it was when the node last told. */
export interface Places {
  service: string;
  system: System;
  running: number;
  waiting: number;
  /** Calls that may run at once, of the actions that have a limit. */
  limit: number;
  /** Of these actions: calls that ran and that waited, means of the last looks. What is in use is seen once a second, and jumps. */
  limited: number;
  queued: number;
}

/** Sums of calls from this node's system to another; µs. `timed` are those of which it is known how long work took. */
export interface FlowSum {
  from: System;
  to: System;
  calls: number;
  failures: number;
  sum: number;
  timed: number;
  waited: number;
}

interface Second {
  span: number;
  flows: FlowSum[];
  /** By system: calls that were carried out, and those that were refused. */
  served: Map<System, { calls: number; refused: number }>;
}

const LONGEST_SPAN_MS = 60_000;
/** So many looks say how many places are in use. */
const PLACES_LOOKS = 3;

/** How long the work of an action takes on a node, µs; undefined where nothing is known. */
export type WorkOf = (node: string, action: string) => number | undefined;

/** To which system each of those belongs of whom the node speaks. */
export interface Belongs {
  service(name: string): System;
  /** Of a service that is on another node. */
  callee(service: string, node: string): System | undefined;
  caller(name: string): System;
}

/** What one node says of its limits and of the calls that it makes. */
export class NodePerformanceState {
  /** Monotonic, ms; NaN while nothing has come. */
  at = Number.NaN;
  places: Places[] = [];
  readonly #seconds: Second[] = [];
  /** Calls with a limit that ran and that waited, by service. */
  #looks: Map<string, { limited: number; queued: number }>[] = [];

  take(
    report: Fields,
    now: number,
    of: Belongs,
    work: { learn: (action: string, mean: number) => void; of: WorkOf },
    node: string,
    faults: FaultLog,
  ): void {
    const span = plausible(report["span"], LONGEST_SPAN_MS);
    const list = (name: string): Fields[] => {
      const parts = report[name];
      if (!Array.isArray(parts)) {
        faults.note(node, `performance.${name} is no list`);
        return [];
      }
      if (parts.length > MOST_PARTS) faults.note(node, `performance.${name} has too many`, parts.length - MOST_PARTS);
      return parts.slice(0, MOST_PARTS) as Fields[];
    };
    if (!(span > 0)) faults.note(node, "performance.span is absurd");
    const second: Second = { span: span > 0 ? span : 1000, flows: [], served: new Map() };
    const places = new Map<string, Places>();
    for (const part of list("served")) {
      if (!isServed(part)) faults.note(node, "performance.served has an absurd one");
      else if (!isUpkeep(part.service, part.action)) this.#serve(part, places, second, of, work);
    }
    this.#look(places);
    const flows = new Map<string, FlowSum>();
    for (const part of list("paths")) {
      if (!isPath(part)) faults.note(node, "performance.paths has an absurd one");
      else if (!isUpkeep(part.service, part.action)) flow(part, flows, of, work.of);
    }
    second.flows = [...flows.values()];
    this.#seconds.push(second);
    if (this.#seconds.length > WINDOW_REPORTS) this.#seconds.shift();
    this.at = now;
  }

  /** Calls a second, of the last reports. */
  addFlows(add: (flow: FlowSum, span: number) => void): void {
    let span = 0;
    for (const second of this.#seconds) span += second.span;
    for (const { flows } of this.#seconds) for (const one of flows) add(one, span);
  }

  addServed(add: (system: System, calls: number, refused: number) => void): void {
    for (const { served } of this.#seconds)
      for (const [system, { calls, refused }] of served) add(system, calls, refused);
  }

  reborn(): void {
    this.#seconds.length = 0;
    this.#looks = [];
    this.places = [];
    this.at = Number.NaN;
  }

  #look(places: Map<string, Places>): void {
    this.places = [...places.values()];
    const look = new Map(this.places.map(({ service, limited, queued }) => [service, { limited, queued }]));
    this.#looks = [look, ...this.#looks].slice(0, PLACES_LOOKS);
    for (const place of this.places) {
      for (const part of ["limited", "queued"] as const) {
        const sum = this.#looks.reduce((sum, one) => sum + (one.get(place.service)?.[part] ?? 0), 0);
        place[part] = sum / this.#looks.length;
      }
    }
  }

  #serve(
    part: Served,
    places: Map<string, Places>,
    second: Second,
    of: Belongs,
    work: { learn: (action: string, mean: number) => void },
  ): void {
    const { service, action, calls, sum, running, waiting, limit, refused } = part;
    let place = places.get(service);
    if (!place) {
      place = { service, system: of.service(service), running: 0, waiting: 0, limit: 0, limited: 0, queued: 0 };
      places.set(service, place);
    }
    place.running += running;
    place.waiting += waiting;
    if (limit !== null) {
      place.limit += limit;
      place.limited += Math.min(running, limit);
      place.queued += waiting;
    }
    if (calls > 0) work.learn(action, sum / calls);
    let served = second.served.get(place.system);
    if (!served) {
      served = { calls: 0, refused: 0 };
      second.served.set(place.system, served);
    }
    served.calls += calls;
    served.refused += refused.limit + refused.overload + refused.late;
  }
}

function flow(part: Path, flows: Map<string, FlowSum>, of: Belongs, workOf: WorkOf): void {
  const { caller, service, action, node, calls, failures, sum } = part;
  const [from, to] = [of.caller(caller), of.callee(service, node)];
  if (to === undefined || from === to || calls === 0) return;
  const key = `${from} ${to}`;
  let flow = flows.get(key);
  if (!flow) {
    flow = { from, to, calls: 0, failures: 0, sum: 0, timed: 0, waited: 0 };
    flows.set(key, flow);
  }
  flow.calls += calls;
  flow.failures += Math.min(calls, failures);
  flow.sum += sum;
  const work = workOf(node, action);
  if (work === undefined) return;
  flow.timed += calls;
  flow.waited += Math.max(0, sum - calls * work);
}
