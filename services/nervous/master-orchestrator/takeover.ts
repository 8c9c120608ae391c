import { hostname } from "node:os";
import type { Organ } from "../../../runtime/discovery/metadata.ts";
import { ownIdentity } from "../../../runtime/process-identity.ts";
import type { Conductor } from "./conductor.ts";
import { ORCHESTRATOR_NODE } from "./placement.ts";

/** Takes over the processes of a former life of the orchestrator, and what it had counted of failures. */
export function takeOver(conductor: Conductor): void {
  const { state, fleet, journal, mesh, nodes, programs, launch } = conductor;
  const own = state.node(ORCHESTRATOR_NODE, "nervous");
  const { incarnation } = fleet.take(ORCHESTRATOR_NODE, ownIdentity());
  const { living, dead } = fleet.adopt();
  for (const peer of mesh.peers()) if (peer.role === "node") fleet.take(peer.id, peer);
  for (const [key, counted] of Object.entries(journal.state.attempts)) restore(conductor, key, counted);
  Object.assign(own, { status: "starting", pid: process.pid, incarnation, since: Date.now(), host: "local" });
  for (const node of state.nodes.values()) if (node !== own) nodes.adopt(node);
  for (const member of living) {
    const service = state.services.get(member.key.replace(/^program:/, ""));
    if (member.key.startsWith("program:") && service) programs.adopt(service, member);
  }
  if (!launch.done) return;
  for (const id of dead) {
    if (state.nodes.has(id) && id !== ORCHESTRATOR_NODE) nodes.gone(id, "died while the orchestrator was away");
  }
}

/** Attempts of a former life count on, and what was given up stays so. */
function restore(conductor: Conductor, key: string, { attempts, exhausted }: { attempts: number; exhausted: boolean }) {
  const { state, restarts, services, programs, policyOf } = conductor;
  const at = key.indexOf("@");
  const service = state.services.get(key.startsWith("program:") ? key.slice("program:".length) : key.slice(0, at));
  if (!service) return;
  const instance = service.instances.get(key.slice(at + 1));
  if (exhausted && service.planned.kind === "program") programs.restoreQuarantine(service, attempts);
  else if (exhausted && instance) services.restoreQuarantine(service, instance, attempts);
  else restarts.restore(key, attempts, policyOf(service.planned));
}

/** Ties the conductor to everything that tells of processes and nodes. */
export function listen(conductor: Conductor): void {
  const { mesh, broker, fleet, nodes, programs, state } = conductor;
  mesh.on("down", (peer, reason, lastSeen) => {
    // One that said good-bye ends by itself.
    if (peer.role === "node" && reason === "lost") nodes.failures.lost(peer, lastSeen);
  });
  mesh.on("hung", (peer, silentFor) => {
    if (peer.role === "node") nodes.failures.hung(peer, silentFor);
  });
  fleet.on("gone", (member, how) => {
    if (member.key.startsWith("program:")) programs.gone(member.key, how);
    else nodes.gone(member.key, how);
  });
  broker.localBus.on("$services.changed", () => nodes.noticeArrivals());
  broker.localBus.on("$node.connected", () => noticeRemote(conductor));
  broker.localBus.on("$node.updated", () => noticeRemote(conductor));
  broker.localBus.on("$node.disconnected", ({ node }: { node: { id: string } }) => {
    const known = state.nodes.get(node.id);
    if (known?.remote) nodes.remoteGone(known);
  });
}

/** Enters nodes that joined from other machines. */
export function noticeRemote(conductor: Conductor): void {
  for (const node of conductor.broker.registry.nodes.list({ onlyAvailable: true, withServices: false })) {
    const { organ, joined, host, pid } = (node.metadata ?? {}) as {
      organ?: Organ;
      joined?: boolean;
      host?: string;
      pid?: number;
    };
    if (!joined || !organ) continue;
    conductor.nodes.remoteArrived(conductor.state.node(node.id, organ, true), host ?? hostname(), pid ?? 0);
    conductor.changed();
  }
}
