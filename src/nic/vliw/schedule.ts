/**
 * Rows for a block: list scheduling, a row at a time, the longest way to the block's end first.
 *
 * What must wait for what is told by distances: `later` is so many rows behind `earlier` at least (0: in the same row
 * at best). The rules, hXDP's section 3.4 unless another is named:
 *
 * 1. Bernstein's conditions: no operation of a row reads or writes what another writes, registers and memory alike.
 *    With `readsFirst` (ours) all operands are read before anything is written, so writing what another one reads is
 *    allowed.
 * 2. A result goes to the next row by way of its own lane only; from the second row on all lanes see it.
 * 3. One call a row.
 * 4. What leaves the block: branches in one row are taken by their order. Memory is written, and helpers are called,
 *    in rows behind every exit before them. Registers may be written earlier only with `speculation` (ours), or before
 *    a guard, and only where the exit's way does not read them.
 * 5. Nothing that stands before an exit comes in a row behind it, but for results that the exit's way does not read.
 */
import { mayMeet } from '../../code/index.js';
import { type Block, isPure, isSideExit, type Op, readsOf, writesOf } from './op.js';
import { callMeets } from './reduce.js';

/** Operations by lane; guards take none. An empty row waits. */
export interface Row {
  readonly lanes: readonly (Op | undefined)[];
  readonly guards: readonly Op[];
  /** All of them in the program's order, which is that of exits. */
  readonly order: readonly Op[];
}

/** What scheduling is allowed. */
export interface ScheduleOptions {
  readonly lanes: number;
  readonly parallelBranches: boolean;
  readonly speculation: boolean;
  readonly readsFirst: boolean;
}

/** Which lane wrote a register in the row before the block's first, for a block that control falls into. */
export type Incoming = ReadonlyMap<number, number>;

interface Edge {
  readonly from: number;
  readonly distance: number;
  /** A result of the row before has to be in this operation's lane. */
  readonly forwarded: boolean;
}

/** The rows of a block. `live`: registers that are read where each block begins. */
export function scheduleBlock(block: Block, live: Uint16Array, options: ScheduleOptions, incoming: Incoming): Row[] {
  const { ops } = block;
  const edges = ops.map((_, to) => edgesTo(ops, to, live, options));
  const heights = heightsOf(edges);
  const rowOf = new Int32Array(ops.length).fill(-1);
  const laneOf = new Int32Array(ops.length).fill(-1);
  const priority = [...ops.keys()].sort((a, b) => (heights[b] as number) - (heights[a] as number) || a - b);
  const rows: Row[] = [];
  for (let left = ops.length; left > 0; ) {
    const row = rows.length;
    const taken = new Map<number, number | undefined>();
    const guards: number[] = [];
    let calls = 0;
    // What is put into the row may let others that wait for it with distance 0 in.
    for (let found = true; found; ) {
      found = false;
      for (const at of priority) {
        if (rowOf[at] !== -1) continue;
        const each = ops[at] as Op;
        const lane = laneFor(at, each, row, { edges, rowOf, laneOf, incoming });
        if (lane === undefined) continue;
        if (each.kind === 'guard') guards.push(at);
        else {
          if (taken.size === options.lanes || (each.kind === 'call' && calls > 0)) continue;
          if (lane >= 0 && [...taken.values()].includes(lane)) continue;
          taken.set(at, lane < 0 ? undefined : lane);
          if (each.kind === 'call') calls++;
        }
        rowOf[at] = row;
        left--;
        found = true;
      }
    }
    rows.push(makeRow(ops, taken, guards, laneOf, options.lanes));
    if (rows.length > 8 * ops.length + 16) throw new RangeError('a block whose operations wait for each other');
  }
  return rows;
}

interface Placing {
  readonly edges: readonly (readonly Edge[])[];
  readonly rowOf: Int32Array;
  readonly laneOf: Int32Array;
  readonly incoming: Incoming;
}

/** The lane that an operation must have in a row, -1 for any; undefined: it can't stand there. */
function laneFor(at: number, each: Op, row: number, { edges, rowOf, laneOf, incoming }: Placing): number | undefined {
  let lane = -1;
  const need = (wanted: number): boolean => {
    if (lane >= 0 && lane !== wanted) return false;
    lane = wanted;
    return true;
  };
  for (const { from, distance, forwarded } of edges[at] ?? []) {
    const there = rowOf[from] as number;
    if (there < 0 || there + distance > row) return undefined;
    // The logic of guards sees registers when all lanes do.
    if (!forwarded || there + 1 !== row) continue;
    if (each.kind === 'guard' || !need(laneOf[from] as number)) return undefined;
  }
  if (row === 0) {
    for (const [register, wrote] of incoming) {
      const isRead = (readsOf(each) & (1 << register)) !== 0;
      if (isRead && (each.kind === 'guard' || !need(wrote))) return undefined;
    }
  }
  return lane;
}

/** Lanes for what has none yet: those that are left, in the program's order. */
function makeRow(
  ops: readonly Op[],
  taken: ReadonlyMap<number, number | undefined>,
  guards: readonly number[],
  laneOf: Int32Array,
  count: number,
): Row {
  const lanes = new Array<Op | undefined>(count).fill(undefined);
  for (const [at, lane] of taken) if (lane !== undefined) laneOf[at] = lane;
  for (const [at, lane] of taken) if (lane !== undefined) lanes[lane] = ops[at] as Op;
  for (const at of [...taken.keys()].sort((a, b) => a - b)) {
    if (taken.get(at) !== undefined) continue;
    const lane = lanes.indexOf(undefined);
    lanes[lane] = ops[at] as Op;
    laneOf[at] = lane;
  }
  const order = [...taken.keys(), ...guards].sort((a, b) => a - b).map((at) => ops[at] as Op);
  return { lanes, guards: [...guards].sort((a, b) => a - b).map((at) => ops[at] as Op), order };
}

/** What operation `to` waits for. */
function edgesTo(ops: readonly Op[], to: number, live: Uint16Array, options: ScheduleOptions): Edge[] {
  const edges: Edge[] = [];
  const later = ops[to] as Op;
  const reads = readsOf(later);
  const writes = writesOf(later);
  // The last write before it is the one that it reads.
  let unread = reads;
  for (let from = to - 1; from >= 0; from--) {
    const earlier = ops[from] as Op;
    const made = writesOf(earlier);
    const read = (made & unread) !== 0;
    unread &= ~made;
    let distance = read || (made & writes) !== 0 ? 1 : -1;
    if ((readsOf(earlier) & writes) !== 0) distance = Math.max(distance, options.readsFirst ? 0 : 1);
    distance = Math.max(distance, memoryDistance(earlier, later, options), exitDistance(earlier, later, live, options));
    if (distance >= 0) edges.push({ from, distance, forwarded: read });
  }
  return edges;
}

function isMemory({ kind }: Op): boolean {
  return kind === 'load' || kind === 'store' || kind === 'atomic';
}

/** By memory and calls. */
function memoryDistance(earlier: Op, later: Op, { readsFirst }: ScheduleOptions): number {
  const isCall = earlier.kind === 'call';
  if (isCall || later.kind === 'call') {
    const [call, other] = isCall ? [earlier, later] : [later, earlier];
    if (other.kind === 'call') return 1;
    if (other.kind === 'guard') return call.effects?.moves === false ? -1 : 1;
    return isMemory(other) && callMeets(call, other) ? 1 : -1;
  }
  if (!isMemory(earlier) || !isMemory(later) || (earlier.kind === 'load' && later.kind === 'load')) return -1;
  if (!mayMeet(earlier.origin, earlier.size, later.origin, later.size)) return -1;
  return earlier.kind === 'load' && readsFirst ? 0 : 1;
}

/** By exits. */
function exitDistance(earlier: Op, later: Op, live: Uint16Array, options: ScheduleOptions): number {
  const isEnd = later.kind === 'jump' || later.kind === 'exit';
  if (isEnd) return isSideExit(earlier) && earlier.kind === 'branch' && !options.parallelBranches ? 1 : 0;
  if (isSideExit(earlier)) {
    if (isSideExit(later))
      return options.parallelBranches || later.kind === 'guard' || earlier.kind === 'guard' ? 0 : 1;
    if (!isPure(later)) return 1;
    const isFree = earlier.kind === 'guard' || options.speculation;
    return isFree && (writesOf(later) & (live[earlier.target] as number)) === 0 ? -1 : 1;
  }
  if (!isSideExit(later)) return -1;
  return isPure(earlier) && (writesOf(earlier) & (live[later.target] as number)) === 0 ? -1 : 0;
}

/** Rows from each operation to the end, at least. */
function heightsOf(edges: readonly (readonly Edge[])[]): Int32Array {
  const heights = new Int32Array(edges.length);
  for (let to = edges.length - 1; to >= 0; to--)
    for (const { from, distance } of edges[to] ?? [])
      heights[from] = Math.max(heights[from] as number, (heights[to] as number) + distance);
  return heights;
}
