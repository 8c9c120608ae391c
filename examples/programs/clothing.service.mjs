const WEATHER = "http://127.0.0.1:3921";

/** Needs the Python program, and is launched when that answers on its health page. */
export default {
  name: "clothing",
  dependencies: ["weather"],
  actions: {
    advise: {
      params: { city: "string|min:1" },
      async handler(ctx) {
        const response = await fetch(`${WEATHER}/temperature?city=${encodeURIComponent(ctx.params.city)}`);
        const { city, celsius } = await response.json();
        return { city, celsius, wear: celsius < 8 ? "a coat" : celsius < 18 ? "a jumper" : "a shirt" };
      },
    },
  },
};
