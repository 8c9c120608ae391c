import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  decodePacket,
  encode,
  encodeJson,
  encodePacket,
  FRAME,
  type FrameKind,
  FrameReader,
  MAX_FRAME_BYTES,
} from "../../../runtime/mesh/frame.ts";

const kinds = Object.values(FRAME);
const frames = fc.array(fc.tuple(fc.constantFrom<FrameKind>(...kinds), fc.uint8Array({ maxLength: 300 })));

/** Cuts a stream at the given shares of its length. */
function cut(stream: Buffer, shares: readonly number[]): Buffer[] {
  const ends = [...shares.map((share) => Math.floor(share * stream.length)), stream.length].sort((a, b) => a - b);
  return ends.map((end, i) => stream.subarray(i === 0 ? 0 : ends[i - 1], end));
}

function readAll(chunks: readonly Buffer[]): [number, number[]][] {
  const reader = new FrameReader();
  const found: [number, number[]][] = [];
  for (const chunk of chunks) reader.push(chunk, (kind, body) => found.push([kind, [...body]]));
  return found;
}

describe("frames of the mesh", () => {
  test("come out as they went in, wherever the stream is cut", () => {
    fc.assert(
      fc.property(frames, fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 40 }), (sent, cuts) => {
        const stream = Buffer.concat(sent.map(([kind, body]) => encode(kind, body)));
        expect(readAll(cut(stream, cuts))).toEqual(sent.map(([kind, body]) => [kind, [...body]]));
      }),
    );
  });

  test("come out byte by byte", () => {
    const stream = Buffer.concat([encode(FRAME.beat), encode(FRAME.message, Buffer.from("abc")), encode(FRAME.bye)]);
    expect(readAll([...stream].map((byte) => Buffer.from([byte])))).toEqual([
      [FRAME.beat, []],
      [FRAME.message, [97, 98, 99]],
      [FRAME.bye, []],
    ]);
  });

  test("of one megabyte in many chunks are joined once and whole", () => {
    const body = Buffer.alloc(1_000_003, "xyz");
    const stream = Buffer.concat([encode(FRAME.packet, body), encode(FRAME.beat)]);
    const chunks = Array.from({ length: 17 }, (_, i) => i / 17);
    expect(readAll(cut(stream, chunks)).map(([kind, bytes]) => [kind, bytes.length])).toEqual([
      [FRAME.packet, body.length],
      [FRAME.beat, 0],
    ]);
  });

  test.each([0, MAX_FRAME_BYTES + 1, 0xffffffff])(
    "of a length of %d bytes, which no peer sends, are refused",
    (length) => {
      const header = Buffer.alloc(5);
      header.writeUInt32BE(length, 0);
      expect(() => new FrameReader().push(header, () => {})).toThrow(`a frame of ${length} bytes`);
    },
  );

  test("of the greatest length are waited for", () => {
    const header = Buffer.alloc(5);
    header.writeUInt32BE(MAX_FRAME_BYTES, 0);
    expect(() => new FrameReader().push(header, () => {})).not.toThrow();
  });

  test("keep the frames before a wrong length", () => {
    const stream = Buffer.concat([encode(FRAME.beat), Buffer.alloc(5)]);
    const kinds: number[] = [];
    expect(() => new FrameReader().push(stream, (kind) => kinds.push(kind))).toThrow(RangeError);
    expect(kinds).toEqual([FRAME.beat]);
  });

  test("carry a packet's command and payload", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[A-Z_]{1,20}$/), fc.uint8Array({ maxLength: 200 }), (command, payload) => {
        const reader = new FrameReader();
        let packet: ReturnType<typeof decodePacket> | undefined;
        reader.push(encodePacket(command, Buffer.from(payload)), (kind, body) => {
          expect(kind).toBe(FRAME.packet);
          packet = decodePacket(body);
        });
        expect(packet!.command).toBe(command);
        expect([...packet!.payload]).toEqual([...payload]);
      }),
    );
  });

  test("carry JSON with characters of several bytes", () => {
    let said: unknown;
    new FrameReader().push(encodeJson(FRAME.message, { word: "größer → 山" }), (_kind, body) => {
      said = JSON.parse(body.toString());
    });
    expect(said).toEqual({ word: "größer → 山" });
  });
});
