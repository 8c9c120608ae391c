/**
 * A reader of transparency logs, written from the texts of c2sp.org (signed-note, tlog-checkpoint, tlog-tiles,
 * tlog-cosignature, tlog-proof) and RFC 6962 alone. It shares no code with what it reads, and knows nothing of Azora.
 */
import { createHash, createPublicKey, type KeyObject, verify } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

export interface Sth {
  origin: string;
  size: number;
  root: Buffer;
}

interface NoteKey {
  name: string;
  id: string;
  type: number;
  key: KeyObject;
}

const DER = {
  1: "302a300506032b6570032100",
  4: "302a300506032b6570032100",
  6: "30820532300b06096086480165030403110382052100",
};

export function noteKey(vkey: string): NoteKey {
  const plus = vkey.indexOf("+");
  const name = vkey.slice(0, plus);
  const id = vkey.slice(plus + 1, plus + 9);
  const material = Buffer.from(vkey.slice(plus + 10), "base64");
  const computed = sha256(Buffer.from(`${name}\n`), material)
    .subarray(0, 4)
    .toString("hex");
  if (computed !== id) throw new Error(`the key id of ${name} is ${computed}, not ${id}`);
  const type = material[0] as keyof typeof DER;
  const der = Buffer.concat([Buffer.from(DER[type], "hex"), material.subarray(1)]);
  return { name, id, type, key: createPublicKey({ key: der, format: "der", type: "spki" }) };
}

/** Opens a checkpoint. @returns the names of the known keys that have signed it */
export function openCheckpoint(note: string, keys: NoteKey[]): Sth & { signers: string[] } {
  const at = note.lastIndexOf("\n\n");
  const text = note.slice(0, at + 1);
  const [origin, size, root] = text.split("\n") as [string, string, string];
  const sth = { origin, size: Number(size), root: Buffer.from(root, "base64") };
  const signers: string[] = [];
  for (const line of note
    .slice(at + 2)
    .split("\n")
    .filter(Boolean)) {
    const [dash, name, encoded] = line.split(" ");
    if (dash !== "\u2014") throw new Error(`no signature line: ${line}`);
    const bytes = Buffer.from(encoded!, "base64");
    const key = keys.find((one) => one.name === name && one.id === bytes.subarray(0, 4).toString("hex"));
    if (!key) continue;
    if (!isSigned(key, text, sth, bytes.subarray(4))) throw new Error(`the signature of ${name} is wrong`);
    signers.push(`${key.name}/${key.type}`);
  }
  if (signers.length === 0) throw new Error("no known key has signed");
  return { ...sth, signers };
}

function isSigned({ name, type, key }: NoteKey, text: string, sth: Sth, signature: Buffer): boolean {
  if (type === 1) return verify(null, Buffer.from(text), key, signature);
  const time = signature.subarray(0, 8);
  if (type === 4) {
    const message = `cosignature/v1\ntime ${time.readBigUInt64BE()}\n${text}`;
    return verify(null, Buffer.from(message), key, signature.subarray(8));
  }
  const end = Buffer.alloc(8);
  end.writeBigUInt64BE(BigInt(sth.size));
  const opaque = (value: string) => Buffer.concat([Buffer.of(Buffer.byteLength(value)), Buffer.from(value)]);
  const parts = [Buffer.from("subtree/v1\n\0"), opaque(name), time, opaque(sth.origin), Buffer.alloc(8), end, sth.root];
  return verify(null, Buffer.concat(parts), key, signature.subarray(8));
}

/** The static resources of a log, as files below a folder. */
export class TiledLog {
  readonly #prefix: string;
  readonly #size: number;
  readonly #cache = new Map<string, Buffer>();

  constructor(prefix: string, size: number) {
    this.#prefix = prefix;
    this.#size = size;
  }

  /** Data of all entries, bundle by bundle. */
  *entries(): Generator<Buffer> {
    for (let start = 0; start < this.#size; start += 256) {
      const bundle = this.#fetch("entries", start / 256, Math.min(256, this.#size - start));
      let at = 0;
      for (let i = start; i < Math.min(start + 256, this.#size); i++) {
        const length = bundle.readUInt16BE(at);
        yield bundle.subarray(at + 2, at + 2 + length);
        at += 2 + length;
      }
      if (at !== bundle.length) throw new Error(`bundle ${start / 256} has bytes left over`);
    }
  }

  /** Every hash that is stored, with the place that the specification gives it: level, first entry, end. */
  *storedHashes(): Generator<{ hash: Buffer; start: number; end: number }> {
    for (let level = 0, span = 1; span <= this.#size; level++, span *= 256) {
      const count = Math.floor(this.#size / span);
      for (let i = 0; i < count; i++) yield { hash: this.#stored(level, i), start: i * span, end: (i + 1) * span };
    }
  }

  /** MTH(D[start:end]), from the largest subtrees that are stored. */
  mth(start: number, end: number): Buffer {
    const n = end - start;
    for (let level = 0, span = 1; span <= n; level++, span *= 256) {
      if (span === n && start % span === 0) return this.#stored(level, start / span);
    }
    const k = splitAt(n);
    return inner(this.mth(start, start + k), this.mth(start + k, end));
  }

  /** PATH(m, D[0:n]) of RFC 6962, section 2.1.1. */
  path(m: number, start = 0, end = this.#size): Buffer[] {
    if (end - start === 1) return [];
    const k = splitAt(end - start);
    return m < k
      ? [...this.path(m, start, start + k), this.mth(start + k, end)]
      : [...this.path(m - k, start + k, end), this.mth(start, start + k)];
  }

  /** PROOF(m, D[0:n]) of RFC 6962, section 2.1.2. */
  proof(m: number, start = 0, end = this.#size, whole = true): Buffer[] {
    if (m === end - start) return whole ? [] : [this.mth(start, end)];
    const k = splitAt(end - start);
    return m <= k
      ? [...this.proof(m, start, start + k, whole), this.mth(start + k, end)]
      : [...this.proof(m - k, start + k, end, false), this.mth(start, start + k)];
  }

  #stored(level: number, index: number): Buffer {
    const tile = Math.floor(index / 256);
    const width = Math.min(256, Math.floor(this.#size / 256 ** level) - tile * 256);
    const bytes = this.#fetch(String(level), tile, width);
    if (bytes.length !== width * 32) throw new Error(`tile ${level}/${tile} has ${bytes.length} bytes`);
    return bytes.subarray((index % 256) * 32, ((index % 256) + 1) * 32);
  }

  #fetch(level: string, index: number, width: number): Buffer {
    const digits = String(index).padStart(Math.ceil(String(index).length / 3) * 3, "0");
    const name = digits.replace(/\d{3}(?=\d)/g, "x$&/");
    const path = join(this.#prefix, "tile", level, width === 256 ? name : `${name}.p/${width}`);
    const found = this.#cache.get(path) ?? readFileSync(existsSync(path) ? path : path.replace(/\.p\/.*/, ""));
    this.#cache.set(path, found);
    return found;
  }
}

export function leafHash(data: Buffer): Buffer {
  return sha256(Buffer.of(0), data);
}

/** The root that a path leads to, read backwards from the definition of PATH. */
export function rootOfPath(m: number, n: number, leaf: Buffer, path: Buffer[]): Buffer {
  if (n === 1) {
    if (path.length > 0) throw new Error("the path is too long");
    return leaf;
  }
  const last = path.at(-1);
  if (!last) throw new Error("the path is too short");
  const k = splitAt(n);
  return m < k
    ? inner(rootOfPath(m, k, leaf, path.slice(0, -1)), last)
    : inner(last, rootOfPath(m - k, n - k, leaf, path.slice(0, -1)));
}

/** The two roots that a consistency proof leads to, read backwards from the definition of PROOF. */
export function rootsOfProof(m: number, n: number, oldRoot: Buffer, proof: Buffer[], whole = true): [Buffer, Buffer] {
  const last = proof.at(-1);
  if (m === n) {
    if (proof.length !== (whole ? 0 : 1)) throw new Error("the proof has the wrong length");
    return whole ? [oldRoot, oldRoot] : [last!, last!];
  }
  if (!last) throw new Error("the proof is too short");
  const k = splitAt(n);
  const rest = proof.slice(0, -1);
  if (m <= k) {
    const [before, after] = rootsOfProof(m, k, oldRoot, rest, whole);
    return [before, inner(after, last)];
  }
  const [before, after] = rootsOfProof(m - k, n - k, oldRoot, rest, false);
  return [inner(last, before), inner(last, after)];
}

/** A `.tlog-proof` file; the extra data is taken for the entry. */
export function readProof(text: string): { index: number; path: Buffer[]; checkpoint: string; entry: Buffer } {
  const at = text.indexOf("\n\n");
  const [magic, extra, index, ...path] = text.slice(0, at).split("\n") as [string, string, string];
  if (magic !== "c2sp.org/tlog-proof@v1" || !extra.startsWith("extra ") || !index.startsWith("index ")) {
    throw new Error("no proof with extra data");
  }
  return {
    index: Number(index.slice(6)),
    path: (path as string[]).map((line) => Buffer.from(line, "base64")),
    checkpoint: text.slice(at + 2),
    entry: Buffer.from(extra.slice(6), "base64"),
  };
}

function inner(left: Buffer, right: Buffer): Buffer {
  return sha256(Buffer.of(1), left, right);
}

function splitAt(n: number): number {
  let k = 1;
  while (2 * k < n) k *= 2;
  return k;
}

function sha256(...parts: Uint8Array[]): Buffer {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
}
