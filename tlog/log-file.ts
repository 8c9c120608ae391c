/** Files of a log's folder as they are given to others: which there are, and how they are sent. */

const NUMBER = "(?:x\\d{3}/){0,5}\\d{3}(?:\\.p/(?:[1-9]|[1-9]\\d|1\\d\\d|2[0-4]\\d|25[0-5]))?";
const KINDS = {
  checkpoint: /^checkpoint$/,
  keys: /^keys$/,
  kept: /^checkpoints\/(?:0|[1-9]\d{0,15})$/,
  entries: new RegExp(`^tile/entries/${NUMBER}$`),
  tile: new RegExp(`^tile/(?:\\d|[1-5]\\d|6[0-3])/${NUMBER}$`),
  block: new RegExp(`^block/${NUMBER}$`),
};

/** `kept`: an older checkpoint. */
export type LogFileKind = keyof typeof KINDS;

/** What a path below the log's folder holds; undefined where it is none of the log's files. */
export function kindOfLogFile(path: string): LogFileKind | undefined {
  return (Object.keys(KINDS) as LogFileKind[]).find((kind) => KINDS[kind].test(path));
}

/** Content-Type and Cache-Control. Tiles never change; what entries say should be kept nowhere, since it may be erased. */
export function logFileHeaders(kind: LogFileKind): { type: string; cache: string } {
  const isText = kind === "checkpoint" || kind === "keys" || kind === "kept";
  const type = isText ? "text/plain; charset=utf-8" : "application/octet-stream";
  if (kind === "entries") return { type, cache: "no-store" };
  // A file of blocks that is not full yet holds the same as the wider one that follows it, so far.
  return { type, cache: isText ? "no-cache" : "public, max-age=31536000, immutable" };
}
