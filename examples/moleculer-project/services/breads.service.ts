import type { Context, ServiceSchema } from "moleculer";
import { type Item, memoryList } from "../mixins/memory-list";

/** An enum: types alone cannot be blanked out here. */
enum Flour {
  Rye = "rye",
  Wheat = "wheat",
  Spelt = "spelt",
}

interface Bread extends Item {
  name: string;
  flour: Flour;
  grams: number;
}

const schema: ServiceSchema = {
  name: "breads",
  mixins: [
    memoryList<Bread>([
      { id: "vollkorn", name: "Vollkornbrot", flour: Flour.Rye, grams: 1000 },
      { id: "baguette", name: "Baguette", flour: Flour.Wheat, grams: 250 },
      { id: "dinkel", name: "Dinkelbrot", flour: Flour.Spelt, grams: 750 },
    ]),
  ],
  actions: {
    ofFlour: {
      rest: "GET /flour/:flour",
      params: { flour: { type: "enum", values: Object.values(Flour) } },
      handler(ctx: Context<{ flour: Flour }>): Bread[] {
        return [...this.items.values()].filter((bread: Bread) => bread.flour === ctx.params.flour);
      },
    },
  },
};

export default schema;
