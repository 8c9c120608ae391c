import type { Model } from "./model.ts";

/** What a member may do, from most to least: an owner may also dissolve the organisation. */
export const ROLES = ["owner", "admin", "member", "guest"] as const;
export type Role = (typeof ROLES)[number];

/** A user in an organisation. */
export interface Membership {
  organisationId: string;
  userId: string;
  role: Role;
}

export const membershipModel: Model<Membership> = {
  name: "memberships",
  fields: {
    organisationId: { type: "string", min: 1, max: 128 },
    userId: { type: "string", min: 1, max: 128 },
    role: { type: "enum", values: [...ROLES] },
  },
  indexes: [
    { fields: ["organisationId", "userId"], unique: true },
    { fields: ["userId"] },
    { fields: ["organisationId", "role"] },
  ],
};
