import type { KeyObject } from "node:crypto";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { blockHash, blockLine } from "../../tlog/block.ts";
import { formatCheckpoint } from "../../tlog/checkpoint.ts";
import { idOfKey, type LeafEntry, leafBytes } from "../../tlog/entry.ts";
import { Frontier, rootOf } from "../../tlog/frontier.ts";
import { leafHash } from "../../tlog/hashes.ts";
import { type Algorithm, generateKey, type Signer, signerOf } from "../../tlog/keys.ts";
import { formatNote, type Signature } from "../../tlog/note.ts";
import { joinBundle, TILE_WIDTH, tilePath } from "../../tlog/tiles.ts";

const NO_HASH = "0".repeat(64);
const START = Date.parse("2026-11-20T12:00:00Z");

export interface GeneratedLogOptions {
  /** @default "azora.test/log" */
  origin?: string;
  /** Entries of a block at most. @default 256 */
  blockSize?: number;
  /** Algorithms of the first keys. @default ["ed25519"] */
  keys?: Algorithm[];
}

interface Key {
  signer: Signer;
  addedAt: number;
  retiredAt: number;
  revokedAt: number;
}

/** Writes a log file by file as docs/chain-format.md has it, with the library's primitives: of any length, in little memory. */
export class GeneratedLog {
  readonly folder: string;
  readonly origin: string;
  readonly keys: Key[] = [];
  /** Text of every checkpoint that was published, with its size. */
  readonly published: { size: number; text: string }[] = [];
  readonly #blockSize: number;
  readonly #tree = new Frontier();
  #bundle: Buffer[] = [];
  readonly #levels: { hashes: Buffer[]; index: number }[] = [];
  #blockLines: string[] = [];
  #open: Buffer[] = [];
  #height = 0;
  #lastHash = NO_HASH;
  #lastBlock = NO_HASH;
  #changed = false;

  constructor(
    folder: string,
    { origin = "azora.test/log", blockSize = TILE_WIDTH, keys = ["ed25519"] }: GeneratedLogOptions = {},
  ) {
    this.folder = folder;
    this.origin = origin;
    this.#blockSize = blockSize;
    for (const algorithm of keys) this.addKey(generateKey(algorithm));
  }

  get size(): number {
    return this.#tree.size;
  }

  get height(): number {
    return this.#height;
  }

  /** vkeys of all keys, in the order of their entries. */
  get vkeys(): string[] {
    return this.keys.map(({ signer }) => signer.verifier.vkey);
  }

  /** @returns bytes of the leaf */
  add(eventType: string, data: Record<string, unknown>, more: Partial<LeafEntry> = {}): Buffer {
    const index = this.#tree.size;
    return this.append(
      leafBytes({
        data,
        eventType,
        id: idOfKey(`entry ${index}`),
        index,
        previousHash: this.#lastHash,
        timestamp: timeOf(index),
        validator: "immune-1",
        ...more,
      }),
    );
  }

  /** Adds a leaf as it is, whatever it says. */
  append(bytes: Buffer): Buffer {
    const index = this.#tree.size;
    const leaf = leafHash(bytes);
    this.#lastHash = leaf.toString("hex");
    this.#tree.append(leaf);
    this.#open.push(leaf);
    this.#bundle.push(bytes);
    if (this.#bundle.length === TILE_WIDTH) {
      const path = tilePath("entries", index >> 8);
      this.#write(path, joinBundle(this.#bundle));
      this.#removePartials(path);
      this.#bundle = [];
    }
    this.#push(0, leaf);
    if (this.#open.length === this.#blockSize || this.#tree.size % TILE_WIDTH === 0) this.seal();
    return bytes;
  }

  addKey(key: KeyObject): Signer {
    const signer = signerOf(this.origin, key);
    this.keys.push({ signer, addedAt: this.size, retiredAt: Infinity, revokedAt: Infinity });
    this.#changed = true;
    this.add("chain.key.added", { algorithm: signer.verifier.algorithm, ...naming(signer) });
    return signer;
  }

  retire(at: number): void {
    this.keys[at]!.retiredAt = this.size;
    this.#changed = true;
    this.add("chain.key.retired", naming(this.keys[at]!.signer));
  }

  revoke(at: number): void {
    this.keys[at]!.revokedAt = this.size;
    this.#changed = true;
    this.add("chain.key.revoked", { ...naming(this.keys[at]!.signer), reason: "it was lost" });
  }

  seal(): void {
    if (this.#open.length === 0) return;
    const size = this.size;
    const block = {
      entryCount: this.#open.length,
      firstIndex: size - this.#open.length,
      height: this.#height++,
      lastIndex: size - 1,
      merkleRoot: rootOf(this.#open).toString("hex"),
      previousHash: this.#lastBlock,
      timestamp: timeOf(size - 1),
      treeRoot: this.#tree.root().toString("hex"),
      treeSize: size,
      validator: "immune-1",
    };
    this.#open = [];
    this.#lastBlock = blockHash(block);
    this.#blockLines.push(blockLine(block));
    if (this.#blockLines.length < TILE_WIDTH) return;
    this.#writeBlocks();
    this.#blockLines = [];
  }

  /** Seals, writes the files that are not full, and signs. @param more signatures, of witnesses */
  publish(more: (text: string) => Signature[] = () => []): string {
    this.seal();
    if (this.#bundle.length > 0) {
      this.#write(
        tilePath("entries", Math.floor(this.size / TILE_WIDTH), this.#bundle.length),
        joinBundle(this.#bundle),
      );
    }
    this.#levels.forEach(({ hashes, index }, level) => {
      if (hashes.length > 0) this.#write(tilePath(level, index, hashes.length), Buffer.concat(hashes));
    });
    if (this.#blockLines.length > 0) this.#writeBlocks();
    const before = this.published.at(-1)?.size ?? 0;
    const text = formatCheckpoint({
      origin: this.origin,
      size: this.size,
      root: this.#tree.root(),
      extensions: [`block ${this.#height - 1} ${this.#lastBlock}`],
    });
    const signers = this.keys.filter(
      ({ addedAt, retiredAt, revokedAt }) => addedAt < this.size && revokedAt === Infinity && retiredAt >= before,
    );
    const signatures = signers.map(({ signer }) => signer.sign(text, START + this.size * 10));
    const note = formatNote({ text, signatures: [...signatures, ...more(text)] });
    if (this.#changed) {
      this.#write("keys", Buffer.from(this.vkeys.map((vkey) => `${vkey}\n`).join("")));
      this.#write(`checkpoints/${this.size}`, Buffer.from(note));
      this.#changed = false;
    }
    this.#write("checkpoint", Buffer.from(note));
    this.published.push({ size: this.size, text: note });
    return note;
  }

  #push(level: number, hash: Buffer): void {
    this.#levels[level] ??= { hashes: [], index: 0 };
    const own = this.#levels[level];
    own.hashes.push(hash);
    if (own.hashes.length < TILE_WIDTH) return;
    const path = tilePath(level, own.index);
    this.#write(path, Buffer.concat(own.hashes));
    this.#removePartials(path);
    const root = rootOf(own.hashes);
    own.hashes = [];
    own.index++;
    this.#push(level + 1, root);
  }

  #writeBlocks(): void {
    const width = this.#blockLines.length;
    const file = Math.floor((this.#height - 1) / TILE_WIDTH);
    this.#write(tilePath("block", file, width), Buffer.from(this.#blockLines.map((line) => `${line}\n`).join("")));
    if (width === TILE_WIDTH) this.#removePartials(tilePath("block", file));
  }

  #removePartials(path: string): void {
    rmSync(join(this.folder, `${path}.p`), { recursive: true, force: true });
  }

  #write(path: string, bytes: Buffer): void {
    const whole = join(this.folder, path);
    mkdirSync(dirname(whole), { recursive: true });
    writeFileSync(whole, bytes);
  }
}

/** Adds entries of about 300 bytes of data until the log has that many. */
export function fill(log: GeneratedLog, size: number): GeneratedLog {
  for (let n = log.size; n < size; n++)
    log.add(TYPES[n % TYPES.length]!, ordinaryData(n), n % 3 === 0 ? { actor: "ada" } : {});
  return log;
}

const TYPES = ["user.created", "security.login", "mint.transaction.sent", "health.check.changed"];

function ordinaryData(n: number): Record<string, unknown> {
  return {
    payload: {
      amount: n % 1000,
      from: `wallet-${n % 977}`,
      note: `transfer number ${n} of the day`,
      to: `wallet-${n % 499}`,
    },
    source: {
      epoch: 179_000_000 + n,
      instance: "c0ffee00-1111-2222-3333-444455556666",
      node: "heart-1",
      seq: n,
      service: "mint",
    },
    tags: ["transfer", "internal", "reviewed"],
  };
}

function timeOf(index: number): string {
  return new Date(START + index * 10).toISOString();
}

function naming({ verifier }: Signer): { keyId: string; vkey: string } {
  return { keyId: verifier.keyId.toString(16).padStart(8, "0"), vkey: verifier.vkey };
}
