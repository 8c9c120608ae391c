/** Says yes to a share of all asks, spread evenly: 0.25 means each fourth. Repeatable, unlike a coin. */
export function evenly(share: number): () => boolean {
  let owed = 0;
  return () => {
    owed += share;
    // Sums of binary fractions fall short of one by a hair.
    if (owed < 1 - 1e-9) return false;
    owed -= 1;
    return true;
  };
}
