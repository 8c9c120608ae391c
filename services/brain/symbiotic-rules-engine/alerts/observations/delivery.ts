import type { Observations } from "./observation.ts";
import { because } from "./says.ts";

export const DELIVERY_OBSERVATIONS: Observations = {
  "alerts-undelivered": (_, { channels }) => ({
    complete: true,
    of: channels.map(({ channel, failing, why }) => ({
      subject: channel,
      group: "organism",
      value: failing ? 1 : 0,
      says: () => `alerts do not arrive by ${channel}${because(why)}`,
    })),
  }),
};
