/** Actions on nodes; further ones are not known. */
const MOST = 10_000;
/** Share of the newest report in the moving mean. */
const NEWEST = 0.3;

/** How long the work of each action takes on each node by itself, without waiting for its turn, µs. */
export class WorkTimes {
  readonly #nodes = new Map<string, Map<string, number>>();
  #count = 0;

  learn(node: string, action: string, mean: number): void {
    let actions = this.#nodes.get(node);
    if (!actions) {
      actions = new Map();
      this.#nodes.set(node, actions);
    }
    const known = actions.get(action);
    if (known !== undefined) actions.set(action, known + (mean - known) * NEWEST);
    else if (this.#count < MOST) {
      actions.set(action, mean);
      this.#count++;
    }
  }

  of(node: string, action: string): number | undefined {
    return this.#nodes.get(node)?.get(action);
  }

  forget(node: string): void {
    this.#count -= this.#nodes.get(node)?.size ?? 0;
    this.#nodes.delete(node);
  }
}
