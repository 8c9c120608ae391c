import type { ServiceBroker } from "moleculer";
import { AzoraError } from "../../../../runtime/errors.ts";

export type Ask = (action: string, params?: Record<string, unknown>, timeout?: number) => Promise<unknown>;

/** Passes a request on to another service, and says so where that service is away. @param timeout ms. @default 10000 */
export function asking(broker: ServiceBroker): Ask {
  return async (action, params = {}, timeout = 10_000) => {
    try {
      return await broker.call(action, params, { timeout });
    } catch (error) {
      const { type, data } = error as { type?: string; data?: { action?: string } };
      const away = type === "SERVICE_NOT_FOUND" || type === "SERVICE_NOT_AVAILABLE";
      if (!away || data?.action !== action) throw error;
      const [service] = action.split(".");
      throw new AzoraError("SERVICE_UNAVAILABLE", `${service} is not up; "azora why ${service}" says why`);
    }
  };
}
