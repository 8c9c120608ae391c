import type { ServiceBroker } from "moleculer";
import type { Mesh } from "./mesh/mesh.ts";

/** Longest wait for the other nodes to tell what they carry, ms: Moleculer's own value. */
const DISCOVERY_MS = 500;
const CHECK_EVERY_MS = 5;

interface Transit {
  connected: boolean;
  isReady: boolean;
  __connectResolve: (() => void) | null;
  makeSubscriptions(): Promise<void>;
  discoverer: { discoverAllNodes(): Promise<void>; sendLocalNodeInfo(nodeId?: string): Promise<void> };
  tx: { afterConnect(wasReconnect: boolean): Promise<void> };
}

/**
 * Replaces Moleculer's fixed wait of 500 ms after connecting. The mesh knows which nodes are on the bus already, so a
 * node is ready when all of those have introduced themselves. Also ties the registry to the mesh's death notices.
 */
export function connectFast(broker: ServiceBroker, mesh: Mesh | undefined): void {
  const transit = broker.transit as unknown as Transit;
  const { nodes } = broker.registry;
  transit.tx.afterConnect = async (wasReconnect) => {
    if (wasReconnect) await transit.discoverer.sendLocalNodeInfo();
    else await transit.makeSubscriptions();
    await transit.discoverer.discoverAllNodes();
    if (!wasReconnect && mesh) {
      await until(DISCOVERY_MS, () => mesh.peers().every((peer) => !peer.onBus || nodes.get(peer.id)?.available));
      mesh.self.onBus = true;
    } else if (!wasReconnect) await until(DISCOVERY_MS, () => false);
    transit.connected = true;
    broker.broadcastLocal("$transporter.connected", { wasReconnect });
    transit.isReady = true;
    transit.__connectResolve?.();
    transit.__connectResolve = null;
  };
  mesh?.on("down", (peer) => {
    const node = nodes.get(peer.id);
    // A newer life of that node may have introduced itself already.
    if (node?.available && node.instanceID === peer.instanceId) nodes.disconnected(peer.id, true);
  });
  mesh?.on("up", (peer) => {
    if (transit.connected && peer.role !== "spine") void transit.discoverer.sendLocalNodeInfo(peer.id);
  });
}

async function until(limit: number, condition: () => boolean): Promise<void> {
  const end = Date.now() + limit;
  while (!condition() && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, CHECK_EVERY_MS));
}
