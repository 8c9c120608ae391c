import type { Context, Service, ServiceSchema } from "moleculer";
import type { QueryMeter } from "../../../runtime/queries/query-meter.ts";

type Handler = (this: Service, ctx: Context) => unknown;
type Measured = Service & { $meter?: QueryMeter | undefined };

/**
 * Lets the meter know which actions of a service are under way. The schema is the merged one of one service, and no
 * other has its action objects. Returns the names in the order of their numbers, from 1.
 */
export function scopeActions(schema: ServiceSchema): string[] {
  const actions = (schema.actions ?? {}) as Record<string, unknown>;
  const names: string[] = [];
  for (const [name, action] of Object.entries(actions)) {
    const definition = (typeof action === "function" ? { handler: action } : action) as { handler?: Handler } | false;
    if (!definition || typeof definition.handler !== "function") continue;
    actions[name] = { ...definition, handler: scoped(definition.handler, names.push(name)) };
  }
  return names;
}

function scoped(handler: Handler, action: number): Handler {
  return function (this: Measured, ctx) {
    const meter = this.$meter;
    if (!meter) return handler.call(this, ctx);
    meter.streaks.count(action, ctx.parentID, ctx.caller);
    const call = meter.enter(action);
    let result: unknown;
    try {
      result = meter.within(action, call, handler, this, ctx);
    } catch (error) {
      meter.leave(action);
      throw error;
    }
    if (isThenable(result))
      result.then(
        () => meter.leave(action),
        () => meter.leave(action),
      );
    else meter.leave(action);
    return result;
  };
}

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof (value as { then?: unknown } | null | undefined)?.then === "function";
