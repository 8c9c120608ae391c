import type { ActionSchema, Context, ServiceBroker } from "moleculer";
import type { Lending, LendingState } from "../../models/lending.ts";
import { type Clock, monotonicClock } from "../clock.ts";
import type { Admission } from "../concurrency/admission.ts";
import type { ConcurrencyLimits } from "../concurrency/concurrency-limits.ts";
import { AzoraError } from "../errors.ts";
import { poolStates, resizePool } from "../pools/node-pools.ts";
import { ProcessShare, type Turned } from "./process-share.ts";

export interface NodeBalanceOptions {
  broker: ServiceBroker;
  limits: ConcurrencyLimits;
  admission: Admission;
  /** @default this process's */
  share?: Pick<ProcessShare, "set">;
  /** @default monotonic */
  clock?: Clock;
}

const NOTHING = { share: 0, shed: [], throttle: [] };

/** What rules lend this node, until the lease ends: share of the processors, room for calls and threads, what is refused. */
export class NodeBalance {
  readonly #options: Required<NodeBalanceOptions>;
  #epoch = 0;
  #share = 0;
  #turned: Turned = { turned: [], not: [] };
  /** Worker threads before they were lent more, and then. */
  #workers: { before: number; after: number } | undefined;
  #cancel: (() => void) | undefined;

  constructor(options: NodeBalanceOptions) {
    this.#options = { share: new ProcessShare(), clock: monotonicClock, ...options };
  }

  /** @throws AzoraError STALE_EPOCH from an engine that was replaced */
  lend({ epoch, lease, share, shed, throttle }: Lending): LendingState {
    if (epoch < this.#epoch && this.#cancel)
      throw new AzoraError("STALE_EPOCH", `Epoch ${epoch} of the rules was replaced by ${this.#epoch}`, {
        epoch,
        newest: this.#epoch,
      });
    this.#epoch = epoch;
    this.#cancel?.();
    const isNothing = share === 0 && shed.length === 0 && throttle.length === 0;
    this.#cancel = isNothing ? undefined : this.#options.clock.after(lease, () => this.end());
    this.#apply({ share, shed, throttle });
    return this.state();
  }

  /** Gives everything back. */
  end(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#apply(NOTHING);
  }

  state(): LendingState {
    return { share: this.#share, ...this.#turned, refused: this.#options.admission.refused };
  }

  #apply({ share, shed, throttle }: Omit<Lending, "epoch" | "lease">): void {
    const { admission, limits } = this.#options;
    admission.set(shed, throttle);
    // Also the same share again: a process that was given another priority meanwhile shows it now.
    if (share === 0 && this.#share === 0) return;
    const isNew = share !== this.#share;
    this.#share = share;
    this.#turned = this.#options.share.set(share);
    limits.lend(Math.max(0, share));
    if (isNew) this.#turnWorkers(share);
    if (this.#workers) this.#turned.turned.push(`${this.#workers.after} worker threads`);
  }

  /** The optimizer shrinks and grows them too: a size that is not ours any more is left to it. */
  #turnWorkers(share: number): void {
    const { broker } = this.#options;
    const pool = poolStates(broker).find(({ kind }) => kind === "worker");
    if (!pool) return;
    const isOurs = this.#workers !== undefined && this.#workers.after === pool.size;
    const before = isOurs ? this.#workers!.before : pool.size;
    this.#workers = undefined;
    const wanted = share > 0 ? Math.min(pool.max, Math.ceil((before * (100 + share)) / 100)) : before;
    if (wanted === pool.size || (share <= 0 && !isOurs)) return;
    const { after } = resizePool(broker, pool.name, wanted);
    if (share > 0) this.#workers = { before, after };
  }
}

const percent = (min: number, max: number) => ({ type: "number", min, max }) as const;
const service = { type: "string", min: 1, max: 200, optional: true } as const;

/** Actions of the service `node-performance`. */
export function balanceActions(balance: NodeBalance): Record<string, ActionSchema> {
  const actions = {
    /** Lends the node what is said, in the place of what it was lent; it ends with the lease. */
    lend: {
      params: {
        $$strict: true,
        epoch: { type: "number", integer: true, min: 0 },
        lease: { type: "number", min: 1000, max: 60_000 },
        share: percent(-50, 100),
        shed: {
          type: "array",
          max: 1000,
          items: {
            type: "object",
            strict: true,
            props: { service, priority: { type: "enum", values: ["high", "medium", "low"] }, share: percent(0, 100) },
          },
        },
        throttle: {
          type: "array",
          max: 1000,
          items: { type: "object", strict: true, props: { service, rate: { type: "number", min: 0.01, max: 1e6 } } },
        },
      },
      handler: (ctx: Context<Lending>) => balance.lend(ctx.params),
    },
    /** What the node is lent now. */
    lent: { params: { $$strict: true }, handler: () => balance.state() },
  };
  return actions as unknown as Record<string, ActionSchema>;
}
