import type { Context, ServiceSchema } from "moleculer";

export interface Item {
  id: string;
}

/** Gives a service a list in memory, with `list` and `get`. It begins with `items` each time the service starts. */
export function memoryList<T extends Item>(items: readonly T[]): Partial<ServiceSchema> {
  return {
    actions: {
      list: {
        rest: "GET /",
        cache: true,
        handler(): T[] {
          return [...this.items.values()];
        },
      },
      get: {
        rest: "GET /:id",
        params: { id: "string" },
        handler(ctx: Context<{ id: string }>): T | null {
          return this.items.get(ctx.params.id) ?? null;
        },
      },
    },
    created() {
      this.items = new Map(items.map((item) => [item.id, { ...item }]));
    },
  };
}
