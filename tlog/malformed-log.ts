/** Bytes of a log that are not what docs/chain-format.md allows; the message says what is wrong, the reader adds where. */
export class MalformedLog extends Error {
  override readonly name = "MalformedLog";
}
