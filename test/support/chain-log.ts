import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Block, blockHash, blockLine } from "../../tlog/block.ts";
import { formatCheckpoint } from "../../tlog/checkpoint.ts";
import { idOfKey, type LeafEntry, leafBytes } from "../../tlog/entry.ts";
import { Frontier, rootOf } from "../../tlog/frontier.ts";
import { leafHash } from "../../tlog/hashes.ts";
import { generateKey, type Signer, signerOf } from "../../tlog/keys.ts";
import { formatNote } from "../../tlog/note.ts";
import { joinBundle, TILE_WIDTH, tilePath } from "../../tlog/tiles.ts";

const ZEROS = "0".repeat(64);

export interface ChainLogOptions {
  /** @default "azora.test/log" */
  origin?: string;
  /** Signs the checkpoints. @default a new Ed25519 key */
  signer?: Signer;
  /** Entries of a block at most. @default 256 */
  blockSize?: number;
  /** Time of the first entry, ms since the epoch; each further one is 10 ms later. @default 2026-11-20T12:00:00Z */
  start?: number;
}

export type NewEntry = Partial<Pick<LeafEntry, "id" | "actor" | "subject" | "timestamp">> &
  Pick<LeafEntry, "eventType" | "data">;

/** Writes the folder of a log as the chain's service does, for tests that only read. */
export class ChainLog {
  readonly folder: string;
  readonly origin: string;
  readonly signer: Signer;
  readonly blocks: Block[] = [];
  readonly #blockSize: number;
  readonly #start: number;
  readonly #frontier = new Frontier();
  /** Hashes of the full subtrees of 256^level leaves. */
  readonly #levels: Buffer[][] = [[]];
  #bundle: Buffer[] = [];
  #size = 0;
  #sealed = 0;
  #written: number[] = [];
  #last = ZEROS;

  constructor(folder: string, options: ChainLogOptions = {}) {
    this.folder = folder;
    this.origin = options.origin ?? "azora.test/log";
    this.signer = options.signer ?? signerOf(this.origin, generateKey("ed25519"));
    this.#blockSize = options.blockSize ?? TILE_WIDTH;
    this.#start = options.start ?? Date.parse("2026-11-20T12:00:00Z");
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "keys"), `${this.signer.verifier.vkey}\n`);
  }

  get size(): number {
    return this.#size;
  }

  add(entry: NewEntry): LeafEntry {
    const index = this.#size++;
    const timestamp = new Date(this.#start + index * 10).toISOString();
    const id = idOfKey(`${index}`);
    const leaf = { id, timestamp, ...entry, index, previousHash: this.#last, validator: "immune-1" };
    const bytes = leafBytes(leaf);
    const hash = leafHash(bytes);
    this.#last = hash.toString("hex");
    this.#bundle.push(bytes);
    this.#levels[0]!.push(hash);
    if (this.#bundle.length === TILE_WIDTH) {
      this.#write(tilePath("entries", index >> 8), joinBundle(this.#bundle));
      this.#bundle = [];
    }
    if (this.#size % TILE_WIDTH === 0 || this.#size - this.#sealed === this.#blockSize) this.#seal(timestamp);
    return leaf;
  }

  /** Seals what is open, and signs a checkpoint. */
  publish(): string {
    if (this.#sealed < this.#size) this.#seal(new Date(this.#start + this.#size * 10).toISOString());
    this.#writeTiles();
    this.#writeBlocks();
    const last = this.blocks.at(-1)!;
    const extensions = [`block ${last.height} ${blockHash(last)}`];
    const root = this.#frontier.root();
    const text = formatCheckpoint({ origin: this.origin, size: this.#size, root, extensions });
    const note = formatNote({ text, signatures: [this.signer.sign(text, Date.parse(last.timestamp))] });
    this.#write("checkpoint", Buffer.from(note));
    return note;
  }

  #seal(timestamp: string): void {
    const leaves = this.#levels[0]!.slice(this.#sealed);
    for (const leaf of leaves) this.#frontier.append(leaf);
    const before = this.blocks.at(-1);
    this.blocks.push({
      entryCount: leaves.length,
      firstIndex: this.#sealed,
      height: this.blocks.length,
      lastIndex: this.#size - 1,
      merkleRoot: rootOf(leaves).toString("hex"),
      previousHash: before ? blockHash(before) : ZEROS,
      timestamp,
      treeRoot: this.#frontier.root().toString("hex"),
      treeSize: this.#size,
      validator: "immune-1",
    });
    this.#sealed = this.#size;
  }

  #writeTiles(): void {
    if (this.#bundle.length > 0)
      this.#write(tilePath("entries", this.#size >> 8, this.#bundle.length), joinBundle(this.#bundle));
    for (let level = 0; level < this.#levels.length; level++) {
      const hashes = this.#levels[level]!;
      const first = this.#written[level] ?? 0;
      for (let tile = first; tile * TILE_WIDTH < hashes.length; tile++) {
        const part = hashes.slice(tile * TILE_WIDTH, (tile + 1) * TILE_WIDTH);
        const isFull = part.length === TILE_WIDTH;
        this.#write(isFull ? tilePath(level, tile) : tilePath(level, tile, part.length), Buffer.concat(part));
        if (!isFull) continue;
        this.#written[level] = tile + 1;
        this.#levels[level + 1] ??= [];
        this.#levels[level + 1]!.push(rootOf(part));
      }
    }
  }

  #writeBlocks(): void {
    for (let file = 0; file * TILE_WIDTH < this.blocks.length; file++) {
      const part = this.blocks.slice(file * TILE_WIDTH, (file + 1) * TILE_WIDTH);
      const path = part.length === TILE_WIDTH ? tilePath("block", file) : tilePath("block", file, part.length);
      this.#write(path, Buffer.from(part.map((block) => `${blockLine(block)}\n`).join("")));
    }
  }

  #write(path: string, bytes: Buffer): void {
    const whole = join(this.folder, path);
    mkdirSync(dirname(whole), { recursive: true });
    writeFileSync(whole, bytes);
  }
}

/** Entries as an organism with some users records them; the same for the same number. */
export function ordinaryEntry(n: number): NewEntry {
  const types = ["user.created", "user.deleted", "security.login", "mint.transaction.sent", "health.check.changed"];
  const nodes = ["heart-1", "lungs-1", "brain-1"];
  const request = `request-${Math.floor(n / 3)}`;
  return {
    eventType: types[n % types.length]!,
    ...(n % 2 === 0 ? { actor: `operator-${n % 7}` } : {}),
    ...(n % 5 === 0 ? { subject: `subject:${String(n % 11).padStart(32, "0")}` } : {}),
    data: {
      payload: { number: n, name: `Person ${n}`, note: n % 1000 === 7 ? "a Needle in the hay" : "hay" },
      source: { node: nodes[n % 3], instance: "i1", epoch: 1, seq: n, service: "user-management", requestId: request },
    },
  };
}
