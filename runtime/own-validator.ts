import { type Middleware, type Service, type ServiceBroker, Validators } from "moleculer";
import { isUnguarded } from "./breaker/unguarded.ts";
import { RUNTIME_CAPABILITY } from "./discovery/plan.ts";

type Handler = (ctx: object) => unknown;
type LocalAction = (handler: Handler, action: { service?: Service }) => Handler;

/**
 * Moleculer's validator. The checks of Azora's own systems, most of which a node never needs, are compiled with the first
 * call of their action; those of other services when the service is made, as a wrong one must be told then.
 */
export class OwnValidator extends Validators.Fastest {
  override middleware(broker: ServiceBroker): Middleware {
    const made = super.middleware(broker) as unknown as { localAction: LocalAction };
    const compiled: LocalAction = made.localAction.bind(made);
    // Under the name that Moleculer gives it, by which others find it.
    const validatorMiddleware: LocalAction = (handler, action) => {
      if (!isOwn(action.service)) return compiled(handler, action);
      let checked: Handler | undefined;
      return (ctx) => {
        checked ??= compiled(handler, action);
        return checked(ctx);
      };
    };
    return { ...made, localAction: validatorMiddleware } as unknown as Middleware;
  }
}

function isOwn(service: Service | undefined): boolean {
  if (!service) return false;
  const { capabilities } = (service.metadata ?? {}) as { capabilities?: unknown };
  return isUnguarded("", service.name) || (Array.isArray(capabilities) && capabilities.includes(RUNTIME_CAPABILITY));
}
