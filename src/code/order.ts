/**
 * Order and structure of a control flow graph whose nodes are numbers: reverse postorder, immediate dominators
 * (Cooper, Harvey and Kennedy, "A simple, fast dominance algorithm", 2001), natural loops.
 */

/** A graph's order, computed once for a function and shared by passes that do not change its flow. */
export interface Order {
  /** Reachable nodes in reverse postorder; the entry is first. */
  readonly rpo: readonly number[];
  /** Position in `rpo`, or -1. */
  readonly position: Int32Array;
  readonly preds: readonly (readonly number[])[];
  /** Immediate dominator; the entry's is itself, an unreachable node's -1. */
  readonly idom: Int32Array;
  /** Nodes that an edge goes back to. */
  readonly headers: ReadonlySet<number>;
  /** Some edge goes back to a node that does not dominate its source. */
  readonly irreducible: boolean;
  /** Innermost loop header of each node (a header's own is itself), or -1. */
  readonly loopOf: Int32Array;
  /** How many loops a node lies in. */
  readonly loopDepth: Int32Array;
}

/**
 * Order, dominators and loops of the nodes that can be reached from `entry`, by the edges of `succs`. In O(edges) but
 * for irreducible graphs.
 */
export function orderOf(count: number, entry: number, succs: (node: number) => readonly number[]): Order {
  const position = new Int32Array(count).fill(-1);
  const rpo = reversePostorder(count, entry, succs);
  rpo.forEach((node, i) => {
    position[node] = i;
  });
  const preds: number[][] = Array.from({ length: count }, () => []);
  for (const node of rpo) for (const succ of succs(node)) preds[succ]?.push(node);
  const idom = dominators(rpo, position, preds, entry);
  const { headers, irreducible, loopOf, loopDepth } = loops({ rpo, position, preds, idom }, count);
  return { rpo, position, preds, idom, headers, irreducible, loopOf, loopDepth };
}

/** With a stack of its own: a program has up to a million instructions, and recursion would not survive that. */
function reversePostorder(count: number, entry: number, succs: (node: number) => readonly number[]): number[] {
  const seen = new Uint8Array(count);
  const post: number[] = [];
  const stack: { node: number; next: number }[] = [{ node: entry, next: 0 }];
  seen[entry] = 1;
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    const targets = succs(top.node);
    const target = targets[top.next++];
    if (target === undefined) {
      post.push(top.node);
      stack.pop();
    } else if (seen[target] === 0) {
      seen[target] = 1;
      stack.push({ node: target, next: 0 });
    }
  }
  return post.reverse();
}

/** Goes over the nodes until nothing changes; in reverse postorder a reducible graph takes two rounds. */
function dominators(
  rpo: readonly number[],
  position: Int32Array,
  preds: readonly (readonly number[])[],
  entry: number,
): Int32Array {
  const idom = new Int32Array(position.length).fill(-1);
  idom[entry] = entry;
  const meet = (a: number, b: number): number => {
    let x = a;
    let y = b;
    while (x !== y) {
      while ((position[x] as number) > (position[y] as number)) x = idom[x] as number;
      while ((position[y] as number) > (position[x] as number)) y = idom[y] as number;
    }
    return x;
  };
  for (let changed = true; changed; ) {
    changed = false;
    for (const node of rpo) {
      if (node === entry) continue;
      let found = -1;
      for (const pred of preds[node] ?? []) {
        if (idom[pred] === -1) continue;
        found = found === -1 ? pred : meet(found, pred);
      }
      if (idom[node] !== found) {
        idom[node] = found;
        changed = true;
      }
    }
  }
  return idom;
}

/** Does `a` dominate `b`? */
export function dominates(order: Pick<Order, 'idom' | 'position'>, a: number, b: number): boolean {
  let node = b;
  while ((order.position[node] as number) > (order.position[a] as number)) node = order.idom[node] as number;
  return node === a;
}

type Found = Pick<Order, 'headers' | 'irreducible' | 'loopOf' | 'loopDepth'>;

/**
 * Natural loops of back edges with one header are one loop. An edge that goes back to a node that does not dominate
 * its source makes the graph irreducible, and its "loop" then is what lies between.
 */
function loops(order: Pick<Order, 'rpo' | 'position' | 'preds' | 'idom'>, count: number): Found {
  const { rpo, position, preds } = order;
  const headers = new Set<number>();
  let irreducible = false;
  const latches = new Map<number, number[]>();
  for (const node of rpo) {
    for (const pred of preds[node] ?? []) {
      if ((position[pred] as number) < (position[node] as number)) continue;
      headers.add(node);
      if (!dominates(order, node, pred)) irreducible = true;
      const list = latches.get(node);
      if (list === undefined) latches.set(node, [pred]);
      else list.push(pred);
    }
  }
  const loopOf = new Int32Array(count).fill(-1);
  const loopDepth = new Int32Array(count);
  // Outer loops have earlier headers: inner ones overwrite them.
  for (const header of rpo) {
    const from = latches.get(header);
    if (from === undefined) continue;
    const body = new Set<number>([header]);
    const work = from.filter((node) => node !== header);
    for (let node = work.pop(); node !== undefined; node = work.pop()) {
      if (body.has(node)) continue;
      body.add(node);
      for (const pred of preds[node] ?? []) if (!body.has(pred)) work.push(pred);
    }
    for (const node of body) {
      loopOf[node] = header;
      loopDepth[node] = (loopDepth[node] as number) + 1;
    }
  }
  return { headers, irreducible, loopOf, loopDepth };
}

/** Members of each loop, by header. */
export function loopBodies(order: Order): Map<number, number[]> {
  const bodies = new Map<number, number[]>();
  for (const header of order.headers) bodies.set(header, []);
  for (const node of order.rpo) {
    let header = order.loopOf[node] as number;
    while (header !== -1) {
      bodies.get(header)?.push(node);
      // The loop around this one is the one that the header's immediate dominator is in, if that loop holds the
      // header.
      const above = order.idom[header] as number;
      const next = above === header ? -1 : (order.loopOf[above] as number);
      header = next !== -1 && (order.loopDepth[next] as number) < (order.loopDepth[header] as number) ? next : -1;
    }
  }
  return bodies;
}
