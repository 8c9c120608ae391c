import { cpus } from "node:os";

/** Times of all cores together since the machine was started, ms. */
export interface CoreTimes {
  busy: number;
  idle: number;
  cores: number;
}

export function coreTimes(): CoreTimes {
  const all = cpus();
  let [busy, idle] = [0, 0];
  for (const { times } of all) {
    idle += times.idle;
    busy += times.user + times.nice + times.sys + times.irq;
  }
  return { busy, idle, cores: all.length };
}
