import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { ServiceBroker } from "moleculer";
import type { CaptureState } from "../../../models/capture-state.ts";
import { replaceFile } from "../../../runtime/durable-file.ts";
import { AzoraError } from "../../../runtime/errors.ts";
import { type CaptureRule, DEFAULT_RULES } from "../../../runtime/record/capture-rules.ts";
import { configuredRules } from "../../../runtime/record/configured-rules.ts";
import type { Settings } from "../../../runtime/settings.ts";

export interface CaptureChange {
  off?: boolean;
  /** To be captured from now on. */
  events?: string[];
  /** Of those that were added before: no longer to be captured. */
  without?: string[];
}

const MOST_EVENTS = 1000;
const INITIAL: CaptureState = { version: 0, off: false, events: [] };

/** What an operator has changed about capture: kept in `data/chain/capture.json`, on record, and told to every node. */
export class CaptureSwitch {
  readonly #broker: ServiceBroker;
  readonly #settings: Settings;
  readonly #file: string;
  state: CaptureState;

  constructor(broker: ServiceBroker, settings: Settings) {
    this.#broker = broker;
    this.#settings = settings;
    this.#file = join(settings.AZORA_DATA_DIR, "chain", "capture.json");
    this.state = read(this.#file) ?? INITIAL;
  }

  /** What is captured on every node; what services declare comes on top of that. */
  get view(): CaptureState & { rules: CaptureRule[] } {
    const added = configuredRules(this.state.events.join(","));
    const rules = [...added, ...configuredRules(this.#settings.AZORA_CHAIN_EVENTS), ...DEFAULT_RULES];
    return { ...this.state, off: this.state.off || this.#settings.AZORA_CHAIN_CAPTURE === "off", rules };
  }

  /** @param log writes the entry that says so; the change is made once that is durable */
  async change(change: CaptureChange, log: (data: Record<string, unknown>) => Promise<unknown>): Promise<void> {
    const { off = this.state.off, events = [], without = [] } = change;
    const wanted = [...new Set([...this.state.events, ...events])].filter((event) => !without.includes(event));
    const isSame = off === this.state.off && wanted.join() === this.state.events.join();
    if (isSame) return;
    if (wanted.length > MOST_EVENTS)
      throw new AzoraError("VALIDATION_ERROR", `events would be ${wanted.length}, but may be ${MOST_EVENTS} at most`);
    await log({ capture: off ? "off" : "on", events: wanted });
    this.state = { version: this.state.version + 1, off, events: wanted };
    replaceFile(this.#file, JSON.stringify(this.state));
    this.tell();
  }

  /** Who was not there when it was changed asks when it comes; who was is told. */
  tell(): void {
    void this.#broker.broadcast("chain.captured", this.state);
  }
}

function read(file: string): CaptureState | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return undefined;
  }
}
