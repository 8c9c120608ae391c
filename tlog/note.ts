/** Signed notes (C2SP signed-note): a text, an empty line, one line for each signature. */
import { decodeBase64 } from "./base64.ts";

export interface Signature {
  /** Name of the key. */
  name: string;
  /** First four bytes of a hash of the key, as an unsigned number. */
  keyId: number;
  signature: Buffer;
}

export interface Note {
  /** What is signed, with the newline at its end. */
  text: string;
  signatures: Signature[];
}

/** A note that cannot be read; the message names the line, counted from 1. */
export class MalformedNote extends Error {
  override readonly name = "MalformedNote";
}

const MAX_SIGNATURES = 64;
const CONTROL = /[\u0000-\u0009\u000b-\u001f]/;
const NAME = /^[^\s+\u0085]+$/u;
const KEY_ID_BYTES = 4;

/** @throws MalformedNote */
export function parseNote(bytes: string): Note {
  if (!bytes.isWellFormed()) throw new MalformedNote("is not UTF-8");
  const lines = bytes.split("\n");
  const control = lines.findIndex((line) => CONTROL.test(line));
  if (control >= 0) throw new MalformedNote(`line ${control + 1} has a control character in it`);
  if (lines.pop() !== "") throw new MalformedNote(`line ${lines.length + 1} does not end in a newline`);
  const blank = lines.lastIndexOf("");
  if (blank < 1) throw new MalformedNote("has no empty line between text and signatures");
  const signatures = lines.slice(blank + 1).map((line, i) => parseSignature(line, blank + i + 2));
  if (signatures.length === 0) throw new MalformedNote("has no signature");
  if (signatures.length > MAX_SIGNATURES) throw new MalformedNote(`has more than ${MAX_SIGNATURES} signatures`);
  return { text: `${lines.slice(0, blank).join("\n")}\n`, signatures };
}

export function formatNote({ text, signatures }: Note): string {
  return `${text}\n${signatures.map(signatureLine).join("")}`;
}

/** One signature line with its newline, as in a note and in a witness's answer. */
export function signatureLine({ name, keyId, signature }: Signature): string {
  const id = Buffer.alloc(KEY_ID_BYTES);
  id.writeUInt32BE(keyId);
  return `— ${name} ${Buffer.concat([id, signature]).toString("base64")}\n`;
}

/** True for what may be the name of a key: not empty, no blanks, no plus. */
export function isKeyName(name: string): boolean {
  return NAME.test(name) && name.isWellFormed() && !CONTROL.test(name);
}

/** @param number of the line, for the message. @throws MalformedNote */
export function parseSignature(line: string, number: number): Signature {
  const [dash, name = "", value = "", ...more] = line.split(" ");
  if (dash !== "—" || more.length > 0) throw new MalformedNote(`line ${number} is not "— <key name> <base64>"`);
  if (!isKeyName(name)) throw new MalformedNote(`line ${number} has no valid key name`);
  const bytes = decodeBase64(value);
  if (!bytes || bytes.length <= KEY_ID_BYTES) throw new MalformedNote(`line ${number} has no valid signature`);
  return { name, keyId: bytes.readUInt32BE(0), signature: bytes.subarray(KEY_ID_BYTES) };
}
