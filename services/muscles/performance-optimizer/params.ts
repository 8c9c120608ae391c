/** Shapes of what the actions take. */
export const NAME = { type: "string", min: 1, max: 200 } as const;
export const SERVICE = { ...NAME, optional: true } as const;
export const ID = { type: "string", pattern: "^[A-Za-z0-9_-]{1,100}$" } as const;
export const NODE = { type: "string", pattern: "^[A-Za-z0-9@._-]{1,200}$" } as const;
export const LIMIT = { type: "number", integer: true, min: 1, max: 1000, default: 100, convert: true } as const;
export const SECONDS = { type: "number", integer: true, min: 1, max: 60, default: 10, convert: true } as const;
export const YES = { type: "boolean", convert: true, default: false } as const;
