/** A service that can repair its own data, and says so: `azora heal library data-repair`. */
const books = new Map();
/** Title → ids. It is built from the books, so it can be built anew. */
let index = new Map();

function buildIndex() {
  index = new Map();
  for (const [id, { title }] of books) index.set(title, [...(index.get(title) ?? []), id]);
}

const strays = () => [...index.values()].flat().filter((id) => !books.has(id)).length;

export default {
  name: "library",
  metadata: {
    healing: {
      actions: [
        {
          type: "data-repair",
          action: "repair",
          description: "Builds the index of titles anew.",
          // Tried by itself when calls fail, before a restart (500 ms), because it costs less.
          failures: ["erroring"],
          cost: 50,
          cooldown: 10_000,
        },
      ],
    },
  },
  actions: {
    add: {
      params: { id: "string", title: "string" },
      handler({ params: { id, title } }) {
        books.set(id, { title });
        buildIndex();
      },
    },
    find: {
      params: { title: "string" },
      handler({ params: { title } }) {
        return (index.get(title) ?? []).map((id) => {
          const book = books.get(id);
          if (!book) throw new Error(`the index names book ${id}, which is not there`);
          return { id, ...book };
        });
      },
    },
    /** Does what a fault might do: loses a book without telling the index. */
    lose: {
      params: { id: "string" },
      handler: ({ params: { id } }) => books.delete(id),
    },
    /** What a healing action returns: success only when the wanted state was seen. */
    repair() {
      const before = strays();
      buildIndex();
      const after = strays();
      return {
        success: after === 0,
        observed: { before: `${before} strays in the index`, after: `${after} strays in the index` },
        reason: "the index was built anew from the books",
      };
    },
  },
};
