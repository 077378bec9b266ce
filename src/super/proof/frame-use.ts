/**
 * Which bytes of a caller's frame a function looks at and writes, by what the verifier knows of its pointers: a caller
 * that hands out the address of one variable keeps what else it has spilled.
 */
import { isFunctionAddress, isLocalCall } from '../../code/index.js';
import { accessSize, type Insn, insnClass, isCall, op } from '../../isa/index.js';
import type { MapSpec } from '../../object/index.js';
import { type ArgClass, stackSize } from '../../platform/index.js';
import type { ProgramFacts, ValueFact } from '../../verifier/index.js';
import type { ProgramCode } from './code-shape.js';
import { helperShape } from './helper-shape.js';

/** Offsets from the frame's top (negative) of the bytes that are read or written. */
export type FrameUse = ReadonlySet<number>;

/** Undefined: any byte. */
export function frameUse(
  { insns, functions }: ProgramCode,
  facts: ProgramFacts | undefined,
  maps: readonly MapSpec[],
  start: number,
): FrameUse | undefined {
  if (facts === undefined) return undefined;
  const used = new Set<number>();
  let isKnown = true;
  const touch = (fact: ValueFact | undefined, depth: number, off: number, size: number | undefined): void => {
    if (fact === undefined || fact.kind === 'any') isKnown = false;
    if (fact?.kind !== 'pointer' || fact.to !== 'fp' || fact.framesUp !== depth) return;
    const from = fact.offset.smin + BigInt(off);
    const to = size === undefined ? 0n : fact.offset.smax + BigInt(off + size);
    if (from < -BigInt(stackSize) || to > 0n) isKnown = false;
    else for (let at = Number(from); at < Number(to); at++) used.add(at);
  };
  const visit = (entry: number, depth: number): void => {
    const own = functions.find((f) => f.start === entry);
    if (own === undefined || depth > 8) {
      isKnown = false;
      return;
    }
    for (let pc = own.start; pc < own.end; pc++) {
      const insn = insns[pc] as Insn;
      const known = facts.insns[pc];
      if (known?.reached !== true) continue;
      const cls = insnClass(insn);
      if (isLocalCall(insn) || isFunctionAddress(insn)) visit(pc + 1 + insn.imm, depth + 1);
      else if (isCall(insn)) for (const r of [1, 2, 3, 4, 5]) argument(insn, pc, r, depth);
      else if (cls === op.LDX) touch(known.regs[insn.src], depth, insn.off, accessSize(insn));
      else if (cls === op.ST || cls === op.STX) touch(known.regs[insn.dst], depth, insn.off, accessSize(insn));
    }
  };
  const argument = (insn: Insn, pc: number, r: number, depth: number): void => {
    const regs = facts.insns[pc]?.regs ?? [];
    const fact = regs[r];
    // Numbers and dead registers go nowhere; what is known to be something is looked at.
    if (fact?.kind !== 'pointer') return;
    const { args } = helperShape(insn.src === op.CALL_HELPER ? insn.imm : -1);
    const map = regs[1]?.kind === 'pointer' ? maps[regs[1].map] : undefined;
    touch(fact, depth, 0, args === undefined ? undefined : sizeOf(args, r, map, regs[r + 1]));
  };
  visit(start, 1);
  return isKnown ? used : undefined;
}

function sizeOf(
  args: readonly ArgClass[],
  r: number,
  map: MapSpec | undefined,
  next: ValueFact | undefined,
): number | undefined {
  const kind = args[r - 1];
  if (typeof kind === 'object') return kind.fixed;
  if (kind === 'key') return map?.keySize;
  if (kind === 'value' || kind === 'value out') return map?.valueSize;
  const follows = args[r];
  if (follows !== 'size' && follows !== 'size?') return undefined;
  return next?.kind === 'scalar' ? Math.min(stackSize, Number(next.range.umax & 0xffff_ffffn)) : undefined;
}
