import { MessageChannel, receiveMessageOnPort } from "node:worker_threads";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { BIG, pack, unpack } from "../../../runtime/workers/packing.ts";

/** As another thread gets it. */
function cross(value: unknown, transfer = false): unknown {
  const { port1, port2 } = new MessageChannel();
  const { packed, list } = pack(value, transfer);
  port1.postMessage(packed, list);
  const received = receiveMessageOnPort(port2)!.message;
  port1.close();
  return unpack(received);
}

/** What must be the same, with Buffers told from other bytes. */
function shape(value: unknown): unknown {
  if (Buffer.isBuffer(value)) return `buffer ${value.toString("hex")}`;
  if (ArrayBuffer.isView(value))
    return `bytes ${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("hex")}`;
  if (Array.isArray(value)) return value.map(shape);
  if (typeof value !== "object" || value === null) return value;
  return Object.entries(value).map(([key, one]) => [key, shape(one)]);
}

describe("values between threads", () => {
  test("arrive as they were, Buffers as Buffers, and the sender's are untouched", () => {
    const leaf = fc.oneof(
      fc.string(),
      fc.integer(),
      fc.constant(null),
      fc.constant(undefined),
      fc.uint8Array({ maxLength: 8 }).map((bytes) => Buffer.from(bytes)),
      fc.uint8Array({ maxLength: 8 }),
    );
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { depthSize: "small" },
        leaf,
        fc.array(tie("tree"), { maxLength: 4 }),
        fc.dictionary(fc.oneof(fc.string({ maxLength: 3 }), fc.constant("__proto__")), tie("tree"), { maxKeys: 4 }),
      ),
    }));
    fc.assert(
      fc.property(tree, fc.boolean(), (value, transfer) => {
        const before = JSON.stringify(shape(value));
        expect(JSON.stringify(shape(cross(value, transfer)))).toBe(before);
        expect(JSON.stringify(shape(value))).toBe(before);
      }),
    );
  });

  test("without a Buffer in them are not copied before they are sent", () => {
    const value = { list: [{ deep: new Date(0) }], bytes: new Uint8Array(4) };
    expect(pack(value, false).packed.value).toBe(value);
    expect(pack(value, false).list).toEqual([]);
  });

  test("take a part of a large memory along alone", () => {
    const large = Buffer.alloc(1_000_000);
    const { packed, list } = pack({ part: large.subarray(10, 20) }, false);
    const { part } = packed.value as { part: Uint8Array };
    expect(part.buffer.byteLength).toBe(10);
    expect(list).toEqual([part.buffer]);
  });

  test("are handed over where that is wanted and they are big, and stay where not", () => {
    const big = new Uint8Array(BIG);
    const small = new Uint8Array(BIG - 1);
    cross({ big, small }, true);
    expect([big.byteLength, small.byteLength]).toEqual([0, BIG - 1]);
    const kept = new Uint8Array(BIG);
    cross({ kept }, false);
    expect(kept.byteLength).toBe(BIG);
  });

  test("may hold themselves", () => {
    const value: Record<string, unknown> = { data: Buffer.from("ab") };
    value["self"] = value;
    const received = cross(value) as { data: Buffer; self: object };
    expect(received.data.toString()).toBe("ab");
  });
});
