/** A factory in an ES module: gets the broker, returns the schema. */
export default (broker) => ({
  name: "receipts",
  dependencies: [{ name: "orders", version: 2 }],
  actions: {
    latest: {
      rest: "GET /latest",
      handler() {
        return { region: broker.metadata.region, receipts: this.receipts };
      },
    },
  },
  events: {
    "order.placed"(ctx) {
      const { number, id, pieces, cents, currency } = ctx.params;
      this.receipts.unshift(`#${number}: ${pieces} × ${id}, ${(cents / 100).toFixed(2)} ${currency}`);
      this.receipts.length = Math.min(this.receipts.length, 10);
    },
  },
  created() {
    this.receipts = [];
  },
});
