/** What the index needs of a moleculer-web alias. */
export interface IndexedAlias {
  fullPath: string;
  isMethod(method: string): boolean;
  match(url: string): Record<string, unknown> | false;
}

/**
 * Finds the alias of a URL by its first segments instead of trying every pattern. Order within a bucket is the order
 * given; aliases with a static beginning come before those that begin with a parameter.
 */
export class AliasIndex<A extends IndexedAlias> {
  readonly #buckets = new Map<string, A[]>();
  readonly #anywhere: A[] = [];

  constructor(aliases: readonly A[]) {
    for (const alias of aliases) {
      const key = keyOf(alias.fullPath);
      if (/[:*{}"\\]/.test(key)) this.#anywhere.push(alias);
      else this.#buckets.set(key, [...(this.#buckets.get(key) ?? []), alias]);
    }
  }

  find(url: string, method: string): { alias: A; params: Record<string, unknown> } | undefined {
    for (const alias of this.#candidates(url)) {
      const params = alias.isMethod(method) && alias.match(url);
      if (params) return { alias, params };
    }
    return undefined;
  }

  /** All aliases of the URL, whatever their method. */
  all(url: string): A[] {
    return [...this.#candidates(url)].filter((alias) => alias.match(url));
  }

  *#candidates(url: string): Generator<A> {
    yield* this.#buckets.get(keyOf(url)) ?? [];
    yield* this.#anywhere;
  }
}

/** `/api/users/1` → `/api/users`: patterns are matched without regard to case. */
function keyOf(path: string): string {
  return path.split("/", 3).join("/").toLowerCase();
}
