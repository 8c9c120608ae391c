import { randomFillSync } from "node:crypto";

const bytes = Buffer.alloc(16);
let lastTime = 0;
let counter = 0;

/**
 * A UUID of version 7 (RFC 9562): later ones sort after earlier ones, so documents in the order of `_id` are in the order
 * of their making. Within one millisecond the twelve bits of `rand_a` count. A clock that is
 * set back does not turn the order round.
 */
export function uuidv7(now: number): string {
  if (now > lastTime) {
    lastTime = now;
    counter = 0;
  } else if (++counter > 0xfff) {
    lastTime++;
    counter = 0;
  }
  randomFillSync(bytes, 8);
  bytes.writeUIntBE(lastTime, 0, 6);
  bytes.writeUInt16BE(0x7000 | counter, 6);
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = bytes.toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
