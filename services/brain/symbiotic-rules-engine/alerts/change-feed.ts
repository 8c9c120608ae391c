import type { AlertChange } from "../../../../models/alerts.ts";

/** Changes that are told one by one between two ticks; critical ones have as many more. */
const MAX_TOLD = 50;

/** Tells changes as they come. Of a storm only the first are told, and then how many more there were. */
export class ChangeFeed {
  readonly #tell: (change: AlertChange) => void;
  #told = 0;
  #critical = 0;
  #more = 0;

  constructor(tell: (change: AlertChange) => void) {
    this.#tell = tell;
  }

  add(change: Exclude<AlertChange, { change: "many" }>): void {
    if (this.#told < MAX_TOLD) this.#told++;
    else if (change.alert.severity === "critical" && this.#critical < MAX_TOLD) this.#critical++;
    else {
      this.#more++;
      return;
    }
    this.#tell(change);
  }

  /** Once a tick. */
  flush(): void {
    const more = this.#more;
    this.#told = 0;
    this.#critical = 0;
    this.#more = 0;
    if (more > 0) this.#tell({ change: "many", more });
  }
}
