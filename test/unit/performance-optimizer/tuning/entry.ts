import type { Entry } from "../../../../services/muscles/performance-optimizer/records/book.ts";

/** A change as it is stored. */
export function entry(change: Partial<Entry> = {}): Entry {
  return {
    id: "1",
    at: "2026-01-01T00:00:00.000Z",
    service: "shop",
    kind: "setting",
    change: "Set it to 2",
    reason: "it may help",
    status: "measuring",
    by: "operator",
    actions: ["shop.find"],
    undoing: {},
    fleeting: false,
    ...change,
  };
}
