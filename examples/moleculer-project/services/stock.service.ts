import { type Context, Errors, Service, type ServiceBroker } from "moleculer";

interface Line {
  id: string;
  pieces: number;
}

/** A service as a class. */
export default class StockService extends Service {
  private readonly pieces = new Map<string, number>([
    ["vollkorn", 12],
    ["baguette", 40],
    ["dinkel", 8],
  ]);

  constructor(broker: ServiceBroker) {
    super(broker);
    this.parseServiceSchema({
      name: "stock",
      actions: {
        list: { rest: "GET /", handler: this.list },
        take: { params: { id: "string", pieces: "number|integer|positive" }, handler: this.take },
      },
    });
  }

  list(): Line[] {
    return [...this.pieces].map(([id, pieces]) => ({ id, pieces }));
  }

  take(ctx: Context<Line>): Line {
    const { id, pieces } = ctx.params;
    const left = (this.pieces.get(id) ?? 0) - pieces;
    if (left < 0) throw new Errors.MoleculerClientError(`There are not ${pieces} of ${id}`, 409, "SOLD_OUT", { id });
    this.pieces.set(id, left);
    return { id, pieces: left };
  }
}
