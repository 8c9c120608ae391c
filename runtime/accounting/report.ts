import { createPublicKey, generateKeyPairSync, type KeyObject, sign, verify } from "node:crypto";
import { canonicalize } from "../../tlog/canonical-json.ts";

/** What was sent to one incarnation of a node, of one epoch of the sender. */
export interface SentRow {
  to: string;
  /** Mark of the incarnation, as far as the sender knew. */
  mark: string;
  epoch: number;
  calls: number;
  events: number;
  /** Multiset hash of the packets' numbers, 32 hex digits. */
  hash: string;
  /** Packets that did not leave the node; they are not counted. */
  unsent?: number;
}

/** What came from one incarnation of a node, of one epoch of the sender. */
export interface ReceivedRow {
  from: string;
  mark: string;
  epoch: number;
  calls: number;
  events: number;
  hash: string;
  /** Packets that came again; they are counted once. */
  again?: number;
}

/** What a node has recorded for the chain in one epoch; entries of the accounting itself are left out. */
export interface EntriesRow {
  epoch: number;
  durable: number;
  bestEffort: number;
  /** Of these: not delivered, and never will be. */
  dropped: number;
  /** Multiset hash of the sequence numbers of those that were not dropped. */
  hash: string;
}

/**
 * What a node says of itself: an entry of the type `accounting.node`. Rows add up: what is counted of an epoch after its
 * report is in a later report.
 */
export interface NodeReport {
  node: string;
  /** Broker's instance id: one incarnation of the node. */
  instance: string;
  /** 1 for an incarnation's first report; no number is left out. */
  number: number;
  /** The epoch that the node was in. */
  epoch: number;
  /** When the incarnation began, and when this was written, by the node's clock, ms since 1970. */
  started: number;
  at: number;
  sent: SentRow[];
  received: ReceivedRow[];
  entries: EntriesRow[];
  /** Packets from a node that counts, with ids that cannot be counted. */
  unmarked?: { from: string; count: number }[];
  /** Calls that ended without an answer, by the node that was called. */
  lost?: { to: string; calls: number }[];
  /** Times without the bus, ms since 1970; both ends. */
  interrupted?: { from: number; until: number }[];
  /** Entries that wait for their delivery. */
  waiting?: number;
  /** The question that this answers: it covers all that has come until it was asked. */
  asked?: number;
  /** The incarnation ends. */
  final?: true;
}

export interface SignedReport {
  report: NodeReport;
  /** Ed25519 public key of the incarnation, base64url of its 32 bytes. */
  key: string;
  /** Of `azora accounting v1`, a line break and the report's canonical JSON; base64. */
  signature: string;
}

const CONTEXT = "azora accounting v1\n";

/** Signs what one incarnation of a node says. The private key is nowhere but in its memory. */
export class ReportSigner {
  readonly key: string;
  readonly #key: KeyObject;

  constructor() {
    const { publicKey, privateKey } = generateKeyPairSync("ed25519");
    this.#key = privateKey;
    this.key = publicKey.export({ format: "jwk" }).x!;
  }

  sign(report: NodeReport): SignedReport {
    return { report, key: this.key, signature: sign(null, bytesOf(report), this.#key).toString("base64") };
  }
}

export function isSigned({ report, key, signature }: SignedReport): boolean {
  try {
    const publicKey = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: key }, format: "jwk" });
    return verify(null, bytesOf(report), publicKey, Buffer.from(signature, "base64"));
  } catch {
    return false;
  }
}

function bytesOf(report: NodeReport): Buffer {
  return Buffer.from(CONTEXT + canonicalize(report));
}
