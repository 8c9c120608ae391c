const CENTS_PER_100_GRAMS = { rye: 52, wheat: 60, spelt: 78 };

module.exports = {
  name: "prices",
  dependencies: ["breads"],
  settings: { currency: process.env.CURRENCY || "EUR" },
  actions: {
    of: {
      params: { id: "string" },
      async handler(ctx) {
        const bread = await ctx.call("breads.get", { id: ctx.params.id });
        if (!bread) return null;
        const cents = Math.round((CENTS_PER_100_GRAMS[bread.flour] * bread.grams) / 100);
        return { id: bread.id, cents, currency: this.settings.currency };
      },
    },
  },
};
