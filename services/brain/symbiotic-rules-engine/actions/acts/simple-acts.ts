import { refuse } from "../refused.ts";
import type { Act } from "./act.ts";

const HEAL_MS = 30_000;
/** Services of a system whose caches are cleared at once, at most. */
const MOST_CACHES = 50;

/** Any healing action, as the healer offers it; it judges and refuses by its own rules. */
export const heal: Act = ({ parameters, target, ports }) => {
  const { action = "restart", parameters: given = {} } = parameters as { action?: string; parameters?: object };
  if (target.kind === "system" || target.kind === "organism")
    refuse(`${target.name} is a whole; name the service or the node that is to be healed`);
  return {
    what: `has the healer carry out ${action} on ${target.name}`,
    async carryOut() {
      const whom = target.kind === "node" ? { node: target.name } : { service: target.name };
      const order = { ...whom, actionType: action, parameters: { ...given }, timeout: HEAL_MS };
      const { success, reason, observed } = await ports.heal(order);
      if (!success) throw new Error(reason);
      return `${action} of ${target.name}: ${observed.after || reason}`;
    },
  };
};

export const clearCache: Act = ({ parameters, target, topology, ports }) => {
  const tag = parameters["tag"] as string | undefined;
  if (tag !== undefined) {
    const [node] = topology.nodes.filter(({ status }) => status === "up");
    if (!node) refuse("no node is up");
    return {
      what: `forgets cached answers tagged ${tag}`,
      async carryOut() {
        await ports.clearTags(node.id, [tag]);
        return `no node gives out an answer tagged ${tag} that is older`;
      },
    };
  }
  const services = target.services.filter(({ kind, instances }) => kind === "service" && instances.length > 0);
  if (services.length === 0) refuse(`${target.name} has no service that runs`);
  const names = services.slice(0, MOST_CACHES).map(({ name }) => name);
  return {
    what: `forgets what was cached of ${names.length === 1 ? names[0] : `${names.length} services of ${target.name}`}`,
    async carryOut() {
      const seen: string[] = [];
      const failed: string[] = [];
      for (const service of names) {
        try {
          const order = { service, actionType: "clear-cache", parameters: {}, timeout: HEAL_MS };
          const { success, observed, reason } = await ports.heal(order);
          (success ? seen : failed).push(`${service}: ${success ? observed.after : reason}`);
        } catch (error) {
          failed.push(`${service}: ${(error as Error).message}`);
        }
      }
      if (seen.length === 0) throw new Error(failed.join("; "));
      if (names.length === 1) return seen[0]!;
      return [`done by ${failed.length === 0 ? "all" : `${seen.length} of ${names.length}`}`, ...failed].join("; ");
    },
  };
};

export const alert: Act = ({ parameters, target, rule, why, ports }) => {
  const { severity = "warning", summary = why } = parameters as {
    severity?: "info" | "warning" | "critical";
    summary?: string;
  };
  return {
    what: `raises the alert ${rule} about ${target.name}`,
    ...(ports.raised(rule, target.name) === severity ? { isThere: true as const } : {}),
    async carryOut() {
      const isKept = ports.raise({ id: rule, subject: target.name, severity, summary, rule });
      if (!isKept) refuse("there are so many alerts already that there is no room for another one");
      return `the alert ${rule} is raised about ${target.name}`;
    },
  };
};
