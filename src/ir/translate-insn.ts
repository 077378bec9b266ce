/** One instruction, or one step of the flow, to values. */

import { probeLoads } from '../code/index.js';
import { accessSize, type Insn, insnClass, isLddw, lddwImm, op } from '../isa/index.js';
import { countStep, kfuncNumber, nestedHelper, probeStep, stackSize, walkHelper } from '../platform/index.js';
import { type Step, Unsupported, variableOf } from './flow.js';
import { type Condition, immediate, low32, lowerAlu, lowerJump, signExtend } from './lower-alu.js';
import { knownMap, translateCall, translateOwnCall, translateStepCall } from './translate-call.js';
import { type Access, translateAtomic, translateLoad, translateStore } from './translate-memory.js';
import type { Translation } from './translation.js';
import { mask32, mask64, type Value } from './value.js';
import { referenceAt } from './world.js';

/** A step that is no instruction: frames, loops around callbacks. */
export function translateStep(t: Translation, step: Exclude<Step, { readonly kind: 'insn' }>): void {
  const { graph } = t;
  switch (step.kind) {
    case 'enter':
      enterFrame(t, step.depth);
      return;
    case 'loop begin':
      t.write(step.at, t.zero);
      t.write(step.at + 1, t.read(3));
      t.write(step.at + 2, low32(graph, t.read(1)));
      return;
    case 'loop call':
      t.write(1, t.read(step.at));
      t.write(2, t.read(step.at + 1));
      for (let r = 3; r <= 5; r++) t.write(r, t.zero);
      return;
    case 'walk begin': {
      if (!t.trusted) throw new Unsupported('bpf_for_each_map_elem of a program that is not verified', step.pc);
      const flags = t.read(4);
      if (flags.op !== 'const' || flags.imm !== 0n) throw new Unsupported('bpf_for_each_map_elem with flags', step.pc);
      t.write(step.at, t.zero);
      t.write(step.at + 1, t.read(1));
      t.write(step.at + 2, t.read(3));
      translateStepCall(t, walkHelper.begin, [t.read(1), graph.constant(BigInt(step.level))], step.pc);
      return;
    }
    case 'walk next':
      t.write(step.at + 3, translateStepCall(t, walkHelper.next, [graph.constant(BigInt(step.level))], step.pc));
      return;
    case 'walk call':
      t.write(1, t.read(step.at + 1));
      t.write(2, translateStepCall(t, walkHelper.key, [graph.constant(BigInt(step.level))], step.pc));
      t.write(3, t.read(step.at + 3));
      t.write(4, t.read(step.at + 2));
      t.write(5, t.zero);
      return;
    case 'tail enter': {
      const map = knownMap(t, step.pc, 2);
      const table = map === undefined ? t.read(2) : graph.map(map.index);
      const slot = graph.and(t.read(3), graph.constant(mask32));
      const depth = graph.constant(BigInt(t.depth));
      t.write(step.at, translateStepCall(t, nestedHelper.enter, [table, slot, depth], step.pc));
      return;
    }
    case 'kfunc': {
      graph.origin = { program: t.program.index, pc: step.pc };
      const name = t.program.spec.kfuncs[t.insns[step.pc]?.imm ?? -1]?.name ?? '';
      t.write(0, translateCall(t, kfuncNumber(name) ?? 0, step.pc));
      return;
    }
    case 'tail result':
      t.write(0, translateStepCall(t, nestedHelper.result, [], step.pc));
      return;
    case 'count':
      translateStepCall(t, countStep, [graph.constant(BigInt(step.counter))], step.pc);
      return;
    case 'mean':
      t.write(step.at, t.graph.constant(BigInt(step.value)));
      return;
    case 'loop next':
      t.write(step.at, graph.make('add32', t.read(step.at), graph.constant(1n)));
      return;
    case 'loop end':
      t.write(0, step.failed ? graph.constant(-7n) : t.read(step.at));
      for (let r = 1; r <= 5; r++) t.write(r, t.zero);
      return;
  }
}

/** A frame is cleared when it is entered; the callee finds its caller's r6 to r9. */
function enterFrame(t: Translation, depth: number): void {
  if (depth > 0) for (let r = 6; r < 10; r++) t.write(variableOf(r, depth), t.read(variableOf(r, depth - 1)));
  const detail = { kind: 'memory', space: 'stack', size: stackSize, map: -1, checked: false } as const;
  t.pin('fill', [t.graph.frame(depth)], BigInt(-stackSize), detail);
}

/**
 * The instruction at `pc`, as it is written: whatever can be simplified is left to passes. Reads registers of the
 * translation's depth and writes its result there.
 */
export function translateInsn(t: Translation, pc: number): void {
  const { graph: g } = t;
  g.origin = { program: t.program.index, pc };
  const insn = t.insns[pc] as Insn;
  const isRegister = (insn.code & op.X) !== 0;
  const access = (base: number): Access => ({ pc, base, offset: insn.off, size: accessSize(insn) });
  switch (insnClass(insn)) {
    case op.ALU:
    case op.ALU64: {
      const b = isRegister && (insn.code & 0xf0) !== op.END ? t.register(insn.src) : immediate(g, insn);
      const isMove = (insn.code & 0xf0) === op.MOV;
      t.setRegister(insn.dst, lowerAlu(g, insn, isMove ? b : t.register(insn.dst), b));
      return;
    }
    case op.LD:
      if (isLddw(insn)) t.setRegister(insn.dst, constantOrReference(t, pc));
      return;
    case op.LDX: {
      const isSigned = (insn.code & 0xe0) === op.MODE_MEMSX;
      if (probeLoads(t.program.spec).has(pc)) {
        const address = g.add(t.register(insn.src), g.constant(BigInt(insn.off)));
        const size = accessSize(insn);
        const value = translateStepCall(t, probeStep, [address, g.constant(BigInt(size))], pc);
        t.setRegister(insn.dst, isSigned ? signExtend(g, value, size) : value);
        return;
      }
      const ones = t.trusted ? t.facts.onesOf(pc + 1, insn.dst) : mask64;
      t.setRegister(insn.dst, translateLoad(t, access(insn.src), isSigned, ones));
      return;
    }
    case op.ST:
      translateStore(t, access(insn.dst), immediate(g, insn));
      return;
    case op.STX:
      if ((insn.code & 0xe0) === op.MODE_ATOMIC) translateAtomicInsn(t, insn, access);
      else translateStore(t, access(insn.dst), t.register(insn.src));
      return;
    default:
      t.setRegister(0, insn.src === op.CALL_HELPER ? translateCall(t, insn.imm, pc) : translateOwnCall(t, insn, pc));
  }
}

/** What the `lddw` at `pc` loads. */
function constantOrReference({ graph, world, insns }: Translation, pc: number): Value {
  const reference = referenceAt(world, insns, pc);
  switch (reference?.kind) {
    case undefined:
      return graph.constant(lddwImm(insns, pc));
    case 'map':
      return graph.map(reference.map);
    case 'data': {
      const data = graph.data(reference.map);
      return reference.offset === 0 ? data : graph.add(data, graph.constant(BigInt(reference.offset)));
    }
    case 'code':
      return graph.codeAt(reference.slot);
    case 'null':
      return graph.constant(0n);
  }
}

function translateAtomicInsn(t: Translation, insn: Insn, access: (base: number) => Access): void {
  switch (insn.imm) {
    case op.ATOMIC_STORE_REL:
      translateStore(t, access(insn.dst), t.register(insn.src));
      return;
    case op.ATOMIC_LOAD_ACQ:
      t.setRegister(insn.dst, translateLoad(t, access(insn.src), false, mask64));
      return;
    case op.ATOMIC_CMPXCHG: {
      const operands = [t.register(insn.src), t.register(0)];
      t.setRegister(0, translateAtomic(t, access(insn.dst), insn.imm, operands));
      return;
    }
    default: {
      const old = translateAtomic(t, access(insn.dst), insn.imm, [t.register(insn.src)]);
      if ((insn.imm & op.ATOMIC_FETCH) !== 0) t.setRegister(insn.src, old);
    }
  }
}

/** When the conditional jump at `pc` is taken. */
export function branchCondition(t: Translation, pc: number): Condition {
  const insn = t.insns[pc] as Insn;
  t.graph.origin = { program: t.program.index, pc };
  const y = (insn.code & op.X) !== 0 ? t.register(insn.src) : immediate(t.graph, insn);
  return lowerJump(t.graph, insn, t.register(insn.dst), y);
}
