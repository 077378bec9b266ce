/**
 * A program for the core: lowered, reduced, joined, renamed, scheduled, laid out. Each step can be left out; the table
 * says which of them hXDP's authors published, and `published` is their compiler.
 */
import type { Insn } from '../../isa/index.js';
import { joinBlocks, liveAtStart, orderBlocks, removeDead } from './flow.js';
import { lower, type Refusal, refusalOf } from './lower.js';
import { type Block, type Op, plainOp } from './op.js';
import { dropZeroing, fuseThreeOperands, giveVerdicts, guardBounds, moveSixBytes, type Reducing } from './reduce.js';
import { renameRegisters } from './rename.js';
import { type Row, scheduleBlock } from './schedule.js';

/** Names of the steps that can be switched off, in the order in which they run. */
export const optimizationNames = [
  'zeroing',
  'bounds',
  'six-byte',
  'three-operand',
  'exit',
  'parallel-branches',
  'renaming',
  'speculation',
  'reads-first',
] as const;

/** A step's name. */
export type OptimizationName = (typeof optimizationNames)[number];

/** A step that can be switched off. */
export interface OptimizationRow {
  readonly name: OptimizationName;
  /** One line, lower case. */
  readonly what: string;
  /** It takes instructions out, and which pass does. */
  readonly reduce?: (on: Reducing) => number;
  /** hXDP's authors describe it. */
  readonly published: boolean;
}

/** In the order in which they run. */
export const optimizations: readonly OptimizationRow[] = [
  { name: 'zeroing', what: 'zeros where the core has zeros at the start', reduce: dropZeroing, published: true },
  { name: 'bounds', what: 'bounds checks, done by the packet memory', reduce: guardBounds, published: true },
  { name: 'six-byte', what: 'loads and stores of six bytes', reduce: moveSixBytes, published: true },
  { name: 'three-operand', what: 'a copy before arithmetic', reduce: fuseThreeOperands, published: true },
  { name: 'exit', what: 'the verdict in the exit', reduce: giveVerdicts, published: true },
  { name: 'parallel-branches', what: 'several branches in one row', published: true },
  { name: 'renaming', what: 'values that share a register by chance get two', published: true },
  { name: 'speculation', what: 'results before the branch that needs them', published: false },
  { name: 'reads-first', what: 'a row may write what it reads', published: false },
];

/** Steps that hXDP's paper describes. */
export const publishedOptimizations: ReadonlySet<OptimizationName> = new Set(
  optimizations.filter((row) => row.published).map(({ name }) => name),
);

/** How to compile. */
export interface CompileOptions {
  /** 1 to 8. */
  readonly lanes: number;
  /** Default: all. */
  readonly optimizations?: ReadonlySet<OptimizationName>;
}

/** A program as rows. */
export interface CompiledProgram {
  readonly lanes: number;
  readonly rows: readonly Row[];
  /** Row at which a block begins; targets of operations are blocks. */
  readonly starts: Int32Array;
  /** Slots of the program that it comes from, and operations that are left. */
  readonly slots: number;
  readonly operations: number;
  /** Operations that each reduction took out. */
  readonly removed: ReadonlyMap<OptimizationName, number>;
}

/** What came of a program: rows, or why the core can't run it. */
export type Compilation = ({ readonly kind: 'compiled' } & CompiledProgram) | ({ readonly kind: 'refused' } & Refusal);

/** Slots beyond which a program is not tried: no instruction store holds what they become. */
const mostSlots = 65_536;

/** Compiles a program whose references may be resolved or not. A refusal is an answer, not an error. */
export function compileProgram(insns: readonly Insn[], options: CompileOptions): Compilation {
  const on = options.optimizations ?? new Set(optimizationNames);
  if (insns.length > mostSlots) return { kind: 'refused', what: `${insns.length} slots are too many`, insn: mostSlots };
  const refusal = refusalOf(insns);
  if (refusal !== undefined) return { kind: 'refused', ...refusal };
  const { blocks, origins } = lower(insns);
  joinBlocks(blocks, false);
  removeDead(blocks);
  const removed = new Map<OptimizationName, number>();
  for (const row of optimizations)
    if (row.reduce !== undefined && on.has(row.name)) removed.set(row.name, row.reduce({ blocks, origins }));
  joinBlocks(blocks, on.has('parallel-branches') || on.has('speculation'));
  if (on.has('renaming')) renameRegisters(blocks, on.has('three-operand'));
  const laid = layOut(blocks, options.lanes, on);
  const operations = laid.rows.reduce((sum, { lanes }) => sum + lanes.filter((each) => each !== undefined).length, 0);
  return { kind: 'compiled', lanes: options.lanes, ...laid, slots: insns.length, operations, removed };
}

/** Blocks as rows, one behind the other where control goes on, with a jump where it can't. */
function layOut(
  blocks: readonly Block[],
  lanes: number,
  on: ReadonlySet<OptimizationName>,
): Pick<CompiledProgram, 'rows' | 'starts'> {
  const live = liveAtStart(blocks);
  const schedule = {
    lanes,
    parallelBranches: on.has('parallel-branches'),
    speculation: on.has('speculation'),
    readsFirst: on.has('reads-first'),
  };
  const starts = new Int32Array(blocks.length).fill(-1);
  const rows: Row[] = [];
  let incoming = new Map<number, number>();
  for (const head of orderBlocks(blocks)) {
    incoming = new Map();
    for (let at = head; at >= 0 && starts[at] === -1; ) {
      const block = blocks[at] as Block;
      const next = block.next;
      // What is laid out already is reached by a jump.
      const isThere = next >= 0 && (starts[next] !== -1 || next === at);
      const ops = isThere ? [...block.ops, jumpTo(next, block.ops)] : block.ops;
      const made = scheduleBlock({ ops, next: isThere ? -1 : next }, live, schedule, incoming);
      starts[at] = rows.length;
      rows.push(...made);
      const last = made.at(-1);
      if (last !== undefined) incoming = writtenBy(last);
      at = isThere ? -1 : next;
    }
  }
  return { rows, starts };
}

function jumpTo(target: number, ops: readonly Op[]): Op {
  return { ...plainOp('jump', ops.at(-1)?.pc ?? 0, { code: 0x05, dst: 0, src: 0, off: 0, imm: 0 }), target };
}

/** Which lane of a row writes which register. */
function writtenBy({ lanes }: Row): Map<number, number> {
  const written = new Map<number, number>();
  for (const [lane, each] of lanes.entries()) {
    if (each === undefined) continue;
    if (each.kind === 'alu' || each.kind === 'load') written.set(each.insn.dst, lane);
    if (each.kind === 'call') written.set(0, lane);
    if (each.kind === 'atomic') for (const register of [0, each.insn.src, each.insn.dst]) written.set(register, lane);
  }
  return written;
}
