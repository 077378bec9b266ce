/**
 * Where a program may be cut. A *head* is a slot at which the rest of the program may go on somewhere else: the
 * beginning of a block in no loop, at which few bytes are alive and none of them is a pointer that means nothing
 * elsewhere. A piece is all that runs from one head to the next or to the end; code that two heads lead to is a part
 * of both.
 */
import { leaders, liveSlots, orderOf, successors } from '../code/index.js';
import { isCall } from '../isa/index.js';
import type { ProgramSpec } from '../object/index.js';
import type { ProgramFacts } from '../verifier/index.js';

/** A place to cut at. */
export interface Head {
  readonly pc: number;
  /** Bytes of registers and stack that go with a packet. */
  readonly bytes: number;
}

/** Registers and stack bytes at a cut take this much at most; metadata has room for more, but copying it costs. */
const mostBytes = 64;

/** Pointers that can be made anew elsewhere, out of the context and offsets into the packet. */
const movable: readonly string[] = ['ctx', 'pkt', 'pkt_meta', 'pkt_end'];

/** All places to cut at; without facts none, since nobody knows what registers hold. */
export function headsOf(program: ProgramSpec, facts: ProgramFacts | undefined): Head[] {
  if (facts === undefined) return [];
  const { insns } = program;
  const order = orderOf(insns.length, 0, (pc) => successors(insns, pc).filter((next) => next < insns.length));
  const live = liveSlots(insns);
  const starts = leaders(insns, isCall);
  return order.rpo.flatMap((pc) => {
    if (pc === 0 || !starts.has(pc) || order.loopOf[pc] !== -1) return [];
    const bytes = carried(pc, live, facts);
    return bytes === undefined || bytes > mostBytes ? [] : { pc, bytes };
  });
}

/** Bytes that are alive at a slot; undefined where one of them is a pointer that cannot move. */
function carried(pc: number, live: ReturnType<typeof liveSlots>, facts: ProgramFacts): number | undefined {
  const known = facts.insns[pc];
  if (known === undefined || !known.reached) return undefined;
  let bytes = 0;
  for (let r = 0; r < 10; r++) {
    if (!live.isLive(pc, r)) continue;
    const fact = known.regs[r];
    if (fact === undefined || fact.kind === 'any') return undefined;
    if (fact.kind === 'pointer' && (!movable.includes(fact.to) || fact.nullable)) return undefined;
    // The context is there anyway, and of a pointer into the packet an offset is enough.
    if (fact.kind === 'pointer' && fact.to === 'ctx') continue;
    bytes += fact.kind === 'pointer' ? 2 : 8;
  }
  for (const { off, value } of known.stack) {
    const isLive = Array.from({ length: 8 }, (_, i) => live.isLiveByte(pc, off + i)).includes(true);
    if (isLive && value.kind === 'pointer' && !movable.includes(value.to)) return undefined;
  }
  for (let offset = -512; offset < 0; offset++) if (live.isLiveByte(pc, offset)) bytes++;
  return bytes;
}

/**
 * At most `most` of the heads, those that few bytes go over first; none that hardly any work is behind, or before.
 * `runs`: how often slots ran.
 */
export function chooseHeads(
  program: ProgramSpec,
  heads: readonly Head[],
  runs: ArrayLike<number>,
  most: number,
): Head[] {
  const behind = workBehind(program, runs);
  const all = behind[0] ?? 0;
  const chosen: Head[] = [];
  for (const head of [...heads].sort((a, b) => a.bytes - b.bytes || a.pc - b.pc)) {
    if (chosen.length >= most) break;
    const share = (behind[head.pc] ?? 0) / all;
    if (!(share >= leastWork && share <= 1 - leastWork)) continue;
    // Neighbours cut the same thing twice.
    if (chosen.some(({ pc }) => Math.abs((behind[pc] ?? 0) / all - share) < leastWork)) continue;
    chosen.push(head);
  }
  return chosen.sort((a, b) => a.pc - b.pc);
}

/** Share of a program's instructions that has to be on either side of a cut, and between two of them. */
const leastWork = 0.05;

/** By slot: instructions that ran in what it dominates. */
function workBehind({ insns }: ProgramSpec, runs: ArrayLike<number>): Float64Array {
  const order = orderOf(insns.length, 0, (pc) => successors(insns, pc).filter((next) => next < insns.length));
  const behind = Float64Array.from({ length: insns.length }, (_, pc) => runs[pc] ?? 0);
  for (const pc of [...order.rpo].reverse()) {
    const above = order.idom[pc] as number;
    if (above !== pc) behind[above] = (behind[above] as number) + (behind[pc] as number);
  }
  return behind;
}
