/** What an environment variable may hold, how it is read, and what stands where it is not set. */
export interface Rule<T> {
  default: T;
  allowed: string;
  parse(text: string): T | undefined;
}

export const integer = (min: number, max: number, byDefault: number): Rule<number> => ({
  default: byDefault,
  allowed: `a whole number from ${min} to ${max}`,
  parse(text) {
    const value = Number(text);
    return /^\d+$/.test(text) && value >= min && value <= max ? value : undefined;
  },
});

export const oneOf = <T extends string>(byDefault: T, ...values: T[]): Rule<T> => ({
  default: byDefault,
  allowed: `one of ${values.join(", ")}`,
  parse: (text) => values.find((value) => value === text),
});

export const url = (...schemes: string[]): Rule<string> => ({
  default: "",
  allowed: `a URL with ${schemes.map((scheme) => `${scheme}://`).join(" or ")}`,
  parse(text) {
    try {
      return schemes.includes(new URL(text.split(",")[0]!).protocol.slice(0, -1)) ? text : undefined;
    } catch {
      return undefined;
    }
  },
});

export const folder = (byDefault: string): Rule<string> => ({
  default: byDefault,
  allowed: "a folder's path",
  parse: (text) => (text.includes("\0") ? undefined : text),
});

export const positive = (byDefault: number): Rule<number> => ({
  default: byDefault,
  allowed: "a number above 0 and up to 100",
  parse(text) {
    const value = Number(text);
    return text.trim() !== "" && value > 0 && value <= 100 ? value : undefined;
  },
});

/** A web address without a name or password in it. */
export function webAddress(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined;
  const { protocol, username, password } = new URL(text);
  return /^https?:$/.test(protocol) && !username && !password ? text : undefined;
}

/** One address without a name: nothing in it may begin another header. */
export const MAIL_ADDRESS = /^[^\s@,;<>"()[\]\\]{1,64}@[^\s@,;<>"()[\]\\]{1,255}$/;

export const isBetween = (value: number, min: number, max: number) => value >= min && value <= max;

export function isPercentEncoded(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}
