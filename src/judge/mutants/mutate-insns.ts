/**
 * Small changes to a program that keep it recognisable: what someone who writes programs gets wrong, and what someone
 * who looks for holes in a verifier tries. Two verifiers are then asked about the result; most mutants are refused,
 * and the interesting ones lie on the edge.
 */

import { rewriteProgram } from '../../code/index.js';
import { aluKinds, type Insn, insnClass, isCall, isJump, isLddw, jumpKinds, jumpTarget, op } from '../../isa/index.js';
import type { ProgramSpec } from '../../object/index.js';
import type { Prng } from '../../packet/index.js';
import { helperNames, helperRows } from '../../platform/index.js';

/** One change; undefined where it does not apply to what it drew. */
type Mutation = (program: ProgramSpec, maps: number, random: Prng) => ProgramSpec | undefined;

/** Numbers at the edges of widths, of the stack (512), of alignment and of the verifier's limit for offsets (2^29). */
const interesting: readonly number[] = [
  0, 1, -1, 2, 3, 4, 7, 8, -8, 14, 15, 16, 31, 32, 33, 63, 64, 127, 128, 255, 256, 511, 512, 513, -512, 0x7fff, 0x8000,
  0xffff, 0x1_0000, 0x1fff_ffff, 0x2000_0000, 0x7fff_ffff, -0x8000_0000, -2,
];
const steps: readonly number[] = [1, -1, 2, -2, 4, -4, 8, -8, 16];
const sizeCodes = [op.SIZE_B, op.SIZE_H, op.SIZE_W, op.SIZE_DW];
const atomicCodes = [
  op.ATOMIC_ADD,
  op.ATOMIC_OR,
  op.ATOMIC_AND | op.ATOMIC_FETCH,
  op.ATOMIC_ADD | op.ATOMIC_FETCH,
  op.ATOMIC_XCHG,
  op.ATOMIC_CMPXCHG,
  op.ATOMIC_LOAD_ACQ,
  op.ATOMIC_STORE_REL,
];

/** Mostly helpers that XDP has. */
const xdpNumbers = helperRows.map(({ number }) => number);

/** Most often one that XDP may call; now and then one that it may not, or that does not exist. */
function drawHelper(random: Prng): number {
  return random.chance(0.95) ? random.pick(xdpNumbers) : random.below(helperNames.length + 2);
}

const s16 = (x: number): number => (x << 16) >> 16;

/** Slot of an instruction drawn at random: never the second half of a 64-bit load. */
function drawSlot(insns: readonly Insn[], random: Prng): number {
  const pc = random.below(insns.length);
  const before = insns[pc - 1];
  return before !== undefined && isLddw(before) ? pc - 1 : pc;
}

function replaceAt(program: ProgramSpec, pc: number, insn: Insn): ProgramSpec {
  const insns = program.insns.slice();
  insns[pc] = insn;
  return { ...program, insns };
}

/** A change of one instruction in place. */
const inPlace =
  (change: (insn: Insn, random: Prng, pc: number, program: ProgramSpec, maps: number) => Insn | undefined): Mutation =>
  (program, maps, random) => {
    const pc = drawSlot(program.insns, random);
    const insn = program.insns[pc];
    const to = insn === undefined ? undefined : change(insn, random, pc, program, maps);
    return to === undefined ? undefined : replaceAt(program, pc, to);
  };

/** Another operation of the same class: arithmetic, comparison, or size of access. */
function otherCode(insn: Insn, random: Prng): Insn | undefined {
  const cls = insnClass(insn);
  const within = (codes: readonly number[], mask: number): Insn => ({
    ...insn,
    code: (insn.code & ~mask) | random.pick(codes),
  });
  if (cls === op.ALU || cls === op.ALU64) return within(aluKinds, 0xf0);
  if (isJump(insn)) return isCall(insn) ? undefined : within(jumpKinds, 0xf0);
  if (cls === op.LD) return undefined;
  return within(sizeCodes, 0x18);
}

/** The same operation in the other width, or a load for a store. */
function otherClass(insn: Insn): Insn | undefined {
  const swaps: Readonly<Record<number, number>> = {
    [op.ALU]: op.ALU64,
    [op.ALU64]: op.ALU,
    [op.JMP]: op.JMP32,
    [op.JMP32]: op.JMP,
    [op.LDX]: op.STX,
    [op.STX]: op.LDX,
    [op.ST]: op.STX,
  };
  const to = swaps[insnClass(insn)];
  return to === undefined ? undefined : { ...insn, code: (insn.code & ~7) | to };
}

/** Register operand to immediate and back. */
function otherOperand(insn: Insn, random: Prng): Insn | undefined {
  const cls = insnClass(insn);
  if (cls !== op.ALU && cls !== op.ALU64 && cls !== op.JMP && cls !== op.JMP32) return undefined;
  if ((insn.code & op.X) !== 0) return { ...insn, code: insn.code & ~op.X, src: 0, imm: random.pick(interesting) };
  return { ...insn, code: insn.code | op.X, src: random.below(11), imm: 0 };
}

/** Another constant: from the table, a little more or less, or one bit flipped. */
function otherImmediate(insn: Insn, random: Prng): Insn {
  if (insnClass(insn) === op.STX && (insn.code & 0xe0) === op.MODE_ATOMIC)
    return { ...insn, imm: random.pick(atomicCodes) };
  const draw = random.below(3);
  const imm =
    draw === 0
      ? random.pick(interesting)
      : draw === 1
        ? insn.imm + random.pick(steps)
        : insn.imm ^ (1 << random.below(32));
  return { ...insn, imm: imm | 0 };
}

function otherOffset(insn: Insn, random: Prng): Insn {
  const off = random.chance(0.7) ? insn.off + random.pick(steps) : random.pick(interesting);
  return { ...insn, off: s16(off) };
}

/** A jump to anywhere in the program. */
function otherTarget(insn: Insn, random: Prng, pc: number, program: ProgramSpec): Insn | undefined {
  if (!isJump(insn) || isCall(insn) || insn.code === op.EXIT_OP) return undefined;
  const near = random.chance(0.7);
  const target = near ? jumpTarget(insn, pc) + random.pick(steps) : random.below(program.insns.length);
  return { ...insn, off: s16(target - pc - 1) };
}

function otherMap(insn: Insn, random: Prng, _pc: number, _program: ProgramSpec, maps: number): Insn | undefined {
  if (!isLddw(insn) || insn.src === 0 || maps < 2) return undefined;
  return { ...insn, imm: random.below(maps), src: random.chance(0.1) ? op.PSEUDO_MAP_VALUE : insn.src };
}

const otherHelper = (insn: Insn, random: Prng): Insn | undefined =>
  insn.code === op.CALL_OP && insn.src === 0 ? { ...insn, imm: drawHelper(random) } : undefined;

const randomByte = (insn: Insn, random: Prng): Insn => ({ ...insn, code: random.below(256) });

/** An atomic operation where a plain store was. */
function toAtomic(insn: Insn, random: Prng): Insn | undefined {
  if (insnClass(insn) !== op.STX && insnClass(insn) !== op.LDX) return undefined;
  const size = random.chance(0.5) ? op.SIZE_W : op.SIZE_DW;
  return { ...insn, code: op.STX | op.MODE_ATOMIC | size, imm: random.pick(atomicCodes) };
}

/** A sign-extending load or move where a plain one was. */
function toSigned(insn: Insn, random: Prng): Insn | undefined {
  if (insnClass(insn) === op.LDX) return { ...insn, code: (insn.code & ~0xe0) | op.MODE_MEMSX };
  if ((insn.code & 0xf8) === (op.MOV | op.X)) return { ...insn, off: random.pick([8, 16, 32]) };
  const code = insn.code & 0xf0;
  return code === op.DIV || code === op.MOD ? { ...insn, off: 1 } : undefined;
}

function replaceBy(program: ProgramSpec, pc: number, insns: readonly Insn[]): ProgramSpec | undefined {
  return rewriteProgram(program, new Map([[pc, insns]]));
}

/** Both slots of a 64-bit load, else the one. */
function wholeInsn(insns: readonly Insn[], pc: number): readonly Insn[] {
  const insn = insns[pc];
  if (insn === undefined) return [];
  const second = insns[pc + 1];
  return isLddw(insn) && second !== undefined ? [insn, second] : [insn];
}

// Jumps across it are mended, so that the rest of the program means what it did.
const deleteInsn: Mutation = (program, _maps, random) => {
  const pc = drawSlot(program.insns, random);
  return replaceBy(program, pc, []);
};

const duplicateElsewhere: Mutation = (program, _maps, random) => {
  const from = wholeInsn(program.insns, drawSlot(program.insns, random));
  const at = drawSlot(program.insns, random);
  return replaceBy(program, at, [...from, ...wholeInsn(program.insns, at)]);
};

const swapNeighbours: Mutation = (program, _maps, random) => {
  const at = drawSlot(program.insns, random);
  const first = wholeInsn(program.insns, at);
  const second = wholeInsn(program.insns, at + first.length);
  if (second.length !== 1 || first.length !== 1) return undefined;
  const insns = program.insns.slice();
  insns[at] = second[0] as Insn; // both lists hold one
  insns[at + 1] = first[0] as Insn;
  return { ...program, insns };
};

/** A short statement that no compiler would put here. */
const insertStatement: Mutation = (program, _maps, random) => {
  const at = drawSlot(program.insns, random);
  const dst = random.below(11);
  const src = random.below(11);
  const imm = random.pick(interesting);
  const choices: readonly Insn[] = [
    { code: op.ALU64 | random.pick(aluKinds) | op.X, dst, src, off: 0, imm: 0 },
    { code: op.ALU64 | random.pick(aluKinds) | op.K, dst, src: 0, off: 0, imm },
    { code: op.ALU | random.pick(aluKinds) | op.X, dst, src, off: 0, imm: 0 },
    { code: op.ALU | random.pick(aluKinds) | op.K, dst, src: 0, off: 0, imm },
    { code: op.ALU64 | op.NEG, dst, src: 0, off: 0, imm: 0 },
    { code: op.ALU | op.END | random.pick([op.X, op.K]), dst, src: 0, off: 0, imm: random.pick([16, 32, 64]) },
    { code: op.STX | op.MODE_MEM | random.pick(sizeCodes), dst: 10, src, off: -8 * (1 + random.below(4)), imm: 0 },
    { code: op.LDX | op.MODE_MEM | random.pick(sizeCodes), dst, src: 10, off: -8 * (1 + random.below(4)), imm: 0 },
    { code: op.ST | op.MODE_MEM | random.pick(sizeCodes), dst: 10, src: 0, off: -8 * (1 + random.below(4)), imm: 0 },
    { code: op.JMP | random.pick(jumpKinds) | op.X, dst, src, off: random.below(4), imm: 0 },
    { code: op.JMP | random.pick(jumpKinds) | op.K, dst, src: 0, off: random.below(4), imm },
    { code: op.JMP32 | random.pick(jumpKinds) | op.K, dst, src: 0, off: random.below(4), imm },
    { code: op.LDX | op.MODE_MEM | random.pick(sizeCodes), dst, src, off: random.pick(steps), imm: 0 },
    { code: op.STX | op.MODE_MEM | random.pick(sizeCodes), dst, src, off: random.pick(steps), imm: 0 },
    { code: op.CALL_OP, dst: 0, src: 0, off: 0, imm: drawHelper(random) },
  ];
  return replaceBy(program, at, [random.pick(choices), ...wholeInsn(program.insns, at)]);
};

/** All ways to change a program; those that stand twice are drawn twice as often. */
const mutations: readonly Mutation[] = [
  inPlace((insn, random) => ({ ...insn, dst: random.below(11) })),
  inPlace((insn, random) => ({ ...insn, src: random.below(11) })),
  inPlace(otherOffset),
  inPlace(otherOffset),
  inPlace(otherImmediate),
  inPlace(otherImmediate),
  inPlace(otherCode),
  inPlace(otherCode),
  inPlace(otherClass),
  inPlace(otherOperand),
  inPlace(otherTarget),
  inPlace(otherMap),
  inPlace(otherHelper),
  inPlace(randomByte),
  inPlace(toAtomic),
  inPlace(toSigned),
  deleteInsn,
  deleteInsn,
  duplicateElsewhere,
  swapNeighbours,
  insertStatement,
  insertStatement,
];

/** The program with one to three random changes. */
export function mutateProgram(program: ProgramSpec, maps: number, random: Prng): ProgramSpec {
  let mutant = program;
  let wanted = 1 + (random.chance(0.3) ? 1 : 0) + (random.chance(0.15) ? 1 : 0);
  for (let tries = 0; wanted > 0 && tries < 40; tries++) {
    const next = random.pick(mutations)(mutant, maps, random);
    if (next === undefined || next.insns.length === 0) continue;
    mutant = next;
    wanted--;
  }
  return mutant;
}
