/** A value on its way to another thread. */
export interface Packed {
  value: unknown;
  /** Where `Buffer`s stood: a copy between threads makes plain `Uint8Array`s of them. */
  buffers: (string | number)[][];
}

/** Buffers from this size on are handed over instead of copied, where that is allowed, bytes. */
export const BIG = 65_536;

/**
 * Makes a value ready for `postMessage`. Only what is on the way to a Buffer is copied; the value itself is not changed.
 * @param transfer whether big buffers are handed over: the sender then has them no longer
 * @returns also the list of what is handed over
 */
export function pack(value: unknown, transfer: boolean): { packed: Packed; list: ArrayBuffer[] } {
  const buffers: Packed["buffers"] = [];
  const list = new Set<ArrayBuffer>();
  const above = new Set<object>();

  function handOver(bytes: ArrayBufferLike): void {
    if (transfer && bytes instanceof ArrayBuffer && bytes.byteLength >= BIG && !bytes.detached) list.add(bytes);
  }

  function buffer(view: Buffer, path: (string | number)[]): unknown {
    buffers.push(path);
    if (view.byteLength === view.buffer.byteLength) {
      handOver(view.buffer);
      return view;
    }
    // A part of a larger memory: copying it as it is would copy all of that.
    const own = new Uint8Array(view);
    list.add(own.buffer);
    return own;
  }

  function walk(one: unknown, path: (string | number)[]): unknown {
    if (typeof one !== "object" || one === null) return one;
    if (Buffer.isBuffer(one)) return buffer(one, path);
    if (one instanceof ArrayBuffer) handOver(one);
    if (ArrayBuffer.isView(one)) handOver(one.buffer);
    const isArray = Array.isArray(one);
    // Structured cloning knows cycles; what is on one holds no Buffer that would be mended.
    if (above.has(one) || (!isArray && !isPlain(one))) return one;
    above.add(one);
    let copy: Record<string, unknown> | undefined;
    for (const key of Object.keys(one)) {
      const before = (one as Record<string, unknown>)[key];
      if (typeof before !== "object" || before === null) continue;
      const after = walk(before, [...path, key]);
      if (after === before) continue;
      copy ??= (isArray ? [...one] : { ...one }) as Record<string, unknown>;
      put(copy, key, after);
    }
    above.delete(one);
    return copy ?? one;
  }

  return { packed: { value: walk(value, []), buffers }, list: [...list] };
}

/** What was packed, as it was. */
export function unpack({ value, buffers }: Packed): unknown {
  for (const path of buffers) {
    const last = path.at(-1);
    if (last === undefined) return asBuffer(value as Uint8Array);
    let parent = value as Record<string, unknown>;
    for (const key of path.slice(0, -1)) parent = parent[key] as Record<string, unknown>;
    put(parent, String(last), asBuffer(parent[last] as Uint8Array));
  }
  return value;
}

function asBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

/** A key may be `__proto__`, which an assignment would take for something else. */
function put(object: object, key: string, value: unknown): void {
  Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
}

function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
