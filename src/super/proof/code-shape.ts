/** A function of a program as the proof walks it: where paths meet, where loops begin, what is live. */
import { liveSlots, orderOf, successors } from '../../code/index.js';
import type { Insn } from '../../isa/index.js';
import type { MapSpec, ProgramSpec } from '../../object/index.js';
import type { PointerFact, ProgramFacts, ValueFact } from '../../verifier/index.js';
import { type FrameUse, frameUse } from './frame-use.js';
import { everyMap, type Region } from './symbols.js';

/** One version of a program: its slots and where its functions are. */
export type ProgramCode = Pick<ProgramSpec, 'insns' | 'functions'> & Partial<Pick<ProgramSpec, 'unresolved'>>;

/** What the verifier knows of a number. */
type Scalar = Extract<ValueFact, { kind: 'scalar' }>['range'];

/** Everything of a function that does not depend on how it is run. */
export interface CodeShape {
  readonly insns: readonly Insn[];
  readonly start: number;
  readonly end: number;
  /** Slots that several others lead to. */
  readonly joins: ReadonlySet<number>;
  /** Slots where loops begin. */
  readonly headers: ReadonlySet<number>;
  /** Position in reverse postorder, by slot less `start`; -1 where control never comes. */
  readonly rank: Int32Array;
  isLive(pc: number, r: number): boolean;
  /**
   * The memory that a register points into before the instruction at a slot, where the verifier knows that it does.
   */
  pointeeOf(pc: number, r: number): Region | undefined;
  /** The number that a register holds before the instruction at a slot, as far as the verifier knows it. */
  rangeOf(pc: number, r: number): Scalar | undefined;
  /** Can control come from a slot to an instruction of the same operation, atomic or other? */
  leadsTo(pc: number, operation: Insn): boolean;
  /** Name of the function that begins at a slot. */
  functionAt(slot: number): string;
  /** Name of the symbol that the instruction at a slot asks for and nothing defines. */
  missingAt(pc: number): string | undefined;
  /** What the function of that name does to its caller's frame; undefined: anything. */
  frameUseOf(name: string): FrameUse | undefined;
}

/** The function that begins at slot `start`, one past its last slot `end`. */
export function codeShape(
  program: ProgramCode,
  start: number,
  end: number,
  facts: ProgramFacts | undefined,
  maps: readonly MapSpec[],
): CodeShape {
  const { insns, functions, unresolved = [] } = program;
  const within = (pc: number): readonly number[] =>
    successors(insns, pc + start)
      .map((next) => next - start)
      .filter((next) => next >= 0 && next < end - start);
  const order = orderOf(end - start, 0, within);
  const joins = new Set<number>();
  for (const node of order.rpo) if ((order.preds[node]?.length ?? 0) > 1) joins.add(node + start);
  const headers = new Set([...order.headers].map((node) => node + start));
  // A loop whose head nothing else leads to is one of the function's first slot.
  for (const header of headers) joins.add(header);
  const live = liveSlots(insns);
  const names = new Map(functions.map((f) => [f.start, f.name]));
  return {
    insns,
    start,
    end,
    joins,
    headers,
    rank: order.position,
    pointeeOf: (pc, r) => {
      const insn = facts?.insns[pc];
      const fact = insn?.reached === true ? insn.regs[r] : undefined;
      return fact?.kind === 'pointer' ? regionOfFact(fact) : undefined;
    },
    rangeOf: (pc, r) => {
      const insn = facts?.insns[pc];
      const fact = insn?.reached === true ? insn.regs[r] : undefined;
      return fact?.kind === 'scalar' ? fact.range : undefined;
    },
    isLive: (pc, r) => live.isLive(pc, r),
    leadsTo: (pc, { code, imm }) => {
      const seen = new Set([pc - start]);
      for (const node of seen) for (const next of within(node)) seen.add(next);
      return [...seen].some((node) => insns[node + start]?.code === code && insns[node + start]?.imm === imm);
    },
    functionAt: (slot) => names.get(slot) ?? `#${slot}`,
    missingAt: (pc) => unresolved.find(({ insn }) => insn === pc)?.symbol?.name,
    frameUseOf: (name) => {
      const callee = functions.find((f) => f.name === name);
      return callee && frameUse(program, facts, maps, callee.start);
    },
  };
}

/** The region that the verifier's pointer leads into. */
function regionOfFact({ to, map, framesUp }: PointerFact): Region | undefined {
  switch (to) {
    case 'ctx':
      return 'context';
    case 'pkt':
    case 'pkt_meta':
    case 'pkt_end':
      return 'packet';
    case 'map_value':
      return map < 0 ? everyMap : `map ${map}`;
    case 'map_ptr':
      return map < 0 ? undefined : `handle ${map}`;
    case 'fp':
      return framesUp === 0 ? undefined : 'caller';
    case 'mem':
      return 'caller';
    case 'none':
    case 'scalar':
    case 'func':
      return undefined;
    default:
      return 'loaded';
  }
}
