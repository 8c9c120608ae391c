/** What stands in a list. A node is in one list at most. */
export interface Linked {
  readonly bytes: number;
  newer: Linked | null;
  older: Linked | null;
}

/** A doubly linked list whose links are in the nodes: nothing is allocated, and any node is taken out in one step. */
export class NodeList<N extends Linked> {
  newest: N | null = null;
  oldest: N | null = null;
  size = 0;
  bytes = 0;

  /** @param newer before which it is put; null: it is the newest */
  insert(node: N, newer: N | null = null): void {
    const older = newer ? (newer.older as N | null) : this.newest;
    node.newer = newer;
    node.older = older;
    if (newer) newer.older = node;
    else this.newest = node;
    if (older) older.newer = node;
    else this.oldest = node;
    this.size++;
    this.bytes += node.bytes;
  }

  remove(node: N): void {
    const newer = node.newer as N | null;
    const older = node.older as N | null;
    if (newer) newer.older = older;
    else this.newest = older;
    if (older) older.newer = newer;
    else this.oldest = newer;
    node.newer = null;
    node.older = null;
    this.size--;
    this.bytes -= node.bytes;
  }
}
