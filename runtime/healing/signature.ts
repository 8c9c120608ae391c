/** Longest fingerprint, characters. */
export const FINGERPRINT_LIMIT = 120;
/** What is looked at of a message, characters; beyond it is detail at best. */
const MESSAGE_LIMIT = 1000;

/** What changes from one occurrence of an error to the next, and what stands for it. The order counts. */
const VARYING: readonly [RegExp, string][] = [
  [/\b[a-z][a-z\d+.-]*:\/\/\S+/g, "<url>"],
  [/(?<![\w"])"[^"]*"(?![\w"])|(?<![\w'])'[^']*'(?![\w'])|`[^`]*`/g, "<text>"],
  [/\b[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}\b/g, "<id>"],
  [/\b\d{4}-\d\d-\d\d[t ]\d\d:\d\d(:\d\d(\.\d+)?)?(z|[+-]\d\d:?\d\d)?/g, "<time>"],
  [
    /\b\d{1,3}(\.\d{1,3}){3}(:\d+)?\b|\[[\da-f:]*:[\da-f:]*\](:\d+)?|(?<![\w:])[\da-f]*(:[\da-f]*){2,}:\d+\b/g,
    "<address>",
  ],
  [/\b[a-z][\w-]*(\.[\w-]+)*:\d{2,5}\b(?!:)/g, "<address>"],
  [/\b[a-z]:\\[^\s:,;)]+(:\d+)*|(?<![\w<>])(~|\.{1,2})?(\/[\w.@+-]+)+\/?(:\d+)*/g, "<path>"],
  [/\b0x[\da-f]+\b|\b(?=[a-f]*\d)(?=\d*[a-f])[\da-f]{6,}\b/g, "<hex>"],
  [/\b\d+([.,]\d+)*\s?(ns|µs|us|ms|s|sec|seconds?|min|minutes?|h|hours?|days?)\b/g, "<time>"],
  [/\d+([.,]\d+)*/g, "<n>"],
];

/**
 * What is the same each time an error of one kind occurs:
 * `Connection to 10.0.0.7:5432 lost after 2.9 s (request 8f3a…)` → `connection to <address> lost after <time> (request <hex>)`
 */
export function fingerprint(message: string): string {
  const line = message.slice(0, MESSAGE_LIMIT).trim().split("\n", 1)[0]!.toLowerCase();
  let text = line;
  for (const [varying, standIn] of VARYING) text = text.replace(varying, standIn);
  // The bar parts the fields of a signature.
  return text.replaceAll("|", "/").replace(/\s+/g, " ").slice(0, FINGERPRINT_LIMIT).toWellFormed().trim();
}

/** `<failure>|<service>|<fingerprint>`: failures with the same signature are one illness. */
export function signatureOf(failure: string, service: string, message: string): string {
  return `${failure}|${service.replaceAll("|", "/")}|${fingerprint(message)}`;
}

/** The same illness whoever has it: `<failure>|*|<fingerprint>`. */
export function familyOf(signature: string): string {
  const [failure, , print] = signature.split("|");
  return `${failure}|*|${print ?? ""}`;
}
