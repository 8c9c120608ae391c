import { describe, expect, test } from "@jest/globals";
import { powerOfTwo } from "../../../../runtime/balancer/power-of-two.ts";
import { LoadModel } from "../../../../runtime/load/load-model.ts";
import { seeded } from "../concurrency/simulated-service.ts";

interface Server {
  /** ms for a call that is alone. */
  took: number;
  failing?: boolean;
  /** Calls that it works on at once; more share its time. @default unlimited */
  places?: number;
}

interface Endpoint {
  id: string;
  local: boolean;
  action?: { name: string };
  service: { fullName: string; node: { id: string } };
}

/** Callers, each with a model of its own, that choose between servers in simulated time. */
class Cluster {
  now = 20_000;
  readonly servers: Server[];
  readonly counts: number[];
  readonly latencies: number[] = [];
  failed = 0;
  readonly models: LoadModel[] = [];
  readonly endpoints: Endpoint[][] = [];
  readonly #strategies: { select(list: Endpoint[]): Endpoint }[] = [];
  readonly #random = seeded(7);
  #inFlight: number[];
  #ends: { at: number; run: () => void }[] = [];

  /** @param local which server is in the process of each caller, if one is */
  constructor(servers: Server[], { callers = 1, local = -1, preferLocal = true } = {}) {
    this.servers = servers;
    this.counts = servers.map(() => 0);
    this.#inFlight = servers.map(() => 0);
    for (let caller = 0; caller < callers; caller++) {
      const model = new LoadModel({ now: () => this.now });
      const own = servers.map((_, i) => ({ fullName: "ledger", node: { id: `n${i}` } }));
      const broker = {
        nodeID: local >= 0 ? `n${local}` : "caller",
        services: local >= 0 ? [{ fullName: "ledger" }] : [],
      };
      model.attach(broker as never);
      const Strategy = powerOfTwo({ model, preferLocal, random: this.#random }) as unknown as new (
        registry: object,
        broker: object,
        options: object,
      ) => { select(list: Endpoint[]): Endpoint };
      this.models.push(model);
      this.#strategies.push(new Strategy({}, broker, {}));
      this.endpoints.push(
        own.map((service, i) => ({ id: `n${i}`, local: i === local, action: { name: "ledger.add" }, service })),
      );
    }
  }

  /** So many calls a second, by chance, from all callers. */
  run(seconds: number, rate: number): void {
    const end = this.now + seconds * 1000;
    let next = this.now;
    while (this.now < end) {
      const first = this.#ends[0];
      if (first && first.at <= next) {
        this.now = first.at;
        this.#ends.shift();
        first.run();
        continue;
      }
      this.now = next;
      next += (-Math.log(1 - this.#random()) * 1000) / rate;
      this.call(Math.floor(this.#random() * this.models.length));
    }
  }

  call(caller = 0): number {
    const model = this.models[caller]!;
    const endpoints = this.endpoints[caller]!;
    const chosen = this.#strategies[caller]!.select(endpoints);
    const i = Number(chosen.id.slice(1));
    const server = this.servers[i]!;
    this.counts[i]!++;
    const callee = chosen.local ? this.#local(caller) : chosen.service;
    const path = model.path(callee, "ledger.add", "teller");
    const start = this.now;
    path.began(start);
    const share = Math.max(1, ++this.#inFlight[i]! / (server.places ?? Number.POSITIVE_INFINITY));
    const took = server.took * share * (0.8 + 0.4 * this.#random());
    const at = start + took;
    let low = this.#ends.length;
    while (low > 0 && this.#ends[low - 1]!.at > at) low--;
    this.#ends.splice(low, 0, {
      at,
      run: () => {
        this.#inFlight[i]!--;
        this.latencies.push(took);
        if (server.failing) this.failed++;
        path.ended(start, this.now, server.failing ? "failed" : "answered");
      },
    });
    return i;
  }

  #local(caller: number) {
    const broker = (this.#strategies[caller] as unknown as { broker: { services: { fullName: string }[] } }).broker;
    return broker.services[0]!;
  }

  share(i: number): number {
    return this.counts[i]! / this.counts.reduce((a, b) => a + b, 0);
  }
}

const ten = (ill: Server): Server[] => [ill, ...Array.from({ length: 9 }, () => ({ took: 5 }))];

describe("the choice between instances", () => {
  test("gives one of ten that is a hundred times slower less than one call in a hundred", () => {
    const cluster = new Cluster(ten({ took: 500 }));
    cluster.run(20, 1000);
    expect(cluster.share(0)).toBeLessThan(0.002);
    for (let i = 1; i < 10; i++) expect(cluster.share(i)).toBeGreaterThan(0.05);
    const sorted = cluster.latencies.toSorted((a, b) => a - b);
    expect(sorted[Math.floor(sorted.length * 0.99)]).toBeLessThan(7.5);
  });

  test("is not attracted by one that fails fast", () => {
    const cluster = new Cluster(ten({ took: 0.1, failing: true }));
    cluster.run(20, 1000);
    expect(cluster.failed / cluster.latencies.length).toBeLessThan(0.005);
  });

  test("sees that one has become slow by calls that have not ended yet", () => {
    const cluster = new Cluster(ten({ took: 5 }));
    cluster.run(20, 1000);
    const before = cluster.counts[0]!;
    cluster.servers[0]!.took = 30_000;
    cluster.run(10, 1000);
    expect(cluster.counts[0]! - before).toBeLessThan(50);
  });

  test("gives those who are equal about equal shares, also where many callers choose at once", () => {
    const cluster = new Cluster(
      Array.from({ length: 10 }, () => ({ took: 5, places: 4 })),
      { callers: 20 },
    );
    cluster.run(20, 3000);
    for (let i = 0; i < 10; i++) {
      expect(cluster.share(i)).toBeGreaterThan(0.06);
      expect(cluster.share(i)).toBeLessThan(0.15);
    }
    // Callers that run to the same one together would make it late.
    const sorted = cluster.latencies.toSorted((a, b) => a - b);
    expect(sorted[Math.floor(sorted.length * 0.99)]).toBeLessThan(20);
  });

  test("gives a new instance little at first, and its share later", () => {
    const cluster = new Cluster(Array.from({ length: 10 }, () => ({ took: 5, places: 2 })));
    const strangers = cluster.endpoints[0]!.splice(0, 1);
    cluster.run(10, 1000);
    expect(cluster.counts[0]).toBe(0);
    cluster.endpoints[0]!.unshift(...strangers);
    cluster.run(1, 1000);
    expect(cluster.counts[0]).toBeGreaterThan(0);
    expect(cluster.counts[0]).toBeLessThan(60);
    cluster.run(15, 1000);
    const before = cluster.counts[0]!;
    cluster.run(10, 1000);
    expect((cluster.counts[0]! - before) / 10_000).toBeGreaterThan(0.06);
  });

  test("does not forget that one is slow where few calls come, but asks it again some day", () => {
    const cluster = new Cluster(ten({ took: 500 }));
    cluster.run(1200, 1);
    expect(cluster.counts[0]).toBeGreaterThan(1);
    expect(cluster.share(0)).toBeLessThan(0.01);
    cluster.servers[0]!.took = 5;
    cluster.run(1200, 1);
    const before = cluster.counts[0]!;
    cluster.run(1200, 1);
    expect((cluster.counts[0]! - before) / 1200).toBeGreaterThan(0.05);
  });

  test("forgets a moment of trouble soon", () => {
    const cluster = new Cluster(ten({ took: 5 }));
    cluster.run(20, 1000);
    cluster.servers[0]!.took = 1000;
    cluster.run(0.2, 1000);
    cluster.servers[0]!.took = 5;
    cluster.run(40, 1000);
    const before = cluster.counts[0]!;
    cluster.run(10, 1000);
    expect((cluster.counts[0]! - before) / 10_000).toBeGreaterThan(0.06);
  });

  test("takes the instance of the same process while it is not worse", () => {
    const cluster = new Cluster([{ took: 5 }, { took: 5 }, { took: 5 }], { local: 1 });
    cluster.run(20, 200);
    expect(cluster.share(1)).toBeGreaterThan(0.98);
    // Also after the others have become known, and where few calls come.
    for (let i = 0; i < 3; i++) {
      cluster.servers[1]!.took = 500;
      cluster.run(2, 200);
      cluster.servers[1]!.took = 5;
      cluster.run(60, 200);
    }
    for (const [seconds, rate] of [
      [20, 200],
      [2000, 0.5],
    ] as const) {
      const before = [...cluster.counts];
      cluster.run(seconds, rate);
      const more = cluster.counts.map((count, i) => count - before[i]!);
      expect(more[1]! / more.reduce((a, b) => a + b)).toBeGreaterThan(rate > 1 ? 0.95 : 0.7);
    }
  });

  test("spills over when the local one is slow, crowded or failing, and comes back", () => {
    for (const ill of [{ took: 200 }, { took: 5, places: 0.01 }, { took: 1, failing: true }]) {
      const cluster = new Cluster([{ took: 5 }, { took: 5 }, { took: 5 }], { local: 1 });
      cluster.run(5, 200);
      Object.assign(cluster.servers[1]!, ill);
      cluster.run(4, 200);
      const before = cluster.counts[1]!;
      cluster.run(10, 200);
      expect((cluster.counts[1]! - before) / 2000).toBeLessThan(0.1);
      Object.assign(cluster.servers[1]!, { took: 5, places: Number.POSITIVE_INFINITY, failing: false });
      cluster.run(60, 200);
      const back = cluster.counts[1]!;
      cluster.run(10, 200);
      expect((cluster.counts[1]! - back) / 2000).toBeGreaterThan(0.9);
    }
  });

  test("leaves the local one to chance where a project does not prefer it", () => {
    const cluster = new Cluster([{ took: 5 }, { took: 5 }, { took: 5 }], { local: 1, preferLocal: false });
    cluster.run(20, 200);
    expect(cluster.share(1)).toBeLessThan(0.5);
  });

  test("passes over those that were taken out, but for when all of them were", () => {
    const cluster = new Cluster([{ took: 5 }, { took: 5 }, { took: 5 }]);
    cluster.run(5, 200);
    const loads = [...cluster.models[0]!.loads()];
    const of = (node: string) => loads.find((load) => load.node === node)!;
    for (const node of ["n0", "n2"]) of(node).ejectedUntil = Number.POSITIVE_INFINITY;
    const before = [...cluster.counts];
    for (let i = 0; i < 100; i++) cluster.call();
    expect(cluster.counts.map((count, i) => count - before[i]!)).toEqual([0, 100, 0]);
    of("n1").ejectedUntil = Number.POSITIVE_INFINITY;
    for (let i = 0; i < 30; i++) cluster.call();
    expect(cluster.counts.reduce((a, b) => a + b) - before.reduce((a, b) => a + b)).toBe(130);
  });

  test("of where an event goes is the service of this process, else one after the other", () => {
    const model = new LoadModel({ now: () => 0 });
    const Strategy = powerOfTwo({ model }) as unknown as new (
      ...of: object[]
    ) => { select(list: Endpoint[]): Endpoint };
    const strategy = new Strategy({}, { services: [] }, {});
    const at = (id: string, local = false): Endpoint => ({
      id,
      local,
      service: { fullName: "listener", node: { id } },
    });
    const remote = [at("a"), at("b"), at("c")];
    expect(Array.from({ length: 6 }, () => strategy.select(remote).id)).toEqual(["a", "b", "c", "a", "b", "c"]);
    expect(strategy.select([...remote, at("d", true)]).id).toBe("d");
    expect([...model.loads()]).toEqual([]);
  });
});
