/** A fastest-validator rule, written out. */
export type Rule = Record<string, unknown> & { type: string };

/** `"string|min:3|optional"` → `{type: "string", min: 3, optional: true}`; `{$$type: "object|optional", a: …}` → props */
export function toRule(definition: unknown): Rule {
  if (typeof definition === "string") return parseShorthand(definition);
  if (Array.isArray(definition)) {
    const nullable = definition.length > 0 && definition.every((rule) => toRule(rule).nullable === true);
    return { type: "multi", rules: definition, optional: isOptional(definition), nullable };
  }
  if (typeof definition !== "object" || definition === null) return { type: "any" };
  const { $$type, ...rest } = definition as Record<string, unknown>;
  if (typeof $$type === "string") return { ...parseShorthand($$type), props: rest };
  return { ...rest, type: typeof rest.type === "string" ? rest.type : "any" };
}

function parseShorthand(text: string): Rule {
  const [type = "any", ...options] = text.split("|").map((part) => part.trim());
  const rule: Rule = type.endsWith("[]") ? { type: "array", items: type.slice(0, -2) } : { type };
  for (const option of options) {
    const colon = option.indexOf(":");
    if (colon === -1) Object.assign(rule, option.startsWith("no-") ? { [option.slice(3)]: false } : { [option]: true });
    else rule[option.slice(0, colon).trim()] = literal(option.slice(colon + 1).trim());
  }
  return rule;
}

function literal(text: string): unknown {
  if (text === "true" || text === "false") return text === "true";
  return Number.isNaN(Number(text)) ? text : Number(text);
}

/** Whether the field may be missing. */
export function isOptional(definition: unknown): boolean {
  if (Array.isArray(definition)) return definition.length > 0 && definition.every(isOptional);
  const rule = toRule(definition);
  return rule.optional === true || rule.default != null || rule.type === "forbidden";
}
