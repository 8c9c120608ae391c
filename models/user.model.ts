import type { Model } from "./model.ts";

export type UserStatus = "active" | "suspended";

export interface User {
  /** In small letters. */
  email: string;
  displayName: string;
  status: UserStatus;
  /** BCP 47: `en`, `de-CH`, `zh-Hant-TW`. */
  locale: string;
  /** IANA name, such as `Europe/Zurich`. */
  timeZone?: string;
}

export const LOCALE = "^[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?$";

export const userModel: Model<User> = {
  name: "users",
  fields: {
    email: { type: "email", normalize: true, max: 254 },
    displayName: { type: "string", trim: true, min: 1, max: 120 },
    status: { type: "enum", values: ["active", "suspended"], default: "active" },
    locale: { type: "string", pattern: LOCALE, max: 20, default: "en" },
    timeZone: { type: "string", pattern: "^[A-Za-z_]+(/[A-Za-z0-9_+-]+){0,2}$", max: 60, optional: true },
  },
  indexes: [{ fields: ["email"], unique: true }, { fields: ["displayName"] }, { fields: ["status"] }],
};
