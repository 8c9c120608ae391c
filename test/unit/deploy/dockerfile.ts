export interface Instruction {
  line: number;
  name: string;
  /** All that follows the name, continuation lines joined. */
  text: string;
}

/** The instructions of a Dockerfile in order. Comments go; heredocs are not read, and there are none. */
export function parseDockerfile(source: string): Instruction[] {
  const instructions: Instruction[] = [];
  let open: Instruction | undefined;
  for (const [index, raw] of source.split("\n").entries()) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#")) continue;
    const text = line.replace(/\\$/, "").trim();
    if (open) open.text += ` ${text}`;
    else {
      const [name = "", ...rest] = text.split(/\s+/);
      open = { line: index + 1, name: name.toUpperCase(), text: rest.join(" ") };
      instructions.push(open);
    }
    if (!line.endsWith("\\")) open = undefined;
  }
  return instructions;
}
