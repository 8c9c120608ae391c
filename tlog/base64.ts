/**
 * Standard Base64 with padding (RFC 4648, section 4). Undefined for everything that an encoder would not have written:
 * other alphabets, blanks, missing padding, bits set beside the last byte. So each value has one spelling only.
 */
export function decodeBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, "base64");
  return bytes.toString("base64") === text ? bytes : undefined;
}
