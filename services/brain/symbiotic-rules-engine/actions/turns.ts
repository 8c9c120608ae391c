/** Whatever is done to one system is done one after the other, so that each sees what the last one did. */
export class Turns {
  readonly #last = new Map<string, Promise<unknown>>();

  take<T>(system: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(system) ?? Promise.resolve();
    const result = before.then(work);
    const settled = result.catch(() => {});
    this.#last.set(system, settled);
    void settled.then(() => {
      if (this.#last.get(system) === settled) this.#last.delete(system);
    });
    return result;
  }
}
