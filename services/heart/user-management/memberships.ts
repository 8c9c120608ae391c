import type { Snapshot, Transaction } from "../../../mixins/store/transaction.ts";
import { type Membership, membershipModel, type Role } from "../../../models/membership.model.ts";
import type { Stored } from "../../../models/model.ts";
import { type Organisation, organisationModel } from "../../../models/organisation.model.ts";
import { userModel } from "../../../models/user.model.ts";
import { AzoraError } from "../../../runtime/errors.ts";

/**
 * Who belongs to which organisation. The invariant: a living organisation has an owner. Every function runs inside a
 * transaction, so two owners who leave at the same moment cannot both go.
 */

export function createOrganisation(tx: Transaction, fields: Organisation, ownerId: string): Stored<Organisation> {
  tx.collection(userModel).get(ownerId);
  const organisation = tx.collection(organisationModel).insert(fields);
  tx.collection(membershipModel).insert({ organisationId: organisation._id, userId: ownerId, role: "owner" });
  return organisation;
}

export interface RoleChange {
  membership: Stored<Membership>;
  /** The role before; `undefined` for a new member. */
  previous: Role | undefined;
}

/** Makes a user a member, or changes the role of one. */
export function setRole(tx: Transaction, organisationId: string, userId: string, role: Role): RoleChange {
  tx.collection(organisationModel).get(organisationId);
  tx.collection(userModel).get(userId);
  const memberships = tx.collection(membershipModel);
  const current = memberships.findOne({ organisationId, userId });
  if (!current) return { membership: memberships.insert({ organisationId, userId, role }), previous: undefined };
  if (current.role === role) return { membership: current, previous: role };
  if (current.role === "owner") refuseLastOwner(tx, [current]);
  return { membership: memberships.update(current._id, { role }), previous: current.role };
}

export function leave(tx: Transaction, organisationId: string, userId: string): Stored<Membership> {
  const membership = membershipOf(tx, organisationId, userId);
  if (membership.role === "owner") refuseLastOwner(tx, [membership]);
  return tx.collection(membershipModel).remove(membership._id);
}

/** Ends all memberships of a user who is removed. Returns them. */
export function leaveAll(tx: Transaction, userId: string): Stored<Membership>[] {
  const memberships = tx.collection(membershipModel);
  const own = memberships.find({ userId });
  refuseLastOwner(
    tx,
    own.filter(({ role }) => role === "owner"),
  );
  return own.map(({ _id }) => memberships.remove(_id));
}

/** Brings a removed organisation back. Its owners may be gone by now: then it needs a new one. */
export function restoreOrganisation(
  tx: Transaction,
  id: string,
  ownerId: string | undefined,
): { organisation: Stored<Organisation>; wasDeleted: boolean } {
  const organisations = tx.collection(organisationModel);
  const wasDeleted = organisations.get(id, { withDeleted: true }).deletedAt !== null;
  const organisation = organisations.restore(id);
  if (ownerId !== undefined) setRole(tx, id, ownerId, "owner");
  if (countOwners(tx, id) > 0) return { organisation, wasDeleted };
  throw new AzoraError("CONFLICT", `${organisation.slug} has no owner any more; name one as ownerId`, {
    field: "ownerId",
    organisationId: id,
  });
}

/** @throws AzoraError NOT_FOUND when the user is no member */
export function membershipOf(tx: Snapshot, organisationId: string, userId: string): Stored<Membership> {
  const { slug } = tx.collection(organisationModel).get(organisationId);
  const membership = tx.collection(membershipModel).findOne({ organisationId, userId });
  if (membership) return membership;
  throw new AzoraError("NOT_FOUND", `User "${userId}" is no member of ${slug}`, { organisationId, userId });
}

function refuseLastOwner(tx: Transaction, leaving: readonly Membership[]): void {
  const organisations = tx.collection(organisationModel);
  const orphaned = leaving.flatMap(({ organisationId }) => {
    // An organisation that is removed itself needs no owner until it is restored.
    const organisation = organisations.findById(organisationId);
    const isAlive = organisation && organisation.deletedAt === null;
    return isAlive && countOwners(tx, organisationId) === 1 ? [organisation] : [];
  });
  if (orphaned.length === 0) return;
  const slugs = orphaned.map(({ slug }) => slug).join(", ");
  throw new AzoraError("CONFLICT", `The last owner of ${slugs} cannot go; make someone else an owner first`, {
    organisations: orphaned.map(({ _id, slug }) => ({ id: _id, slug })),
  });
}

const countOwners = (tx: Transaction, organisationId: string) =>
  tx.collection(membershipModel).count({ organisationId, role: "owner" });
