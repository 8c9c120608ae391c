import type { Conductor } from "../conductor.ts";
import type { ServiceState } from "../organism-state.ts";
import type { Observation, Patient, Tools } from "./acts.ts";
import { describeService } from "./acts.ts";
import { refuse } from "./refusal.ts";

const CHECK_EVERY_MS = 20;

/**
 * Another node of the same organ takes the service over, and is started for it where there is none; or its standby takes
 * its calls. It stays so until `azora release`.
 */
export async function failover({ conductor }: Tools, patient: Patient, timeout: number): Promise<Observation> {
  const { service } = patient;
  if (!service) refuse("a failover moves a service; name one");
  const { name, standby, organ, kind, runtimeSystem } = {
    ...service.planned,
    standby: service.planned.healing?.standby,
  };
  if (kind === "program" && !standby) refuse(`${name} is a program; it can only be failed over to a standby service`);
  if (runtimeSystem) refuse(`${name} runs the organism itself and stays where it is; restart it instead`);
  const before = describeService(conductor, service);
  const end = Date.now() + timeout;
  if (standby) return toStandby(conductor, service, standby, before, end);
  const left = patient.node ? [patient.node.id] : ill(conductor, service);
  const known = conductor.journal.state.moved[name]?.away ?? [];
  const away = [...new Set([...known, ...left])];
  conductor.journal.append({ type: "moved", service: name, away, at: new Date().toISOString() });
  conductor.changed();
  const taken = () =>
    [...service.instances.values()].filter(({ node, status }) => !away.includes(node) && status === "healthy");
  const gone = () => left.every((node) => !service.instances.has(node));
  const success = await until(() => taken().length > 0 && gone(), end);
  const after = describeService(conductor, service);
  if (success)
    return {
      success,
      before,
      after,
      reason: `${taken()
        .map(({ node }) => node)
        .join(", ")} took it over`,
    };
  // What did not take it over must not keep it from where it was.
  conductor.journal.append({ type: "moved", service: name, away: known, at: new Date().toISOString() });
  conductor.changed();
  return { success, before, after, reason: `no other node of ${organ} took it over in time; it stays where it was` };
}

async function toStandby(
  conductor: Conductor,
  service: ServiceState,
  standby: string,
  before: string,
  end: number,
): Promise<Observation> {
  const other = conductor.state.services.get(standby);
  const status = other ? conductor.state.statusOf(other) : "not there";
  if (status !== "healthy") refuse(`its standby ${standby} is ${status}, and cannot take its calls`);
  const { name } = service.planned;
  conductor.journal.append({ type: "moved", service: name, away: [], standby, at: new Date().toISOString() });
  conductor.changed();
  const success = await until(() => service.instances.size === 0, end);
  const after = success ? `${standby} takes its calls` : describeService(conductor, service);
  return { success, before, after, reason: success ? `its calls go to ${standby}` : "it did not stop in time" };
}

/** Nodes on which it is not well; all of them where it is well everywhere. */
function ill({ state }: Conductor, service: ServiceState): string[] {
  const instances = [...service.instances.values()].filter(({ node }) => !state.nodes.get(node)?.remote);
  const bad = instances.filter(({ status }) => status !== "healthy");
  return (bad.length > 0 ? bad : instances).map(({ node }) => node);
}

async function until(condition: () => boolean, end: number): Promise<boolean> {
  while (!condition()) {
    if (Date.now() > end) return false;
    await new Promise((resolve) => setTimeout(resolve, CHECK_EVERY_MS));
  }
  return true;
}
