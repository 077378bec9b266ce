/**
 * The trace tree: all installed traces of one program, joined where they share guards. Each packet walks from the
 * root: a node computes what its test needs, tests it, goes on to the side that fits, and ends at traces whose bodies
 * hold the guards that could not be early. No guard is evaluated twice for a packet, and a hundred traces cost as many
 * tests as one path is long.
 *
 * Two recordings of one program have the same early guards in the same order up to the branch where they part, since
 * what makes a guard early is decided by what comes before it. So traces really do form a tree; where they do not
 * (after a guard that had to wait for an effect), a node has more than one test and they are tried in turn.
 *
 * Values are shared between traces by structure: equal operations on equal slots are one *cell*. A cell is computed by
 * the first test on each path that needs it.
 */
import { checkTrace, isStatic, type Value } from '../../ir/index.js';
import { locateStack, staticIn } from '../../jit/index.js';
import type { RecordedTrace } from '../../trace/index.js';
import type { Machine, PacketArena, Region } from '../../vm/index.js';
import {
  type ArenaOffer,
  type ArenaOwner,
  type CardPort,
  type InstalledTrace,
  offerEach,
  type SideExit,
} from '../port.js';
import { encode } from './card-code.js';
import { bodySlots, CardExecutor } from './execute.js';
import { TreeExit } from './side-exit.js';

/** A shared value. */
interface Cell {
  readonly slot: number;
  readonly key: string;
  /** Tests that compute it. */
  uses: number;
}

/** A guard that traces share. */
export interface TestOf {
  /** The condition, as one of the traces has it. */
  readonly source: Value;
  readonly condition: Cell;
  readonly words: Int32Array;
  readonly computes: readonly Cell[];
  holds: TreeNode | undefined;
  fails: TreeNode | undefined;
  readonly holdsExit: TreeExit;
  readonly failsExit: TreeExit;
}

/** A place in the tree: tests that are made one after another, and traces that end here. */
export interface TreeNode {
  readonly tests: TestOf[];
  readonly traces: TreeTrace[];
  readonly exit: TreeExit;
}

/** A trace in the tree. */
export class TreeTrace implements InstalledTrace {
  readonly kind = 'hit';
  readonly trace: RecordedTrace;
  readonly body: Int32Array;
  readonly usesStack: boolean;
  /** Way from the root: test and side. */
  readonly path: readonly Step[];
  readonly leaf: TreeNode;
  packets = 0;

  constructor(trace: RecordedTrace, body: Int32Array, usesStack: boolean, path: readonly Step[], leaf: TreeNode) {
    this.trace = trace;
    this.body = body;
    this.usesStack = usesStack;
    this.path = path;
    this.leaf = leaf;
  }

  get bodiesBefore(): number {
    return Math.max(0, this.leaf.traces.indexOf(this));
  }
}

/** One test on a trace's way from the root. */
interface Step {
  readonly node: TreeNode;
  readonly test: TestOf;
  readonly holds: boolean;
}

/** The tree and the executor that walks it; a card by itself ({@link CompiledCard} has one inside). */
export class TraceTree implements CardPort {
  readonly name = 'software';
  readonly capacity: number = Number.POSITIVE_INFINITY;
  readonly holdsRegions = true;
  readonly executor: CardExecutor;
  private readonly machine: Machine;
  readonly root: TreeNode = newNode();
  /** The deepest place that the packet on its way through the tree has reached, and how deep that is. */
  private reached: SideExit = this.root.exit;
  private deepest = -1;
  private readonly cells = new Map<string, Cell>();
  private readonly free: number[] = [];
  private nextSlot = bodySlots;

  /** `keys`: as large as the largest key. */
  constructor(machine: Machine, keys: Region) {
    this.machine = machine;
    this.executor = new CardExecutor(machine, keys.start);
  }

  offer(): TreeTrace | SideExit {
    this.deepest = -1;
    return this.walk(this.root, 0) ?? this.reached;
  }

  /** The tree has no way of its own for batches: packet by packet. */
  offerArena(arena: PacketArena, from: number, to: number, owner: ArenaOwner): ArenaOffer {
    return offerEach(this, arena, from, to, owner);
  }

  /** The executor has all operations. */
  refusal(): undefined {
    return undefined;
  }

  refresh(): void {}

  takeSlowLookups(): number {
    return 0;
  }

  /** All traces, those of a node before those below it. */
  *traces(node: TreeNode = this.root): Generator<TreeTrace> {
    yield* node.traces;
    for (const { holds, fails } of node.tests)
      for (const next of [holds, fails]) if (next !== undefined) yield* this.traces(next);
  }

  /**
   * Adds a trace along the tests that it shares with others, and branches off where it asks something else. Undefined
   * if an equal one is there.
   */
  install(trace: RecordedTrace): TreeTrace | undefined {
    checkTrace(trace.code, 'install');
    const available = new Set<Cell>();
    const cellOf = new Map<Value, Cell>();
    const path: Step[] = [];
    let node = this.root;
    for (const value of trace.code.values) {
      if (value.op !== 'guard' || !value.early) continue;
      const condition = value.args[0] as Value;
      const cell = this.cell(condition, cellOf);
      let test = node.tests.find((candidate) => candidate.condition === cell);
      if (test === undefined) {
        test = this.makeTest(condition, cell, cellOf, available);
        node.tests.push(test);
      }
      for (const computed of test.computes) available.add(computed);
      const holds = value.detail?.kind === 'guard' && value.detail.expect;
      path.push({ node, test, holds });
      let next = holds ? test.holds : test.fails;
      if (next === undefined) {
        next = newNode();
        if (holds) test.holds = next;
        else test.fails = next;
      }
      node = next;
    }
    const { words, usesStack } = this.encodeBody(trace, cellOf, available);
    const installed = new TreeTrace(trace, words, usesStack, path, node);
    if (node.traces.some((other) => sameWords(other.body, words))) {
      this.prune(installed);
      return undefined;
    }
    node.traces.push(installed);
    return installed;
  }

  /** Removes a trace, and tests that no other trace needs. */
  evict(installed: InstalledTrace): void {
    if (!(installed instanceof TreeTrace)) return;
    const index = installed.leaf.traces.indexOf(installed);
    if (index < 0) return;
    installed.leaf.traces.splice(index, 1);
    this.prune(installed);
  }

  /** Cuts off what leads nowhere. */
  private prune(installed: TreeTrace): void {
    let child = installed.leaf;
    for (const { node, test, holds } of installed.path.toReversed()) {
      if (child.tests.length > 0 || child.traces.length > 0) return;
      if (holds) test.holds = undefined;
      else test.fails = undefined;
      if (test.holds === undefined && test.fails === undefined) {
        node.tests.splice(node.tests.indexOf(test), 1);
        for (const cell of test.computes) this.release(cell);
      }
      child = node;
    }
  }

  /** Depth first, until a body takes the packet; what was computed in a slot stays good for the rest of the walk. */
  private walk(node: TreeNode, depth: number): TreeTrace | undefined {
    const { executor } = this;
    const { tests, traces } = node;
    for (let i = 0; i < tests.length; i++) {
      const test = tests[i] as TestOf;
      // A check that fails here is a miss, too: the host finds out why.
      if (!executor.run(test.words)) continue;
      const holds = executor.low(test.condition.slot) !== 0;
      const next = holds ? test.holds : test.fails;
      if (next === undefined) {
        this.leave(holds ? test.holdsExit : test.failsExit, depth + 1);
        continue;
      }
      const found = this.walk(next, depth + 1);
      if (found !== undefined) return found;
    }
    for (let i = 0; i < traces.length; i++) {
      const trace = traces[i] as TreeTrace;
      if (this.runBody(trace)) return trace;
    }
    this.leave(node.exit, depth);
    return undefined;
  }

  /** Remembers where the packet came deepest: that is the exit at which a side trace is worth most. */
  private leave(exit: SideExit, depth: number): void {
    if (depth <= this.deepest) return;
    this.deepest = depth;
    this.reached = exit;
  }

  /** Runs a trace's body; false if it gave up, its effects taken back. */
  private runBody(installed: TreeTrace): boolean {
    const { executor, machine } = this;
    if (installed.body.length === 0) return true;
    const { transactional } = installed.trace.code;
    // A transaction may be open already: someone wants to know what the packet changes. Then only this trace's part is
    // taken back.
    const mark = machine.memory.journal === null ? undefined : machine.transaction.savepoint();
    if (transactional && mark === undefined) machine.transaction.begin();
    if (installed.usesStack) executor.openFrames();
    const done = executor.run(installed.body);
    if (installed.usesStack) executor.closeFrames();
    if (transactional && mark === undefined) {
      if (done) machine.transaction.commit();
      else machine.transaction.rollback();
    } else if (!done && mark !== undefined) {
      machine.transaction.rollbackTo(mark);
    }
    return done;
  }

  /** Instructions that compute a condition, less what tests above have computed. */
  private makeTest(condition: Value, cell: Cell, cellOf: Map<Value, Cell>, available: ReadonlySet<Cell>): TestOf {
    const words: number[] = [];
    const computes: Cell[] = [];
    const visit = (value: Value): void => {
      const own = this.cell(value, cellOf);
      if (isStatic(value) || available.has(own) || computes.includes(own)) return;
      for (const arg of value.args) visit(arg);
      encode(
        words,
        value,
        own.slot,
        (arg) => this.cell(arg, cellOf).slot,
        () => 0,
      );
      computes.push(own);
      own.uses++;
    };
    visit(condition);
    const test: TestOf = {
      source: condition,
      condition: cell,
      words: Int32Array.from(words),
      computes,
      holds: undefined,
      fails: undefined,
      holdsExit: new TreeExit(),
      failsExit: new TreeExit(),
    };
    test.holdsExit.place = { test };
    test.failsExit.place = { test };
    return test;
  }

  /** The body's instructions. Values of the body alone have slots behind the shared ones. */
  private encodeBody(
    trace: RecordedTrace,
    cellOf: Map<Value, Cell>,
    available: ReadonlySet<Cell>,
  ): { words: Int32Array; usesStack: boolean } {
    const own = new Map<Value, number>();
    let next = 0;
    const words: number[] = [];
    let usesStack = false;
    const slotOf = (value: Value): number => {
      const slot = own.get(value);
      if (slot !== undefined) return slot;
      return (isStatic(value) ? this.cell(value, cellOf) : (cellOf.get(value) as Cell)).slot;
    };
    const stackAt = (at: number): number => locateStack(this.machine, at);
    const needed = bodyValues(trace, (value) => {
      const cell = cellOf.get(value);
      return cell !== undefined && available.has(cell);
    });
    for (const value of needed) {
      own.set(value, next++);
      encode(words, value, next - 1, slotOf, stackAt);
      if (
        value.op === 'call' ||
        (value.op === 'load' && value.detail?.kind === 'memory' && value.detail.space === 'stack')
      )
        usesStack = true;
    }
    return { words: Int32Array.from(words), usesStack };
  }

  /** The slot of a value, by structure: traces were recorded apart, and equal operations on equal slots are one. */
  private cell(value: Value, cellOf: Map<Value, Cell>): Cell {
    const known = cellOf.get(value);
    if (known !== undefined) return known;
    const { detail } = value;
    const fixed = staticIn(this.machine, value);
    let key = fixed === undefined ? `${value.op} ${value.imm}` : `const ${fixed}`;
    if (fixed === undefined) for (const arg of value.args) key += ` ${this.cell(arg, cellOf).slot}`;
    if (detail?.kind === 'memory') key += ` ${detail.space} ${detail.size} ${detail.checked}`;
    else if (detail?.kind === 'lookup') key += ` ${detail.map} ${detail.pieces.map((piece) => piece.size).join(',')}`;
    else if (detail?.kind === 'slot') key += ` ${detail.map}`;
    let cell = this.cells.get(key);
    if (cell === undefined) {
      const slot = this.free.pop() ?? this.nextSlot++;
      this.executor.reserve(slot + 1);
      cell = { slot, key, uses: 0 };
      this.cells.set(key, cell);
      if (fixed !== undefined) this.executor.setSlot(slot, fixed);
    }
    cellOf.set(value, cell);
    return cell;
  }

  /** Gives a slot back when no test computes it any more. */
  private release(cell: Cell): void {
    if (--cell.uses > 0) return;
    this.cells.delete(cell.key);
    this.free.push(cell.slot);
  }
}

/** What the body evaluates: all that is not an early guard, and is needed for something else than one. */
export function bodyValues(trace: RecordedTrace, isAvailable: (value: Value) => boolean): Value[] {
  const needed = new Set<Value>();
  for (const value of trace.code.values.toReversed()) {
    if (value.op === 'ret' || isStatic(value) || isAvailable(value)) continue;
    if (value.op === 'guard' && value.early) continue;
    const isRoot =
      value.op === 'guard' ||
      value.op === 'store' ||
      value.op === 'atomic' ||
      value.op === 'call' ||
      (value.op === 'lookup' && value.detail?.kind === 'lookup' && value.detail.marks) ||
      (value.detail?.kind === 'memory' && value.detail.checked);
    if (!isRoot && !needed.has(value)) continue;
    needed.add(value);
    for (const arg of value.args) needed.add(arg);
  }
  return trace.code.values.filter((value) => needed.has(value) && !isStatic(value) && !isAvailable(value));
}

function newNode(): TreeNode {
  const node: TreeNode = { tests: [], traces: [], exit: new TreeExit() };
  node.exit.place = { node };
  return node;
}

/** Two bodies are one if they do the same. */
function sameWords(a: Int32Array, b: Int32Array): boolean {
  return a.length === b.length && a.every((word, i) => word === b[i]);
}
