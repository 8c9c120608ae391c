import type { Context } from "moleculer";
import * as params from "../../../mixins/store/params.ts";
import { type StoreSchema, store } from "../../../mixins/store/store.ts";
import { membershipModel, ROLES, type Role } from "../../../models/membership.model.ts";
import type { Stored } from "../../../models/model.ts";
import { type Organisation, organisationModel } from "../../../models/organisation.model.ts";
import { type User, userModel } from "../../../models/user.model.ts";
import { AzoraError } from "../../../runtime/errors.ts";
import * as memberships from "./memberships.ts";

const LIMITS = { pageSize: 20, maxPageSize: 100 };
const MOST_ORGANISATIONS = 1000;
const ID = params.idParam;
const OF_ORGANISATION = { $$strict: true, id: ID };
const OF_MEMBER = { $$strict: true, id: ID, userId: ID };
const { fields: _fields, ...listing } = params.listParams(LIMITS);
const { query: _query, ...paging } = listing;

/** What an event says of a change of the users, by moleculer-db's name for it. */
const USER_EVENTS: Record<string, string> = {
  created: "user.created",
  updated: "user.updated",
  removed: "user.deleted",
  restored: "user.restored",
};

interface MemberParams {
  id: string;
  userId: string;
}

const schema: StoreSchema = {
  name: "user-management",
  metadata: {
    launchPhase: 1,
    priority: "critical",
    capabilities: ["users", "organisations"],
    description: "Users, organisations, and who has which role where.",
  },
  dependencies: ["azora-database"],
  mixins: [store(userModel, { rest: "/users", collections: [organisationModel, membershipModel], ...LIMITS })],
  settings: { rest: "/" },
  actions: {
    getByEmail: {
      description: "The user with an e-mail address, in whatever capitals.",
      params: { $$strict: true, email: { type: "email", normalize: true, max: 254 } },
      idempotent: true,
      async handler(ctx: Context<{ email: string }>) {
        const { email } = ctx.params;
        const user = await this.collection(userModel).findOne({ email });
        if (!user) throw new AzoraError("NOT_FOUND", `There is no user with email "${email}"`, { email });
        return user;
      },
    },
    remove: {
      description: "Marks a user as deleted and ends the user's memberships; restoring does not bring those back.",
      async handler(ctx: Context<{ id: string; version?: number | null }>) {
        const { id, version } = ctx.params;
        const { user, left } = await this.transaction((tx) => ({
          user: tx.collection(userModel).remove(id, version ? { version } : {}),
          left: memberships.leaveAll(tx, id),
        }));
        for (const membership of left) await ctx.emit("organisation.member.removed", { membership });
        await ctx.emit("user.deleted", { user });
        return user;
      },
    },
    organisationsOf: {
      description: "The organisations that a user belongs to, with the role in each.",
      rest: "GET /users/:id/organisations",
      params: OF_ORGANISATION,
      idempotent: true,
      handler(ctx: Context<{ id: string }>) {
        return this.snapshot((tx) => {
          tx.collection(userModel).get(ctx.params.id);
          const own = tx.collection(membershipModel).find({ userId: ctx.params.id }, { limit: MOST_ORGANISATIONS });
          return own.flatMap(({ organisationId, role, createdAt }) => {
            const organisation = tx.collection(organisationModel).findById(organisationId);
            return organisation?.deletedAt === null ? [{ organisation, role, since: createdAt }] : [];
          });
        });
      },
    },
    listOrganisations: {
      description: "A page of organisations, by number or by cursor.",
      rest: "GET /organisations",
      params: listing,
      idempotent: true,
      handler(ctx: Context<object>) {
        return this.collection(organisationModel).page(params.pageOptions(ctx.params));
      },
    },
    getOrganisation: {
      description: "One organisation.",
      rest: "GET /organisations/:id",
      params: OF_ORGANISATION,
      idempotent: true,
      handler(ctx: Context<{ id: string }>) {
        return this.collection(organisationModel).get(ctx.params.id);
      },
    },
    createOrganisation: {
      description: "A new organisation with its first owner.",
      rest: "POST /organisations",
      params: { ...params.createParams(organisationModel), ownerId: ID },
      async handler(ctx: Context<Organisation & { ownerId: string }>) {
        const { ownerId, ...fields } = ctx.params;
        const organisation = await this.transaction((tx) => memberships.createOrganisation(tx, fields, ownerId));
        await ctx.emit("organisation.created", { organisation, ownerId });
        return organisation;
      },
    },
    updateOrganisation: {
      description: "Sets the given fields of an organisation.",
      rest: "PATCH /organisations/:id",
      params: params.updateParams(organisationModel),
      async handler(ctx: Context<Partial<Organisation> & { id: string; version?: number | null }>) {
        const { id, version, ...patch } = ctx.params;
        const organisations = this.collection(organisationModel);
        const organisation = await organisations.update(id, patch, version ? { version } : {});
        await ctx.emit("organisation.updated", { organisation });
        return organisation;
      },
    },
    removeOrganisation: {
      description: "Marks an organisation as deleted; its memberships come back with it when it is restored.",
      rest: "DELETE /organisations/:id",
      params: params.removeParams(organisationModel),
      async handler(ctx: Context<{ id: string; version?: number | null }>) {
        const { id, version } = ctx.params;
        const organisation = await this.collection(organisationModel).remove(id, version ? { version } : {});
        await ctx.emit("organisation.deleted", { organisation });
        return organisation;
      },
    },
    restoreOrganisation: {
      description: "Brings a deleted organisation back; with a new owner, if it has none any more.",
      rest: "POST /organisations/:id/restore",
      params: { ...OF_ORGANISATION, ownerId: { ...ID, optional: true } },
      async handler(ctx: Context<{ id: string; ownerId?: string | null }>) {
        const { id, ownerId } = ctx.params;
        const { organisation, wasDeleted } = await this.transaction((tx) =>
          memberships.restoreOrganisation(tx, id, ownerId ?? undefined),
        );
        if (wasDeleted) await ctx.emit("organisation.restored", { organisation });
        return organisation;
      },
    },
    listMembers: {
      description: "A page of an organisation's members, each with user and role.",
      rest: "GET /organisations/:id/members",
      params: { ...paging, id: ID, role: roleParam(true) },
      idempotent: true,
      handler(ctx: Context<{ id: string; role?: Role | null }>) {
        const { id, role, ...rest } = ctx.params;
        return this.snapshot((tx) => {
          tx.collection(organisationModel).get(id);
          const query = { organisationId: id, ...(role ? { role } : {}) };
          const page = tx.collection(membershipModel).page({ ...params.pageOptions(rest), query });
          const users = tx.collection(userModel).find({ _id: { $in: page.rows.map(({ userId }) => userId) } });
          const byId = new Map(users.map((user) => [user._id, user]));
          const rows = page.rows.map((each) => ({
            user: byId.get(each.userId)!,
            role: each.role,
            since: each.createdAt,
          }));
          return { ...page, rows };
        });
      },
    },
    getMember: {
      description: "A user's membership in an organisation.",
      rest: "GET /organisations/:id/members/:userId",
      params: OF_MEMBER,
      idempotent: true,
      handler(ctx: Context<MemberParams>) {
        return this.snapshot((tx) => memberships.membershipOf(tx, ctx.params.id, ctx.params.userId));
      },
    },
    setMember: {
      description: "Makes a user a member of an organisation, or changes the member's role.",
      rest: "PUT /organisations/:id/members/:userId",
      params: { ...OF_MEMBER, role: roleParam(false) },
      idempotent: true,
      async handler(ctx: Context<MemberParams & { role: Role }>) {
        const { id, userId, role } = ctx.params;
        const { membership, previous } = await this.transaction((tx) => memberships.setRole(tx, id, userId, role));
        if (previous !== role) {
          const event = previous ? "organisation.member.updated" : "organisation.member.added";
          await ctx.emit(event, { membership, ...(previous ? { previousRole: previous } : {}) });
        }
        return membership;
      },
    },
    removeMember: {
      description: "Ends a user's membership in an organisation.",
      rest: "DELETE /organisations/:id/members/:userId",
      params: OF_MEMBER,
      async handler(ctx: Context<MemberParams>) {
        const { id, userId } = ctx.params;
        const membership = await this.transaction((tx) => memberships.leave(tx, id, userId));
        await ctx.emit("organisation.member.removed", { membership });
        return membership;
      },
    },
    health: {
      description: "Whether the store answers.",
      params: { $$strict: true },
      idempotent: true,
      async handler() {
        try {
          await this.collection(userModel).findOne({ email: "" });
          return { status: "healthy", checks: { store: { status: "healthy" } } };
        } catch (error) {
          return { status: "unhealthy", checks: { store: { status: "unhealthy", why: (error as Error).message } } };
        }
      },
    },
  },
  methods: {
    /** Called by the store after each write of a user, or of several. */
    async entityChanged(type: string, changed: Stored<User> | Stored<User>[], ctx: Context) {
      for (const user of [changed].flat()) await ctx.emit(USER_EVENTS[type]!, { user });
    },
  },
};

export default schema;

function roleParam(optional: boolean) {
  return { type: "enum", values: [...ROLES], ...(optional ? { optional } : {}) };
}
