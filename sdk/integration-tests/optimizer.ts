import { AzoraPerformanceOptimizer } from "../performance-optimizer.ts";
import { type Check, expect, Skip } from "./check.ts";

export const optimizer: Check = {
  name: "optimizer",
  about: "it measures services and pools, and tells what it has changed",
  async run(world) {
    const { status, body } = await world.ask("/health/performance");
    if (status === 404) throw new Skip("there is no performance-optimizer in this organism");
    expect(status === 200, `it is ${body["status"]}: ${JSON.stringify(body["checks"])}`);
    const optimizer = new AzoraPerformanceOptimizer(world.link);
    await optimizer.initialize();
    try {
      const { services, window } = await optimizer.getPerformanceMetrics();
      expect(Array.isArray(services), "its metrics have no services");
      for (const { service, latency, throughput, errorRate } of services)
        for (const [name, value] of Object.entries({ ...latency, throughput, errorRate }))
          expect(Number.isFinite(value) && value >= 0, `${name} of ${service} is ${value}`);
      const pools = await optimizer.getResourcePoolStatus();
      const wrong = pools.find(({ size, min, max }) => !(size >= min && size <= max));
      expect(wrong === undefined, `pool ${wrong?.name} of ${wrong?.node} has ${wrong?.size}, outside of its bounds`);
      const history = await optimizer.getOptimizationHistory(20);
      const measured = `${services.length} services over ${Math.round(window)} s, ${pools.length} pools`;
      return `measures ${measured}; ${history.length === 20 ? "20 or more" : history.length} changes in its history`;
    } finally {
      await optimizer.shutdown();
    }
  },
};
