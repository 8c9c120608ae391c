/** JSON of anything, or where in it stands what JSON cannot carry. */
export type PayloadJson = { json: string; path?: never; why?: never } | { json?: never; path: string; why: string };

/**
 * JSON of what is to be recorded. `JSON.stringify` would make `null` of a number that is none, which is not what was
 * told: such a payload has no JSON. The rest (lone surrogates, integers that are not exact) is found by the chain.
 */
export function payloadJson(payload: unknown): PayloadJson {
  let json: string | undefined;
  try {
    json = JSON.stringify(payload ?? null);
  } catch (error) {
    return { path: "data", why: `is no JSON: ${(error as Error).message.split("\n")[0]}` };
  }
  if (json === undefined) return { path: "data", why: `is a ${typeof payload}, which is no JSON` };
  // The search for the word is far cheaper than one for the value, and few payloads have it.
  const path = json.includes("null") ? notFinite(payload, "data") : undefined;
  return path === undefined ? { json } : { path, why: "is a number that JSON does not have" };
}

function notFinite(value: unknown, path: string): string | undefined {
  if (typeof value === "number") return Number.isFinite(value) ? undefined : path;
  if (typeof value !== "object" || value === null || "toJSON" in value) return undefined;
  for (const [name, member] of Object.entries(value)) {
    const found = notFinite(member, Array.isArray(value) ? `${path}[${name}]` : `${path}.${name}`);
    if (found !== undefined) return found;
  }
  return undefined;
}
