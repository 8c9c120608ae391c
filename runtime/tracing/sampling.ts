/**
 * Decides by the request's id alone, so that all nodes decide alike, whoever is asked first.
 * @param rate share of requests, 0 to 1
 */
export function sampler(rate: number): (requestId: string) => boolean {
  if (rate >= 1) return () => true;
  if (rate <= 0) return () => false;
  const limit = Math.round(rate * 2 ** 32);
  return (requestId) => hash(requestId) < limit;
}

/**
 * MurmurHash3 over four characters at a time: each unsampled call pays for it, and ids that differ in their last digit
 * alone must not be chosen in rows. https://github.com/aappleby/smhasher
 */
function hash(text: string): number {
  const { length } = text;
  let value = length;
  let i = 0;
  for (; i + 4 <= length; i += 4) {
    const four =
      text.charCodeAt(i) |
      (text.charCodeAt(i + 1) << 8) |
      (text.charCodeAt(i + 2) << 16) |
      (text.charCodeAt(i + 3) << 24);
    value = mixed(value, four);
  }
  for (; i < length; i++) value = mixed(value, text.charCodeAt(i));
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return (value ^ (value >>> 16)) >>> 0;
}

function mixed(value: number, part: number): number {
  const first = Math.imul(part, 0xcc9e2d51);
  const next = value ^ Math.imul((first << 15) | (first >>> 17), 0x1b873593);
  return (Math.imul((next << 13) | (next >>> 19), 5) + 0xe6546b64) | 0;
}
