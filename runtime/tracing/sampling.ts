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

/** FNV-1a, then the finaliser of MurmurHash3: ids that differ in their last digit alone must not be chosen in rows. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return (value ^ (value >>> 16)) >>> 0;
}
