/** What a sample of documents tells of an index on some of their fields. */
export interface Sample {
  documents: number;
  sampled: number;
  documentBytes: number;
  /** Chance that two documents have the same values; 1 where nothing was seen. */
  selectivity: number;
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
  ms: number,
  freeBytes: number,
): Sample {
  let [bytes, entryBytes, largestEntry, largestValue, largestField] = [0, 0, 0, 0, fields[0] ?? ""];
  const equal = new Map<string, number>();
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
    // The id closes an index for its order only; it would make every entry another one.
    const values = fields.flatMap((field, i) => (field === "_id" ? [] : [String(row[`v${i}`]).slice(0, 200)]));
    const key = values.join("\0");
    equal.set(key, (equal.get(key) ?? 0) + 1);
  }
  const n = rows.length;
  // Of all pairs in the sample those that are equal: this has no bias, however small the sample.
  const pairs = [...equal.values()].reduce((sum, count) => sum + count * (count - 1), 0);
  return {
    documents,
    sampled: n,
    documentBytes: n === 0 ? 0 : bytes / n,
    selectivity: n < 2 ? 1 : pairs / (n * (n - 1)),
    entry: { mean: n === 0 ? 0 : entryBytes / n, largest: largestEntry },
    largestField,
    largestValue,
    perDocument: n === 0 ? 0 : ms / n,
    freeBytes,
  };
}
