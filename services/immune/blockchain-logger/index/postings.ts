/** Positions of the log that fit one condition, walked in one direction. */
export interface Postings {
  /** The first one that fits, at `from` or behind it. `from` never decreases from call to call. */
  seek(from: number): number | undefined;
}

/** Every position up to and including `last`. */
export function everything(last: number): Postings {
  return { seek: (from) => (from <= last ? from : undefined) };
}

/** What fits any of them. */
export function union(lists: readonly Postings[]): Postings {
  const heads = lists.map(() => Number.NEGATIVE_INFINITY);
  return {
    seek(from) {
      let least = Number.POSITIVE_INFINITY;
      for (const [i, list] of lists.entries()) {
        // A head that was found before and is still ahead needs no second search.
        if (heads[i]! < from) heads[i] = list.seek(from) ?? Number.POSITIVE_INFINITY;
        if (heads[i]! < least) least = heads[i]!;
      }
      return least === Number.POSITIVE_INFINITY ? undefined : least;
    },
  };
}

/**
 * What fits all of them, by leapfrog: each list jumps to where the others are, so that a rare condition makes a frequent
 * one cheap (Veldhuizen, Leapfrog Triejoin, 2014). `spend` is called before each jump; false ends the walk there.
 */
export function intersection(lists: readonly Postings[], spend: () => boolean = () => true): Postings & { at: number } {
  return {
    /** Where the walk stood when it ended: nothing before this position fits any more. */
    at: Number.NEGATIVE_INFINITY,
    seek(from) {
      let candidate = from;
      let agreed = 0;
      for (let i = 0; agreed < lists.length; i = (i + 1) % lists.length) {
        this.at = candidate;
        if (!spend()) return undefined;
        const found = lists[i]!.seek(candidate);
        if (found === undefined) {
          this.at = Number.POSITIVE_INFINITY;
          return undefined;
        }
        agreed = found === candidate ? agreed + 1 : 1;
        candidate = found;
      }
      return candidate;
    },
  };
}
