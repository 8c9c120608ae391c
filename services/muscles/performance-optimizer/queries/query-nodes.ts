import type { ServiceBroker } from "moleculer";
import type { ServiceQueries } from "../../../../models/query-facts.ts";
import { AzoraError } from "../../../../runtime/errors.ts";

/** The nodes, as far as the queries of their services go. */
export interface QueryNodes {
  /** What each node tells of one service, or of all. */
  facts(service?: string): Promise<ServiceQueries[]>;
  call<R>(node: string, action: string, params: object): Promise<R>;
}

const NODE_SERVICE = "node-performance";

/** Asking and telling by calls of the service that every node has. A node that does not answer is left out of the facts. */
export function queryNodes(broker: ServiceBroker): QueryNodes {
  const call = <R>(node: string, action: string, params: object) =>
    broker.call(`${NODE_SERVICE}.${action}`, params, { nodeID: node }) as Promise<R>;
  return {
    call,
    async facts(service) {
      const nodes = carriers(broker, service);
      if (service !== undefined && nodes.length === 0) {
        throw new AzoraError("SERVICE_UNKNOWN", `No service ${service} with a store is up`, { service });
      }
      const params = service === undefined ? {} : { service };
      const answers = await Promise.allSettled(nodes.map((node) => call<ServiceQueries[]>(node, "queries", params)));
      const failed = answers.find((answer) => answer.status === "rejected");
      const facts = answers.flatMap((answer) => (answer.status === "fulfilled" ? answer.value : []));
      if (service !== undefined && facts.length === 0 && failed) throw failed.reason;
      return facts;
    },
  };
}

/** Nodes that can tell of their queries, and carry the service. */
function carriers(broker: ServiceBroker, service: string | undefined): string[] {
  const list = broker.registry.services.list({ onlyAvailable: true }) as { fullName: string; nodeID: string }[];
  const nodes = (name: string) => list.filter(({ fullName }) => fullName === name).map(({ nodeID }) => nodeID);
  const able = nodes(NODE_SERVICE);
  if (service === undefined) return able;
  const wanted = new Set(nodes(service));
  return able.filter((node) => wanted.has(node));
}
