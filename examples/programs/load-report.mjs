// Asks a running organism how it bears its load. With the package installed the import is: from "azora/sdk"
import { AzoraPerformanceOptimizer } from "../../sdk/index.ts";

const optimizer = new AzoraPerformanceOptimizer(); // the organism of this folder; or {url, token}, or {broker}
await optimizer.initialize();

const { services } = await optimizer.getPerformanceMetrics();
const slowest = services.filter(({ calls }) => calls > 0).toSorted((a, b) => b.latency.p95 - a.latency.p95);
for (const { service, throughput, latency, errorRate } of slowest.slice(0, 5)) {
  const figures = [
    `${throughput.toFixed(1)} calls/s`,
    `p95 ${latency.p95.toFixed(1)} ms`,
    `${(errorRate * 100).toFixed(1)} % errors`,
  ];
  console.log(`${service.padEnd(22)} ${figures.join("  ")}`);
}

const short = (await optimizer.getResourcePoolStatus()).filter(({ wait }) => wait > 1);
for (const { node, name, wait, inUse, size } of short)
  console.log(`pool ${name} of ${node}: ${wait.toFixed(1)} ms wait for a place, ${inUse} of ${size} taken`);

// With a service's name it also makes that one faster: what does not help on live traffic is taken back.
const [service] = process.argv.slice(2);
if (service)
  for (const { change, status } of await optimizer.forceOptimization(service)) console.log(`${status}: ${change}`);

for (const { at, change, status, effect } of await optimizer.getOptimizationHistory(5)) {
  const worth = effect ? `, ${effect.before.mean.toFixed(1)} → ${effect.after.mean.toFixed(1)} ${effect.unit}` : "";
  console.log(`${at}  ${status}: ${change}${worth}`);
}
await optimizer.shutdown();
