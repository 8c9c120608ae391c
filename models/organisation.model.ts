import type { Model } from "./model.ts";

export interface Organisation {
  name: string;
  /** Names the organisation in addresses. */
  slug: string;
  status: "active" | "suspended";
}

export const organisationModel: Model<Organisation> = {
  name: "organisations",
  fields: {
    name: { type: "string", trim: true, min: 1, max: 120 },
    slug: { type: "string", lowercase: true, pattern: "^[a-z0-9]+(-[a-z0-9]+)*$", min: 2, max: 60 },
    status: { type: "enum", values: ["active", "suspended"], default: "active" },
  },
  indexes: [{ fields: ["slug"], unique: true }, { fields: ["name"] }],
};
