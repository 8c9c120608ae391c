/** Names and sentences come from services, nodes and rules: none of them controls the terminal, or makes a line of its own. */
export function plain(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ");
}
