import type { ActionHandler, Context, Middleware, Service } from "moleculer";

/** Logs every call that takes longer than `limit` ms. */
export function slowCalls(limit: number): Middleware {
  return {
    name: "SlowCalls",
    localAction(next: ActionHandler) {
      return async function slowCall(this: Service, ctx: Context) {
        const start = performance.now();
        try {
          return await next.call(this, ctx);
        } finally {
          const took = performance.now() - start;
          if (took > limit) ctx.broker.logger.warn(`${ctx.action?.name} took ${Math.round(took)} ms`);
        }
      };
    },
  } as Middleware;
}
