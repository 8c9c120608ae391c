/** How much is done so that an entry gets into the chain. */
export const GRADES = ["durable", "best-effort"] as const;
export type Grade = (typeof GRADES)[number];

/** An entry on its way from this node to the chain. */
export interface PendingRecord {
  /** `<node>/<instance>/<epoch>/<seq>`: the idempotency key, so that sending twice makes one entry. */
  readonly key: string;
  readonly eventType: string;
  readonly grade: Grade;
  readonly epoch: number;
  /** JSON of what `blockchain-logger.append` takes: `{idempotencyKey, eventType, data, subject?, actor?}`. */
  readonly text: string;
  /** The chain has it, or has refused it for good. */
  done: boolean;
}

/** Where records wait for their delivery. */
export interface RecordSource {
  /** The oldest records, at most `count`; again the same ones until they are done. */
  next(count: number): Promise<PendingRecord[]>;
  /** They are marked as done already, and need not be kept any longer. */
  settle(): void;
}

/** A record of the outbox, as its line has it. */
export function recordOf(text: string): PendingRecord {
  const { idempotencyKey: key, eventType } = JSON.parse(text) as { idempotencyKey: string; eventType: string };
  return { key, eventType, grade: "durable", epoch: Number(key.split("/").at(-2)), text, done: false };
}
