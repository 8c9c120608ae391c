/** What a sample of documents tells of an index on some of their fields. */
export interface Sample {
  documents: number;
  sampled: number;
  documentBytes: number;
  /** Chance that two documents have the same values, for each beginning of the fields; 1 where nothing was seen. */
  selectivity: number[];
  entry: { mean: number; largest: number };
  largestField: string;
  largestValue: number;
  /** Reading one document and its fields, ms. */
  perDocument: number;
  freeBytes: number;
}

/** `rows` have `bytes`, and for each field its value `v0, v1, …` and length `l0, l1, …`. */
export function summary(
  documents: number,
  fields: readonly string[],
  rows: readonly Record<string, unknown>[],
  perDocument: number,
  freeBytes: number,
): Sample {
  let [bytes, entryBytes, largestEntry, largestValue, largestField] = [0, 0, 0, 0, fields[0] ?? ""];
  const equal = fields.map(() => new Map<string, number>());
  for (const row of rows) {
    bytes += Number(row["bytes"]);
    const lengths = fields.map((_, i) => Number(row[`l${i}`] ?? 0));
    const entry = lengths.reduce((sum, each) => sum + each, 0);
    entryBytes += entry;
    largestEntry = Math.max(largestEntry, entry);
    lengths.forEach((length, i) => {
      if (length <= largestValue) return;
      largestValue = length;
      largestField = fields[i]!;
    });
    let key = "";
    for (const [i, counts] of equal.entries()) {
      key += `${String(row[`v${i}`]).slice(0, 200)}\0`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
  }
  const n = rows.length;
  // Of all pairs in the sample those that are equal: this has no bias, however small the sample.
  const alike = (counts: Map<string, number>) => {
    const pairs = [...counts.values()].reduce((sum, count) => sum + count * (count - 1), 0);
    return n < 2 ? 1 : pairs / (n * (n - 1));
  };
  return {
    documents,
    sampled: n,
    documentBytes: n === 0 ? 0 : bytes / n,
    selectivity: equal.map(alike),
    entry: { mean: n === 0 ? 0 : entryBytes / n, largest: largestEntry },
    largestField,
    largestValue,
    perDocument,
    freeBytes,
  };
}
