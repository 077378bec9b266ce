/**
 * Where to cut between sequencer and cores, so that the fewest bits cross: a minimum vertex cut (Menger; by maximal
 * flow, Ford and Fulkerson) in the graph of what the sequencer knows, from packet and clock to what a replay asks for.
 * A value weighs the bits of it at which somebody looks. So a condition is sent in place of its operands where that is
 * smaller, and computed from operands that are sent anyway.
 */
import { isCompare, opTable, type Value } from '../ir/index.js';
import type { ScrCode } from './analysis-code.js';

/** Fewest bits of a clock: 2^42 ns are 73 minutes, which is as old as a history may be. */
export const leastClockBits = 42;

/** Bits of a value that somebody looks at and that can be 1. */
export function weightOf(mask: bigint): number {
  return mask.toString(2).replaceAll('0', '').length;
}

/** An edge of the flow network, with its way back at the odd position beside it. */
interface Edge {
  readonly to: number;
  room: number;
}

const unlimited = 1 << 24;

/**
 * The values to send. `inputs`: what the replay asks for. `conditions`: those that it only branches on. `maskOf`: bits
 * of a value that matter.
 */
export function cutOf(
  scr: ScrCode,
  inputs: ReadonlySet<Value>,
  conditions: ReadonlySet<Value>,
  maskOf: (value: Value) => bigint,
): readonly Value[] {
  const numbers = new Map<Value, number>();
  const values: Value[] = [];
  const edges: Edge[] = [];
  const from: number[][] = [[], []];
  const connect = (a: number, b: number, room: number): void => {
    from[a]?.push(edges.length);
    edges.push({ to: b, room });
    from[b]?.push(edges.length);
    edges.push({ to: a, room: 0 });
  };
  // Node 0 is where packets come from, 1 the replay; value i has 2i + 2 (in) and 2i + 3 (out).
  const inOf = (value: Value): number => {
    const known = numbers.get(value);
    if (known !== undefined) return known;
    const node = 2 * values.length + 2;
    numbers.set(value, node);
    values.push(value);
    from[node] = [];
    from[node + 1] = [];
    const weight = scr.isClock(value) ? leastClockBits + 1 : Math.max(1, weightOf(maskOf(value)));
    connect(node, node + 1, weight);
    return node;
  };
  const asNumber = new Set<Value>();
  for (const value of inputs) if (!conditions.has(value)) asNumber.add(value);
  const work = [...inputs];
  for (const value of inputs) connect(inOf(value) + 1, 1, unlimited);
  const done = new Set<Value>();
  for (let value = work.pop(); value !== undefined; value = work.pop()) {
    if (done.has(value)) continue;
    done.add(value);
    if (isSource(value, asNumber)) {
      connect(0, inOf(value), unlimited);
      continue;
    }
    for (const each of value.args) {
      const arg = scr.same(each);
      if (scr.knower(arg) !== 'sequencer') continue;
      asNumber.add(arg);
      connect(inOf(arg) + 1, inOf(value), unlimited);
      work.push(arg);
    }
  }
  saturate(edges, from);
  const reached = reachable(edges, from).seen;
  return values.filter((value) => {
    const node = numbers.get(value) as number;
    return reached.has(node) && !reached.has(node + 1);
  });
}

/** A replay has no way to compute it from other values: reads, choices, comparisons as numbers. */
function isSource(value: Value, asNumber: ReadonlySet<Value>): boolean {
  if (opTable[value.op].kind !== 'pure' || value.op === 'select' || value.op === 'ptr') return true;
  if (['sdiv', 'smod', 'sdiv32', 'smod32'].includes(value.op)) return true;
  return isCompare(value.op) && asNumber.has(value);
}

/** Sends as much as can flow, path by path. */
function saturate(edges: readonly Edge[], from: readonly (readonly number[])[]): void {
  for (;;) {
    const { seen, via } = reachable(edges, from);
    if (!seen.has(1)) return;
    const path: number[] = [];
    for (let node = 1; node !== 0; ) {
      const edge = via.get(node) as number;
      path.push(edge);
      node = (edges[edge ^ 1] as Edge).to;
    }
    const flow = Math.min(...path.map((edge) => (edges[edge] as Edge).room));
    for (const edge of path) {
      (edges[edge] as Edge).room -= flow;
      (edges[edge ^ 1] as Edge).room += flow;
    }
  }
}

function reachable(
  edges: readonly Edge[],
  from: readonly (readonly number[])[],
): { readonly seen: ReadonlySet<number>; readonly via: ReadonlyMap<number, number> } {
  const seen = new Set([0]);
  const via = new Map<number, number>();
  for (const node of seen)
    for (const edge of from[node] ?? []) {
      const { to, room } = edges[edge] as Edge;
      if (room === 0 || seen.has(to)) continue;
      seen.add(to);
      via.set(to, edge);
    }
  return { seen, via };
}
