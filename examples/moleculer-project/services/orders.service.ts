import type { Context, ServiceSchema } from "moleculer";

interface Order {
  number: number;
  id: string;
  pieces: number;
  cents: number;
  currency: string;
}

/** Version 2: its actions are `v2.orders.*`. */
const schema: ServiceSchema = {
  name: "orders",
  version: 2,
  dependencies: ["prices", "stock"],
  settings: { rest: "v2/orders" },
  actions: {
    place: {
      rest: "POST /",
      params: { id: "string", pieces: { type: "number", integer: true, positive: true, convert: true, default: 1 } },
      async handler(ctx: Context<{ id: string; pieces: number }>): Promise<Order> {
        const { id, pieces } = ctx.params;
        await ctx.call("stock.take", { id, pieces });
        const price: { cents: number; currency: string } = await ctx.call("prices.of", { id });
        const order = { number: ++this.last, id, pieces, cents: price.cents * pieces, currency: price.currency };
        ctx.emit("order.placed", order);
        return order;
      },
    },
  },
  created() {
    this.last = 0;
  },
};

export default schema;
