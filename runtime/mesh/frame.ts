/**
 * The wire format between two processes of one machine: `length (u32 BE, of what follows) | kind (u8) | body`.
 * A packet's body is `command length (u8) | command | payload`.
 */
export const FRAME = { hello: 1, beat: 2, bye: 3, message: 4, packet: 5 } as const;
export type FrameKind = (typeof FRAME)[keyof typeof FRAME];

export const MAX_FRAME_BYTES = 64 * 1024 * 1024;
const HEADER = 5;

export function encode(kind: FrameKind, body: Uint8Array = new Uint8Array(0)): Buffer {
  const frame = Buffer.allocUnsafe(HEADER + body.length);
  frame.writeUInt32BE(body.length + 1, 0);
  frame[4] = kind;
  frame.set(body, HEADER);
  return frame;
}

export function encodeJson(kind: FrameKind, value: unknown): Buffer {
  return encode(kind, Buffer.from(JSON.stringify(value)));
}

export function encodePacket(command: string, payload: Buffer): Buffer {
  const frame = Buffer.allocUnsafe(HEADER + 1 + command.length + payload.length);
  frame.writeUInt32BE(frame.length - 4, 0);
  frame[4] = FRAME.packet;
  frame[5] = command.length;
  frame.write(command, 6, "latin1");
  payload.copy(frame, 6 + command.length);
  return frame;
}

export function decodePacket(body: Buffer): { command: string; payload: Buffer } {
  const length = body[0]!;
  return { command: body.toString("latin1", 1, 1 + length), payload: body.subarray(1 + length) };
}

/** Cuts a byte stream into frames. Throws on a length that no peer of ours sends. */
export class FrameReader {
  #chunks: Buffer[] = [];
  #have = 0;
  #need = HEADER;

  push(chunk: Buffer, onFrame: (kind: number, body: Buffer) => void): void {
    this.#chunks.push(chunk);
    this.#have += chunk.length;
    // A large frame comes in many chunks: they are joined once, when the last one is there.
    if (this.#have < this.#need) return;
    let buffer = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks);
    this.#need = HEADER;
    while (buffer.length >= HEADER) {
      const length = buffer.readUInt32BE(0);
      if (length < 1 || length > MAX_FRAME_BYTES) throw new RangeError(`a frame of ${length} bytes`);
      if (buffer.length < 4 + length) {
        this.#need = 4 + length;
        break;
      }
      onFrame(buffer[4]!, buffer.subarray(HEADER, 4 + length));
      buffer = buffer.subarray(4 + length);
    }
    this.#chunks = buffer.length > 0 ? [buffer] : [];
    this.#have = buffer.length;
  }
}
