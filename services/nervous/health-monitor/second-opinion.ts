import type { ServiceBroker } from "moleculer";
import type { RemoteNode } from "./node-watch.ts";

/** Longest wait for a witness, who has to wait for the suspected node himself, ms. */
const WITNESS_TIMEOUT_MS = 2500;
const PING_TIMEOUT_MS = 1000;

interface KnownNode {
  id: string;
  instanceID: string | null;
  available: boolean;
  local: boolean;
  metadata: { organ?: string; joined?: boolean; host?: string } | null;
}

/** What the bus knows of other nodes, asked on behalf of the node watch. */
export class SecondOpinion {
  readonly #broker: ServiceBroker;

  constructor(broker: ServiceBroker) {
    this.#broker = broker;
  }

  remotes(): RemoteNode[] {
    return this.#known()
      .filter(({ metadata }) => metadata?.joined)
      .map(({ id, instanceID, available }) => ({ id, instanceId: instanceID ?? "", available }));
  }

  isKnown(id: string): boolean {
    return this.#known().some((node) => node.id === id && node.available);
  }

  isRemote(id: string): boolean {
    return this.#known().some((node) => node.id === id && node.metadata?.joined === true);
  }

  /** Living nodes but this one and the suspected; first those of a third machine, whose way to it is another. */
  witnesses(suspected: string, trusts: (id: string) => boolean): string[] {
    const known = this.#known();
    const host = known.find(({ id }) => id === suspected)?.metadata?.host;
    const isThird = ({ metadata }: KnownNode) => Number(metadata?.joined === true && metadata.host !== host);
    return known
      .filter(
        (node) => !node.local && node.available && node.metadata?.organ && node.id !== suspected && trusts(node.id),
      )
      .sort((a, b) => isThird(b) - isThird(a))
      .map(({ id }) => id);
  }

  reach = async (witness: string, node: string): Promise<boolean | undefined> => {
    try {
      const options = { nodeID: witness, timeout: WITNESS_TIMEOUT_MS };
      const { reached } = (await this.#broker.call("node-host.reach", { node }, options)) as { reached: boolean };
      return reached;
    } catch {
      return undefined;
    }
  };

  ping = async (node: string): Promise<boolean | undefined> => {
    const { transit } = this.#broker as unknown as { transit?: { connected: boolean } };
    if (!transit?.connected) return undefined;
    const pong = await this.#broker.ping(node, PING_TIMEOUT_MS).catch(() => null);
    return transit.connected ? pong !== null : undefined;
  };

  #known(): KnownNode[] {
    return (this.#broker.registry as unknown as { nodes: { toArray(): KnownNode[] } }).nodes.toArray();
  }
}
