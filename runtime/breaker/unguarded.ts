const OF_THE_NODE = /^(\$|node-host$|node-faults$|node-accounting$|node-performance$)/;

/** Calls that keep the organism itself going, and questions after someone's health, are never spared, nor missed. */
export function isUnguarded(action: string, service: string): boolean {
  return OF_THE_NODE.test(service) || action === `${service}.health`;
}
