import type { Edge } from "./plan.ts";

/**
 * Steps of a launch: each name stands one step after the last of its hard dependencies, so all names of a step may
 * start together. Names on a cycle are left out; `findCycles` tells them.
 */
export function launchOrder(names: readonly string[], edges: readonly Edge[]): string[][] {
  const dependencies = hardDependencies(names, edges);
  const placed = new Set<string>();
  const steps: string[][] = [];
  for (;;) {
    const step = names.filter(
      (name) => !placed.has(name) && dependencies.get(name)!.every((other) => placed.has(other)),
    );
    if (step.length === 0) return steps;
    steps.push(step.sort());
    for (const name of step) placed.add(name);
  }
}

/** One path per cycle of hard edges, as `["a", "b", "a"]`: from `a` follow the dependencies and you are back. */
export function findCycles(names: readonly string[], edges: readonly Edge[]): string[][] {
  const dependencies = hardDependencies(names, edges);
  return components(names, dependencies)
    .filter((members) => members.length > 1 || dependencies.get(members[0]!)!.includes(members[0]!))
    .map((members) => shortestCycle(members.sort()[0]!, new Set(members), dependencies));
}

function hardDependencies(names: readonly string[], edges: readonly Edge[]): Map<string, string[]> {
  const dependencies = new Map<string, string[]>(names.map((name) => [name, []]));
  for (const edge of edges) {
    if (edge.kind === "hard" && dependencies.has(edge.to)) dependencies.get(edge.from)?.push(edge.to);
  }
  return dependencies;
}

/** Strongly connected components (Tarjan 1972), without recursion, so that a long chain cannot overflow the stack. */
function components(names: readonly string[], dependencies: Map<string, string[]>): string[][] {
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const onStack = new Set<string>();
  const found: string[][] = [];
  for (const root of names) {
    if (index.has(root)) continue;
    const work: { name: string; next: number }[] = [{ name: root, next: 0 }];
    while (work.length > 0) {
      const frame = work[work.length - 1]!;
      const { name } = frame;
      if (frame.next === 0) {
        index.set(name, index.size);
        low.set(name, index.get(name)!);
        stack.push(name);
        onStack.add(name);
      }
      const child = dependencies.get(name)![frame.next++];
      if (child !== undefined) {
        if (!index.has(child)) work.push({ name: child, next: 0 });
        else if (onStack.has(child)) low.set(name, Math.min(low.get(name)!, index.get(child)!));
        continue;
      }
      work.pop();
      const parent = work[work.length - 1]?.name;
      if (parent !== undefined) low.set(parent, Math.min(low.get(parent)!, low.get(name)!));
      if (low.get(name) !== index.get(name)) continue;
      const members = stack.splice(stack.indexOf(name));
      for (const member of members) onStack.delete(member);
      found.push(members);
    }
  }
  return found;
}

function shortestCycle(start: string, members: Set<string>, dependencies: Map<string, string[]>): string[] {
  const cameFrom = new Map<string, string>();
  const queue = [start];
  for (const name of queue) {
    for (const next of dependencies.get(name)!) {
      if (next === start) {
        const path = [start];
        for (let at = name; at !== start; at = cameFrom.get(at)!) path.unshift(at);
        return [start, ...path];
      }
      if (members.has(next) && !cameFrom.has(next)) {
        cameFrom.set(next, name);
        queue.push(next);
      }
    }
  }
  return [start];
}
