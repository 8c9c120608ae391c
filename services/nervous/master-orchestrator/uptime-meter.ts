interface Meter {
  up: boolean;
  /** ms since the epoch of the last change. */
  since: number;
  upFor: number;
  downFor: number;
}

/** Measures which share of its time a service was up, from the moment of its first being up. */
export class UptimeMeter {
  readonly #meters = new Map<string, Meter>();

  note(name: string, up: boolean, now: number): void {
    const meter = this.#meters.get(name);
    if (!meter) {
      if (up) this.#meters.set(name, { up, since: now, upFor: 0, downFor: 0 });
      return;
    }
    if (meter.up) meter.upFor += now - meter.since;
    else meter.downFor += now - meter.since;
    meter.since = now;
    meter.up = up;
  }

  /** Time for which it is stopped on purpose counts neither way. */
  forget(name: string): void {
    this.#meters.delete(name);
  }

  /** 0 to 100, with two digits after the point. */
  percentage(name: string, now: number): number {
    const meter = this.#meters.get(name);
    if (!meter) return 100;
    const rest = now - meter.since;
    const up = meter.upFor + (meter.up ? rest : 0);
    const all = meter.upFor + meter.downFor + rest;
    return all <= 0 ? 100 : Math.round((up / all) * 10_000) / 100;
  }
}
