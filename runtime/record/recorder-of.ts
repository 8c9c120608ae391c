import type { ServiceBroker } from "moleculer";
import type { Recorder } from "./recorder.ts";

const recorders = new WeakMap<object, Recorder>();

export function provideRecorder(broker: ServiceBroker, recorder: Recorder): void {
  recorders.set(broker, recorder);
}

/** The recorder of a node. Throws where the broker is no node of an organism. */
export function recorderOf(broker: ServiceBroker): Recorder {
  const recorder = recorders.get(broker);
  if (!recorder) throw new Error(`${broker.nodeID} is no node of an organism, and records nothing`);
  return recorder;
}

/** Whether the broker has a recorder. */
export function hasRecorder(broker: ServiceBroker): boolean {
  return recorders.has(broker);
}
