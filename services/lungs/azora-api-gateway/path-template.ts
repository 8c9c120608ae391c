/** A path as OpenAPI writes it: `/users/{id}` with the names in braces. */
export interface PathTemplate {
  path: string;
  names: string[];
}

/**
 * OpenAPI paths of a path-to-regexp 8 pattern. It knows no optional parts, so these give two paths:
 * `/users{/:id}` → `/users` and `/users/{id}`; `*rest` becomes `{rest}`.
 */
export function pathTemplates(pattern: string): PathTemplate[] {
  return expand(pattern).map(template);
}

/** Groups without nesting first: each is there or not. */
function expand(pattern: string): string[] {
  const group = /\{([^{}]*)\}/.exec(pattern);
  if (!group) return [pattern];
  const [before, after] = [pattern.slice(0, group.index), pattern.slice(group.index + group[0].length)];
  return [...new Set([...expand(before + after), ...expand(before + group[1] + after)])];
}

function template(pattern: string): PathTemplate {
  const names: string[] = [];
  const path = pattern.replace(
    /\\(.)|[:*](?:([\p{ID_Start}$_][\p{ID_Continue}$]*)|"([^"]+)")/gu,
    (_, escaped, bare, quoted) => {
      if (escaped !== undefined) return escaped;
      names.push(bare ?? quoted);
      return `{${bare ?? quoted}}`;
    },
  );
  return { path, names };
}
