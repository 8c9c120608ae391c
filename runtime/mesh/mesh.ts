import { EventEmitter } from "node:events";
import { chmodSync, mkdirSync, readdirSync, unlinkSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import type { ProcessIdentity } from "../process-identity.ts";
import { decodePacket, encode, encodeJson, encodePacket, FRAME, FrameReader, MAX_FRAME_BYTES } from "./frame.ts";

/** What a process says of itself when two of them meet. */
export interface PeerHello extends ProcessIdentity {
  /** Node id, or `spine`, or `cli-<pid>`. */
  id: string;
  role: "node" | "spine" | "guest";
  /** New with each life of the process. */
  instanceId: string;
  /** True for a node that was on the bus already when the two met. */
  onBus?: boolean;
}

/** Why a peer is gone: `bye` when it left on its own accord, `lost` when its socket closed without a word. */
export type DownReason = "bye" | "lost";

interface MeshEvents {
  up: [peer: PeerHello];
  down: [peer: PeerHello, reason: DownReason, lastSeen: number];
  /** The socket is open, but nothing came for `hangAfter`. Told again every second, until it ends or comes back. */
  hung: [peer: PeerHello, silentFor: number];
  /** A peer that was reported hung gives signs of life again. */
  back: [peer: PeerHello];
  message: [peer: PeerHello, message: { type: string; [key: string]: unknown }];
  packet: [command: string, payload: Buffer, peer: PeerHello];
}

export interface MeshOptions {
  /** Folder of the sockets, mode 0700. */
  folder: string;
  hello: PeerHello;
  /** Time between two beats, ms. @default 500 */
  beatEvery?: number;
  /** Silence after which an open peer counts as hung, ms. @default 2500 */
  hangAfter?: number;
}

interface Peer {
  hello: PeerHello;
  /** Usually one; two when both sides dialled at the same moment. The first one carries what is sent. */
  sockets: Socket[];
  lastSeen: number;
  /** It said that nothing would come from it until then, ms since the epoch. */
  silentUntil: number;
  hung: boolean;
  /** When it was last told that it hangs, ms since the epoch. */
  toldHung: number;
  bye: boolean;
}

/** A message between meshes, which nobody else sees. */
const SILENT = "silent";
const LONGEST_SILENCE_MS = 30_000;
/** Bytes that may wait for one peer before sending to it fails. */
const MAX_WAITING_BYTES = 64 * 1024 * 1024;
/** Time after which a start no longer waits for a peer that does not answer, ms; it is met when it does. */
const TELL_AGAIN_MS = 1000;
const DIAL_TIMEOUT_MS = 500;
/** Longest wait for a good-bye to be taken, ms: a peer that hangs takes none. */
const BYE_TIMEOUT_MS = 300;

/**
 * Every process of an organism on one machine holds a Unix socket to every other one. The kernel closes them when a
 * process dies, however it dies: that is the death notice, within milliseconds, to everyone at once and without a
 * parent. A socket that is open but silent is a hang.
 */
export class Mesh extends EventEmitter<MeshEvents> {
  readonly #options: Required<MeshOptions>;
  readonly #peers = new Map<string, Peer>();
  /** Sockets without a peer yet, or whose peer was replaced. */
  readonly #loose = new Set<Socket>();
  #server: Server | undefined;
  #timer: NodeJS.Timeout | undefined;
  #lastTick = Date.now();
  #closing = false;

  constructor(options: MeshOptions) {
    super();
    this.setMaxListeners(50);
    this.#options = { beatEvery: 500, hangAfter: 2500, ...options };
  }

  get self(): PeerHello {
    return this.#options.hello;
  }

  peers(): PeerHello[] {
    return [...this.#peers.values()].map((peer) => peer.hello);
  }

  peer(id: string): PeerHello | undefined {
    return this.#peers.get(id)?.hello;
  }

  /** Listens, then dials everyone who is there. Resolves when all of them have answered, were found dead or hang. */
  async start(): Promise<void> {
    const { folder, hello, beatEvery } = this.#options;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    chmodSync(folder, 0o700);
    const own = socketPath(folder, hello.id);
    try {
      unlinkSync(own);
    } catch {
      // no socket of a former life
    }
    this.#server = createServer((socket) => this.#adopt(socket));
    await new Promise<void>((resolve, reject) => {
      this.#server!.once("error", reject).listen(own, resolve);
    });
    this.#server.unref();
    const others = readdirSync(folder).filter((name) => name.endsWith(".sock") && join(folder, name) !== own);
    await Promise.all(others.map((name) => this.#dial(join(folder, name))));
    this.#timer = setInterval(() => this.#tick(), beatEvery);
    this.#timer.unref();
  }

  /** Sends to one peer. False if there is none, too much waits for it or this is too large: then nothing was sent. */
  send(id: string, type: string, fields: Record<string, unknown> = {}): boolean {
    return this.#write(this.#peers.get(id), encodeJson(FRAME.message, { ...fields, type }));
  }

  broadcast(type: string, fields: Record<string, unknown> = {}): void {
    const frame = encodeJson(FRAME.message, { ...fields, type });
    for (const peer of this.#peers.values()) this.#write(peer, frame);
  }

  /** Tells the others not to take it for a hang when nothing comes from here for so long, ms; at most 30 s. */
  announceSilence(ms: number): void {
    this.broadcast(SILENT, { ms });
  }

  /** Carries a packet of the bus to one node. */
  sendPacket(id: string, command: string, payload: Buffer): boolean {
    return this.#write(this.#peers.get(id), encodePacket(command, payload));
  }

  broadcastPacket(command: string, payload: Buffer): void {
    const frame = encodePacket(command, payload);
    for (const peer of this.#peers.values()) if (peer.hello.role !== "spine") this.#write(peer, frame);
  }

  /** Says good-bye and closes, so that nobody takes the end for a death. */
  async close(): Promise<void> {
    this.#closing = true;
    clearInterval(this.#timer);
    const bye = encode(FRAME.bye);
    const sockets = [...this.#peers.values()].flatMap((peer) => peer.sockets);
    const said = Promise.all(sockets.map((socket) => new Promise<void>((done) => socket.end(bye, () => done()))));
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, BYE_TIMEOUT_MS);
    });
    await Promise.race([said, patience]);
    clearTimeout(timer);
    for (const socket of [...sockets, ...this.#loose]) socket.destroy();
    await new Promise<void>((done) => (this.#server ? this.#server.close(() => done()) : done()));
  }

  #dial(path: string): Promise<void> {
    return new Promise((resolve) => {
      const socket = connect(path);
      const done = () => {
        clearTimeout(timer);
        resolve();
      };
      // Not hung up: who is only busy would take a hello from us, then find us gone, and never meet us.
      const timer = setTimeout(done, DIAL_TIMEOUT_MS);
      socket.once("error", done);
      socket.once("close", done);
      this.#adopt(socket, done);
    });
  }

  #adopt(socket: Socket, onHello?: () => void): void {
    const reader = new FrameReader();
    let peer: Peer | undefined;
    this.#loose.add(socket);
    socket.on("error", () => {});
    socket.on("data", (chunk: Buffer) => {
      try {
        reader.push(chunk, (kind, body) => {
          if (kind === FRAME.hello) {
            peer = this.#welcome(JSON.parse(body.toString()), socket);
            onHello?.();
          } else if (peer) this.#receive(peer, kind, body);
        });
      } catch (error) {
        // Only what no peer of ours sends ends the connection; a listener's own error is its own.
        if (!(error instanceof RangeError || error instanceof SyntaxError)) throw error;
        socket.destroy();
      }
    });
    socket.once("close", () => {
      this.#loose.delete(socket);
      if (peer) this.#lose(peer, socket);
    });
    socket.write(encodeJson(FRAME.hello, this.self));
  }

  #welcome(hello: PeerHello, socket: Socket): Peer {
    this.#loose.delete(socket);
    const known = this.#peers.get(hello.id);
    if (known?.hello.instanceId === hello.instanceId) {
      known.sockets.push(socket);
      return known;
    }
    const peer: Peer = {
      hello,
      sockets: [socket],
      lastSeen: Date.now(),
      silentUntil: 0,
      hung: false,
      toldHung: 0,
      bye: false,
    };
    this.#peers.set(hello.id, peer);
    for (const replaced of known?.sockets ?? []) this.#loose.add(replaced);
    // The same id in a new life: the old one is as good as dead, even if the kernel has not closed its socket yet.
    if (known) this.emit("down", known.hello, "lost", known.lastSeen);
    this.emit("up", hello);
    return peer;
  }

  #receive(peer: Peer, kind: number, body: Buffer): void {
    peer.lastSeen = Date.now();
    if (peer.hung) {
      peer.hung = false;
      this.emit("back", peer.hello);
    }
    if (kind === FRAME.packet) {
      const { command, payload } = decodePacket(body);
      this.emit("packet", command, payload, peer.hello);
    } else if (kind === FRAME.message) {
      const message = JSON.parse(body.toString());
      if (message.type === SILENT)
        peer.silentUntil = Date.now() + Math.min(Number(message.ms) || 0, LONGEST_SILENCE_MS);
      else this.emit("message", peer.hello, message);
    }
    if (kind === FRAME.bye) peer.bye = true;
  }

  #lose(peer: Peer, socket: Socket): void {
    peer.sockets = peer.sockets.filter((other) => other !== socket);
    if (peer.sockets.length > 0 || this.#closing || this.#peers.get(peer.hello.id) !== peer) return;
    this.#peers.delete(peer.hello.id);
    this.emit("down", peer.hello, peer.bye ? "bye" : "lost", peer.lastSeen);
  }

  #write(peer: Peer | undefined, frame: Buffer): boolean {
    const socket = peer?.sockets[0];
    if (!socket || socket.destroyed || socket.writableLength > MAX_WAITING_BYTES) return false;
    // The peer would hang up on it, and be taken for dead.
    if (frame.length > MAX_FRAME_BYTES) return false;
    // One system call for everything that is sent within a turn of the event loop.
    if (socket.writableCorked === 0) {
      socket.cork();
      process.nextTick(() => socket.uncork());
    }
    socket.write(frame);
    return true;
  }

  #tick(): void {
    const now = Date.now();
    const { beatEvery, hangAfter } = this.#options;
    const beat = encode(FRAME.beat);
    // Who was himself away (stopped, starved, asleep) has heard nothing, and must not blame the others for it.
    const late = now - this.#lastTick > beatEvery + hangAfter / 2;
    this.#lastTick = now;
    for (const peer of this.#peers.values()) {
      this.#write(peer, beat);
      if (late) peer.lastSeen = now;
      else if (now < peer.silentUntil) continue;
      else if (now - peer.lastSeen > hangAfter && now - peer.toldHung > TELL_AGAIN_MS) {
        peer.hung = true;
        peer.toldHung = now;
        this.emit("hung", peer.hello, now - peer.lastSeen);
      }
    }
  }
}

export function socketPath(folder: string, id: string): string {
  return join(folder, `${id}.sock`);
}
