/** The sum of factor times variable is at most (`strict`: less than) `bound`. One or two variables. */
export interface Constraint {
  terms: readonly (readonly [variable: string, factor: number])[];
  bound: number;
  strict: boolean;
}

interface Bounds {
  low: number;
  lowStrict: boolean;
  high: number;
  highStrict: boolean;
}

/** More links between variables than any sensible rules make: then no answer is sought. */
const MOST_LINKS = 500;
const TOLERANCE = 1e-9;
const WIDE = 1000;

/**
 * A point at which all hold, by Fourier-Motzkin elimination: exact, and small because each constraint has at most two
 * variables, which elimination keeps so (Nelson, "An n^log(n) algorithm for the two-variable-per-constraint linear
 * programming satisfiability problem", 1978). Undefined where there is none. Variables have round values where there is room.
 */
export function solve(constraints: readonly Constraint[]): Map<string, number> | undefined {
  const system = new System();
  for (const constraint of constraints) if (!system.add(constraint)) return undefined;
  const eliminated: { variable: string; constraints: Constraint[] }[] = [];
  for (let variable = system.nextLinked(); variable !== undefined; variable = system.nextLinked()) {
    const taken = system.eliminate(variable);
    if (!taken) return undefined;
    eliminated.push({ variable, constraints: taken });
  }
  const point = new Map<string, number>();
  for (const [variable, bounds] of system.bounds) {
    if (eliminated.some((one) => one.variable === variable)) continue;
    if (!hasRoom(bounds)) return undefined;
    point.set(variable, roundInside(bounds));
  }
  for (const { variable, constraints: own } of eliminated.reverse()) {
    const bounds = boundsAt(variable, own, point);
    if (!hasRoom(bounds)) return undefined;
    point.set(variable, roundInside(bounds));
  }
  return point;
}

class System {
  readonly bounds = new Map<string, Bounds>();
  #links: Constraint[] = [];

  /** False where it cannot hold, or there are too many. */
  add({ terms, bound, strict }: Constraint): boolean {
    if (terms.length === 1 && terms[0]![1] !== 0) return this.#tighten(terms[0]!, bound, strict);
    const sums = new Map<string, number>();
    for (const [variable, factor] of terms) sums.set(variable, (sums.get(variable) ?? 0) + factor);
    const left = [...sums].filter(([, factor]) => factor !== 0);
    for (const [variable] of left) if (!this.bounds.has(variable)) this.bounds.set(variable, free());
    if (left.length === 0) return strict ? bound > TOLERANCE : bound >= -TOLERANCE;
    if (left.length === 1) return this.#tighten(left[0]!, bound, strict);
    this.#links.push({ terms: left, bound, strict });
    return this.#links.length <= MOST_LINKS;
  }

  #tighten([variable, factor]: Constraint["terms"][number], bound: number, strict: boolean): boolean {
    let bounds = this.bounds.get(variable);
    if (!bounds) {
      bounds = free();
      this.bounds.set(variable, bounds);
    }
    tighten(bounds, factor, bound, strict);
    return hasRoom(bounds);
  }

  /** The linked variable whose elimination makes fewest new links. */
  nextLinked(): string | undefined {
    const uses = new Map<string, { up: number; down: number }>();
    for (const { terms } of this.#links)
      for (const [variable, factor] of terms) {
        const use = uses.get(variable) ?? { up: 0, down: 0 };
        if (factor > 0) use.up += 1;
        else use.down += 1;
        uses.set(variable, use);
      }
    let best: string | undefined;
    let least = Number.POSITIVE_INFINITY;
    for (const [variable, { up, down }] of uses) {
      if (up * down >= least) continue;
      least = up * down;
      best = variable;
    }
    return best;
  }

  /** What was known of the variable; everything else is now said without it. Undefined where that cannot hold. */
  eliminate(variable: string): Constraint[] | undefined {
    const factorOf = ({ terms }: Constraint) => terms.find(([name]) => name === variable)?.[1] ?? 0;
    const own = [
      ...this.#links.filter((link) => factorOf(link) !== 0),
      ...asConstraints(variable, this.bounds.get(variable)!),
    ];
    this.#links = this.#links.filter((link) => factorOf(link) === 0);
    const above = own.filter((one) => factorOf(one) > 0);
    const below = own.filter((one) => factorOf(one) < 0);
    for (const upper of above)
      for (const lower of below) {
        const [u, l] = [factorOf(upper), -factorOf(lower)];
        const terms = [...scaled(upper, 1 / u), ...scaled(lower, 1 / l)].filter(([name]) => name !== variable);
        const joined = { terms, bound: upper.bound / u + lower.bound / l, strict: upper.strict || lower.strict };
        if (!this.add(joined)) return undefined;
      }
    return own;
  }
}

function scaled({ terms }: Constraint, by: number): [string, number][] {
  return terms.map(([name, factor]) => [name, factor * by]);
}

function free(): Bounds {
  return { low: Number.NEGATIVE_INFINITY, lowStrict: false, high: Number.POSITIVE_INFINITY, highStrict: false };
}

function asConstraints(variable: string, { low, lowStrict, high, highStrict }: Bounds): Constraint[] {
  return [
    ...(high < Number.POSITIVE_INFINITY ? [{ terms: [[variable, 1]] as const, bound: high, strict: highStrict }] : []),
    ...(low > Number.NEGATIVE_INFINITY ? [{ terms: [[variable, -1]] as const, bound: -low, strict: lowStrict }] : []),
  ];
}

function tighten(bounds: Bounds, factor: number, bound: number, strict: boolean): void {
  const at = bound / factor + 0;
  if (factor > 0) {
    if (at < bounds.high || (at === bounds.high && strict)) [bounds.high, bounds.highStrict] = [at, strict];
  } else if (at > bounds.low || (at === bounds.low && strict)) [bounds.low, bounds.lowStrict] = [at, strict];
}

function hasRoom({ low, lowStrict, high, highStrict }: Bounds): boolean {
  const room = high - low;
  if (!Number.isFinite(room)) return room > 0;
  const tolerance = TOLERANCE * Math.max(1, Math.abs(low), Math.abs(high));
  return lowStrict || highStrict ? room > tolerance : room >= -tolerance;
}

/** Bounds of one variable where the others have values. */
function boundsAt(variable: string, constraints: readonly Constraint[], point: ReadonlyMap<string, number>): Bounds {
  const bounds = free();
  for (const { terms, bound, strict } of constraints) {
    let [factor, rest] = [0, bound];
    for (const [name, times] of terms)
      if (name === variable) factor += times;
      else rest -= times * (point.get(name) ?? 0);
    tighten(bounds, factor, rest, strict);
  }
  return bounds;
}

/** The roundest number near the middle: examples are read by people. */
function roundInside({ low, lowStrict, high }: Bounds): number {
  const [from, to] = finiteRange(low, high);
  if (to - from <= TOLERANCE * Math.max(1, Math.abs(from))) return lowStrict ? to : from;
  const middle = (from + to) / 2;
  const greatest = 10 ** Math.ceil(Math.log10(to - from));
  for (const step of [greatest, greatest / 2, greatest / 10, greatest / 20, greatest / 100]) {
    const value = Number((Math.round(middle / step) * step).toPrecision(12)) + 0;
    if (Math.abs(value - middle) < (to - from) / 4) return value;
  }
  return middle;
}

/** Wide ranges are seen from their lower end: a queue above 10 is shown as 15, not as half of all calls that there may be. */
function finiteRange(low: number, high: number): [number, number] {
  const [isLow, isHigh] = [Number.isFinite(low), Number.isFinite(high)];
  if (isLow && high - low > WIDE) return [low, Math.min(high, low + Math.max(10, Math.abs(low)))];
  if (isLow) return [low, high];
  return isHigh ? [high - Math.max(10, Math.abs(high)), high] : [-10, 10];
}
