/** Keys that sign notes: C2SP vkeys, and which bytes each algorithm signs. */
import { constants, createPublicKey, generateKeyPairSync, hash, type KeyObject, sign, verify } from "node:crypto";
import { decodeBase64 } from "./base64.ts";
import { parseCheckpoint } from "./checkpoint-text.ts";
import { Lru } from "./lru.ts";
import { isKeyName, type Note, type Signature } from "./note.ts";

export const ALGORITHMS = ["ed25519", "rsa-pss-3072", "ml-dsa-44"] as const;
export type Algorithm = (typeof ALGORITHMS)[number];

export interface Verifier {
  readonly name: string;
  readonly keyId: number;
  readonly algorithm: Algorithm;
  /** True where a signature says when it was made: cosignatures, and every ML-DSA signature. */
  readonly cosigner: boolean;
  /** `<name>+<key id, hex>+<base64(type || public key)>` */
  readonly vkey: string;
  /** Undefined where the signature is not one of this key over this text. `timestamp`: seconds since the epoch. */
  verify(text: string, signature: Buffer): { timestamp?: number } | undefined;
}

export interface Signer {
  readonly verifier: Verifier;
  sign(text: string, nowMs: number): Signature;
}

export interface SignedBy {
  verifier: Verifier;
  /** Seconds since the epoch, where the signature says so. */
  timestamp?: number;
}

/** A note that a known key has not signed though it says so, or that no known key has signed. */
export class BadSignature extends Error {
  override readonly name = "BadSignature";
}

/** A verifier key that cannot be read. */
export class MalformedKey extends Error {
  override readonly name = "MalformedKey";
}

/** Signature types; the first byte of a vkey's key. The last one has no number of its own, so that a name follows. */
const ED25519 = 0x01;
const ED25519_COSIGNATURE = 0x04;
const ML_DSA_44 = 0x06;
const RSA_PSS = Buffer.concat([Buffer.from([0xff]), Buffer.from("azora.dev/rsa-pss-3072-sha256/v1")]);
const RSA_BITS = 3072;
const RSA_OPTIONS = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };

/** The DER that precedes a raw public key in an SPKI structure, and the length of that key. */
const SPKI = {
  ed25519: { prefix: Buffer.from("302a300506032b6570032100", "hex"), length: 32 },
  "ml-dsa-44": { prefix: Buffer.from("30820532300b06096086480165030403110382052100", "hex"), length: 1312 },
} as const;

/** What is signed by a type: the text itself, or something made of it and of the time. */
interface Scheme {
  type: Buffer;
  algorithm: Algorithm;
  timestamped: boolean;
  message(name: string, text: string, timestamp: bigint): Buffer;
}

const SCHEMES: readonly Scheme[] = [
  { type: Buffer.from([ED25519]), algorithm: "ed25519", timestamped: false, message: plain },
  { type: Buffer.from([ED25519_COSIGNATURE]), algorithm: "ed25519", timestamped: true, message: cosignature },
  { type: Buffer.from([ML_DSA_44]), algorithm: "ml-dsa-44", timestamped: true, message: subtree },
  { type: RSA_PSS, algorithm: "rsa-pss-3072", timestamped: false, message: plain },
];

/** A new private key. */
export function generateKey(algorithm: Algorithm): KeyObject {
  if (algorithm === "rsa-pss-3072") return generateKeyPairSync("rsa", { modulusLength: RSA_BITS }).privateKey;
  if (algorithm === "ml-dsa-44") return generateKeyPairSync("ml-dsa-44").privateKey;
  return generateKeyPairSync("ed25519").privateKey;
}

/**
 * @param name of the key; for a log's key its origin
 * @param options.cosigner sign as a witness: an Ed25519 key then signs C2SP cosignatures. @default false
 */
export function signerOf(name: string, key: KeyObject, options: { cosigner?: boolean } = {}): Signer {
  const algorithm = algorithmOf(key);
  const cosigner = options.cosigner ?? false;
  const scheme = SCHEMES.find((one) => one.algorithm === algorithm && (one.timestamped || !cosigner));
  if (!algorithm || !scheme)
    throw new MalformedKey(`A ${key.asymmetricKeyType} key cannot sign ${cosigner ? "as a witness" : "notes"}`);
  const verifier = verifierOf(name, scheme, createPublicKey(key));
  return {
    verifier,
    sign(text, nowMs) {
      const timestamp = BigInt(Math.floor(nowMs / 1000));
      const bytes = sign(digestOf(algorithm), scheme.message(name, text, timestamp), { key, ...optionsOf(algorithm) });
      const signature = scheme.timestamped ? Buffer.concat([u64(timestamp), bytes]) : bytes;
      return { name, keyId: verifier.keyId, signature };
    },
  };
}

/** Reading a key takes as long as checking a signature, and the same few are read again and again. */
const parsed = new Lru<Verifier>(64);

/** @throws MalformedKey */
export function parseVkey(vkey: string): Verifier {
  return parsed.get(vkey, () => readVkey(vkey));
}

function readVkey(vkey: string): Verifier {
  const [name = "", id = "", ...rest] = vkey.split("+");
  // Base64 may have a plus in it, a name may not.
  const bytes = decodeBase64(rest.join("+"));
  if (!isKeyName(name) || !/^[0-9a-f]{8}$/.test(id) || !bytes) {
    throw new MalformedKey(`${JSON.stringify(vkey.slice(0, 80))} is not "<name>+<8 hex digits>+<base64>"`);
  }
  const scheme = SCHEMES.find(({ type }) => bytes.subarray(0, type.length).equals(type));
  if (!scheme) throw new MalformedKey(`The key of ${name} is of an unknown type`);
  const verifier = verifierOf(name, scheme, publicKeyOf(name, scheme, bytes.subarray(scheme.type.length)));
  if (verifier.vkey !== vkey) throw new MalformedKey(`The key id of ${name} is ${id}, but its key has another`);
  return verifier;
}

/**
 * The known keys that have signed the note, each once. Signatures of others say nothing.
 * @throws BadSignature where a known key's signature does not hold, or there is none
 */
export function verifySignatures(note: Note, verifiers: readonly Verifier[]): SignedBy[] {
  const found = new Map<Verifier, SignedBy>();
  for (const { name, keyId, signature } of note.signatures) {
    const verifier = verifiers.find((one) => one.name === name && one.keyId === keyId);
    if (!verifier) continue;
    const verified = verifier.verify(note.text, signature);
    if (!verified) throw new BadSignature(`The signature of ${name} (key ${hex(keyId)}) does not hold`);
    if (!found.has(verifier)) found.set(verifier, { verifier, ...verified });
  }
  if (found.size === 0) throw new BadSignature("No known key has signed this");
  return [...found.values()];
}

function verifierOf(name: string, scheme: Scheme, key: KeyObject): Verifier {
  if (!isKeyName(name))
    throw new MalformedKey(`${JSON.stringify(name)} cannot be the name of a key: blanks and + are not allowed`);
  const { algorithm, timestamped } = scheme;
  const bytes = Buffer.concat([scheme.type, rawOf(algorithm, key)]);
  const keyId = hash("sha256", Buffer.concat([Buffer.from(`${name}\n`), bytes]), "buffer").readUInt32BE(0);
  return {
    name,
    keyId,
    algorithm,
    cosigner: timestamped,
    vkey: `${name}+${hex(keyId)}+${bytes.toString("base64")}`,
    verify(text, signature) {
      if (timestamped && signature.length <= 8) return undefined;
      const timestamp = timestamped ? signature.readBigUInt64BE(0) : 0n;
      if (timestamp > BigInt(Number.MAX_SAFE_INTEGER)) return undefined;
      const message = messageOf(scheme, name, text, timestamp);
      const own = timestamped ? signature.subarray(8) : signature;
      if (!message || !verify(digestOf(algorithm), message, { key, ...optionsOf(algorithm) }, own)) return undefined;
      return timestamped ? { timestamp: Number(timestamp) } : {};
    },
  };
}

/** Undefined for a text that this type of key cannot have signed. */
function messageOf(scheme: Scheme, name: string, text: string, timestamp: bigint): Buffer | undefined {
  try {
    return scheme.message(name, text, timestamp);
  } catch {
    return undefined;
  }
}

function plain(_name: string, text: string): Buffer {
  return Buffer.from(text);
}

function cosignature(_name: string, text: string, timestamp: bigint): Buffer {
  return Buffer.from(`cosignature/v1\ntime ${timestamp}\n${text}`);
}

/** The C2SP `cosigned_message`; it knows no extension lines. @throws MalformedLog where the text is no checkpoint */
function subtree(name: string, text: string, timestamp: bigint): Buffer {
  const { origin, size, root } = parseCheckpoint(text);
  return Buffer.concat([
    Buffer.from("subtree/v1\n\0"),
    prefixed(name),
    u64(timestamp),
    prefixed(origin),
    u64(0n),
    u64(BigInt(size)),
    root,
  ]);
}

function prefixed(text: string): Buffer {
  const bytes = Buffer.from(text);
  if (bytes.length === 0 || bytes.length > 255) throw new MalformedKey("A name has 1 to 255 bytes");
  return Buffer.concat([Buffer.from([bytes.length]), bytes]);
}

function publicKeyOf(name: string, { algorithm }: Scheme, raw: Buffer): KeyObject {
  try {
    const der = algorithm === "rsa-pss-3072" ? raw : Buffer.concat([SPKI[algorithm].prefix, raw]);
    if (algorithm !== "rsa-pss-3072" && raw.length !== SPKI[algorithm].length) throw new RangeError();
    const key = createPublicKey({ key: der, format: "der", type: "spki" });
    if (algorithmOf(key) === algorithm && rawOf(algorithm, key).equals(raw)) return key;
  } catch {
    // What OpenSSL says of it helps nobody.
  }
  throw new MalformedKey(`The key of ${name} is no ${algorithm} key`);
}

/** What follows the type in a vkey: the raw key, for RSA the whole SPKI structure. */
function rawOf(algorithm: Algorithm, key: KeyObject): Buffer {
  const der = key.export({ format: "der", type: "spki" });
  return algorithm === "rsa-pss-3072" ? der : der.subarray(SPKI[algorithm].prefix.length);
}

function algorithmOf(key: KeyObject): Algorithm | undefined {
  if (key.asymmetricKeyType !== "rsa") return ALGORITHMS.find((one) => one === key.asymmetricKeyType);
  return key.asymmetricKeyDetails?.modulusLength === RSA_BITS ? "rsa-pss-3072" : undefined;
}

function digestOf(algorithm: Algorithm): string | null {
  return algorithm === "rsa-pss-3072" ? "sha256" : null;
}

function optionsOf(algorithm: Algorithm): object {
  return algorithm === "rsa-pss-3072" ? RSA_OPTIONS : {};
}

function u64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return bytes;
}

function hex(keyId: number): string {
  return keyId.toString(16).padStart(8, "0");
}
