import { createHash } from "node:crypto";
/** What an invalidation is about. */
export interface Targets {
  keys?: readonly string[];
  /** As of `broker.cacher.clean`: `posts.**`, `posts.find:*`. */
  patterns?: readonly string[];
  tags?: readonly string[];
}

/** Most names of one batch; beyond that everything is invalidated, which is always right. */
export const MAX_NAMES = 1000;
export const EVERYTHING: Targets = { patterns: ["**"] };

export function isPattern(text: string): boolean {
  return text.includes("*") || text.includes("?");
}

/** Patterns that are remembered as regular expressions. */
const MAX_PATTERNS = 1000;
const compiled = new Map<string, RegExp>();

/**
 * `**` is any text, `?` one character. `*` in the name of an action ends at a dot; in what follows the colon it is any text,
 * so that `posts.get:*` is every answer of it. Dots and all else stand for themselves; in Moleculer's own memory cachers they
 * are at times parts of a regular expression.
 */
export function matches(key: string, pattern: string): boolean {
  if (!isPattern(pattern)) return key === pattern;
  if (pattern.endsWith("**") && !isPattern(pattern.slice(0, -2))) return key.startsWith(pattern.slice(0, -2));
  let regex = compiled.get(pattern);
  if (!regex) {
    if (compiled.size >= MAX_PATTERNS) compiled.clear();
    regex = compile(pattern);
    compiled.set(pattern, regex);
  }
  return regex.test(key);
}

function compile(pattern: string): RegExp {
  const colon = pattern.indexOf(":");
  const source = pattern.replaceAll(/\*\*|[*?]|[^*?]+/g, (part: string, at: number) => {
    if (part === "**") return ".*";
    if (part === "?") return ".";
    if (part === "*") return colon >= 0 && at > colon ? ".*" : "[^.:]*(?::.*)?";
    return part.replace(/[.+^${}()|[\]\\/-]/g, "\\$&");
  });
  return new RegExp(`^${source}$`, "s");
}

/** The name of the action, or of whoever calls `set`, before the first colon of a key. */
export function ownerOf(key: string): string {
  const colon = key.indexOf(":");
  return colon < 0 ? key : key.slice(0, colon);
}

/** Several invalidations as one, of at most so many names. */
export function merge(all: readonly Targets[]): Targets {
  const union = (name: keyof Targets) => [...new Set(all.flatMap((one) => one[name] ?? []))];
  const merged = { keys: union("keys"), patterns: union("patterns"), tags: union("tags") };
  const { keys, patterns, tags } = merged;
  return keys.length + patterns.length + tags.length > MAX_NAMES ? EVERYTHING : merged;
}

/**
 * What has no patterns, such as Redis, is told of groups instead: everything, what begins with a name, one key, one tag.
 * The groups of a pattern hold at least what the pattern matches: `posts.f*` is all of `posts`.
 */
export function groupsOf({ keys = [], patterns = [], tags = [] }: Targets): string[] {
  const groups = new Set<string>();
  for (const key of keys) groups.add(`k ${key}`);
  for (const tag of tags) groups.add(`t ${tag}`);
  for (const pattern of patterns) {
    if (!isPattern(pattern)) groups.add(`k ${pattern}`);
    else {
      const literal = pattern.slice(0, pattern.search(/[*?]/));
      const colon = literal.indexOf(":");
      const prefix = literal.slice(0, colon < 0 ? Math.max(literal.lastIndexOf("."), 0) : colon);
      groups.add(prefix === "" ? "*" : `p ${prefix}`);
    }
  }
  return [...groups];
}

/** The groups that a value is in: those of `posts.comments.list:5` begin with `posts`, `posts.comments` and the action. */
export function groupsOfValue(key: string, tags: readonly string[]): string[] {
  const parts = ownerOf(key).split(".");
  const prefixes = parts.map((_, i) => `p ${parts.slice(0, i + 1).join(".")}`);
  return ["*", ...prefixes, `k ${key}`, ...tags.map((tag) => `t ${tag}`)];
}

/** Groups share so many numbers: two of one number are invalidated together, which costs a load and is never wrong. */
const NUMBERS = 65_536;

export function numberOf(group: string): number {
  return createHash("sha1").update(group).digest().readUInt16BE(0) % NUMBERS;
}
