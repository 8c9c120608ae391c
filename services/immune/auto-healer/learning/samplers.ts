/** Gives numbers from 0 (inclusive) to 1 (exclusive). */
export type Random = () => number;

/** Standard normal (Box and Muller 1958). */
export function sampleNormal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** Gamma with scale 1 (Marsaglia and Tsang: A simple method for generating gamma variables, 2000). @param shape above 0 */
export function sampleGamma(shape: number, random: Random): number {
  // Their section 6: a smaller shape by way of the next larger one.
  if (shape < 1) return sampleGamma(shape + 1, random) * (1 - random()) ** (1 / shape);
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = sampleNormal(random);
    const v = (1 + c * x) ** 3;
    if (v > 0 && Math.log(1 - random()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v;
  }
}

/** Beta by two gammas. @param successes above 0 @param failures above 0 */
export function sampleBeta(successes: number, failures: number, random: Random): number {
  const a = sampleGamma(successes, random);
  const b = sampleGamma(failures, random);
  return a + b === 0 ? successes / (successes + failures) : a / (a + b);
}
