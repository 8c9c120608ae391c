import type { Buckets, OptimizationRecord } from "../../../../models/performance.ts";
import { seeded } from "../../../../services/immune/chaos-monkey/random.ts";
import type { Seen } from "../../../../services/muscles/performance-optimizer/measurements/action-table.ts";
import type { Entry } from "../../../../services/muscles/performance-optimizer/records/book.ts";
import type { Knob, Proposal } from "../../../../services/muscles/performance-optimizer/tuning/knob.ts";
import { CALM_MS, type Traffic } from "../../../../services/muscles/performance-optimizer/tuning/traffic.ts";
import { Tuner, type TunerOptions } from "../../../../services/muscles/performance-optimizer/tuning/tuner.ts";
import { FakeClock } from "../../../support/fake-clock.ts";
import { LATENCIES, seconds } from "../latency-source.ts";

/** Records as the store would keep them; they outlive a tuner. */
export class PaperBook {
  readonly entries = new Map<string, Entry>();
  isBroken = false;

  async put(entry: Entry): Promise<void> {
    if (this.isBroken) throw new Error("the disk is full");
    this.entries.set(entry.id, structuredClone(entry));
  }

  async get(id: string): Promise<Entry | undefined> {
    return structuredClone(this.entries.get(id));
  }

  async measuring(): Promise<Entry[]> {
    return [...this.entries.values()].filter(({ status }) => status === "measuring");
  }

  async fleetingOf(node: string): Promise<Entry[]> {
    return [...this.entries.values()].filter((one) => one.status === "kept" && one.fleeting && one.node === node);
  }

  async of(service: string): Promise<Entry[]> {
    return [...this.entries.values()].filter((one) => one.service === service).reverse();
  }

  get all(): OptimizationRecord[] {
    return [...this.entries.values()];
  }
}

/** A node's setting, and what calls take with it. */
export class Setting {
  value = 1;
  /** What it was set to, in order. */
  readonly steps: number[] = [];
  fails: string | undefined;

  set(value: number): void {
    if (this.fails) throw new Error(this.fails);
    this.value = value;
    this.steps.push(value);
  }
}

export interface Workbench {
  clock: FakeClock;
  book: PaperBook;
  setting: Setting;
  /** What was done and put on record, in order. */
  log: string[];
  traffic: { rate: number; lives: string; disturbed: { why: string; at: number } | undefined; failing: number };
  /** Time of a call with the setting at a value, as a factor. */
  takes: (value: number) => number;
  tuner: Tuner;
  /** As if the process had been killed and started again. */
  restart(): Promise<void>;
  /** Seconds go by; a tick in each. */
  pass(seconds: number): Promise<void>;
}

/** A tuner with one knob, a setting of a service that has live calls of 3 ms. */
export function workbench(
  options: Partial<TunerOptions> & {
    proposal?: Partial<Proposal>;
    values?: number[];
    takes?: (value: number) => number;
  } = {},
): Workbench {
  const clock = new FakeClock(10_000_000);
  const book = new PaperBook();
  const setting = new Setting();
  const log: string[] = [];
  const state: Workbench["traffic"] = { rate: 50, lives: "heart-1/a", disturbed: undefined, failing: 0 };
  const told: { at: number; buckets: Buckets }[] = [];
  const random = seeded(17);
  const bench = { takes: options.takes ?? ((value: number) => 1 / value) } as Workbench;

  const second = () => {
    const source = seconds({ latency: LATENCIES.lognormal, rate: state.rate, random });
    told.push({ at: clock.now(), buckets: source(bench.takes(setting.value)) });
  };
  const traffic: Traffic = {
    seconds: (_actions, _node, seen: Seen, from, to) =>
      seen === "called" ? told.filter(({ at }) => at >= from && at < to).map(({ buckets }) => buckets) : [],
    failures: () => ({ calls: 100, share: state.failing }),
    livesOf: () => state.lives,
    disturbance: (_service, since) =>
      state.disturbed && state.disturbed.at >= since ? state.disturbed.why : undefined,
    calmSince: () => (state.disturbed ? state.disturbed.at + CALM_MS : Number.NEGATIVE_INFINITY),
  };
  const proposalOf = (value: number): Proposal => {
    const undoing = { before: 1, after: value };
    return {
      change: `Set it to ${value}`,
      reason: "it may help",
      actions: ["shop.find"],
      expectedGain: 0.1 * value,
      undoing,
      apply: async () => {
        log.push(`apply ${value}`);
        setting.set(value);
      },
      undo: async () => {
        log.push(`undo ${value}`);
        setting.set(1);
      },
      ...options.proposal,
    };
  };
  const knob: Knob = {
    kind: "setting",
    propose: async () => (options.values ?? [2]).map(proposalOf),
    revive: (_service, _node, { before, after }) => ({
      apply: async () => {
        log.push(`apply ${after} again`);
        setting.set(after as number);
      },
      undo: async () => {
        log.push(`undo ${after}`);
        setting.set(before as number);
      },
    }),
  };
  const make = () =>
    new Tuner({
      clock,
      wall: () => 1_790_000_000_000 + clock.now(),
      knobs: [knob],
      traffic,
      book,
      onRecord: async (step, { change }) => {
        log.push(`record ${step}: ${change}`);
      },
      logger: { info() {}, warn() {} },
      ...options,
    });
  Object.assign(bench, { clock, book, setting, log, traffic: state, tuner: make() });
  bench.pass = async (count) => {
    for (let i = 0; i < count; i++) {
      second();
      clock.advance(1000);
      void bench.tuner.tick();
      await settled();
    }
  };
  bench.restart = async () => {
    bench.tuner = make();
    await bench.tuner.resume();
  };
  return bench;
}

/** What was begun has a turn; it is not waited for, since it may never end. */
async function settled(): Promise<void> {
  for (let i = 0; i < 60; i++) await Promise.resolve();
}
