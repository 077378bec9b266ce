/** Atomic operations in a trace: on the stack, where nobody else looks, they are arithmetic. */
import { mask32, mask64, type Value } from '../ir/index.js';
import { accessSize, type Insn, op } from '../isa/index.js';
import { TraceAbort } from './aborts.js';
import type { Recorder } from './recorder.js';
import { peek } from './resample.js';

/**
 * Records an atomic instruction. On the stack it is load, arithmetic and store; elsewhere an operation of the trace,
 * whose old value is seen at the next instruction. Throws TraceAbort.
 */
export function recordAtomic(recorder: Recorder, insn: Insn): void {
  const { memory, values } = recorder;
  const { graph } = values;
  const size = accessSize(insn);
  if (insn.imm === op.ATOMIC_LOAD_ACQ) {
    recorder.setRegister(insn.dst, memory.load(recorder.register(insn.src), insn.off, size));
    return;
  }
  if (insn.imm === op.ATOMIC_STORE_REL) {
    memory.store(recorder.register(insn.dst), insn.off, size, recorder.register(insn.src));
    return;
  }
  if (size < 4) throw new TraceAbort('insn-not-traceable');
  const pointer = recorder.register(insn.dst);
  const operand = recorder.register(insn.src);
  const address = graph.add(pointer, graph.constant(BigInt(insn.off)));
  const at = memory.locate(address);
  if (at.space === 'packet') throw new TraceAbort('insn-not-traceable');
  const isCompare = insn.imm === op.ATOMIC_CMPXCHG;
  const fetches = (insn.imm & op.ATOMIC_FETCH) !== 0;
  let old: Value;
  if (at.space === 'stack') {
    old = memory.load(pointer, insn.off, size);
    memory.store(pointer, insn.off, size, resultOf(recorder, insn, size, old, operand));
  } else {
    const checked = memory.prove(at, size);
    const args = [at.base ?? graph.constant(0n), operand, ...(isCompare ? [recorder.register(0)] : [])];
    const detail = { kind: 'atomic', space: at.space, size, map: at.map, checked, atomic: insn.imm } as const;
    old = graph.effect('atomic', args, BigInt(at.offset), detail, size === 8 ? mask64 : mask32);
    values.setSample(old, peek(recorder.machine, memory.concrete(at), size));
    memory.change({ kind: 'clobber', at, size });
  }
  if (isCompare) recorder.setRegister(0, old);
  else if (fetches) recorder.setRegister(insn.src, old);
}

/** What an atomic operation leaves on the stack. */
function resultOf(recorder: Recorder, insn: Insn, size: number, old: Value, operand: Value): Value {
  const { values } = recorder;
  const { graph } = values;
  switch (insn.imm & ~op.ATOMIC_FETCH) {
    case op.ATOMIC_ADD:
      return graph.add(old, operand);
    case op.ATOMIC_OR:
      return graph.make('or', old, operand);
    case op.ATOMIC_AND:
      return graph.and(old, operand);
    case op.ATOMIC_XOR:
      return graph.make('xor', old, operand);
    case op.ATOMIC_XCHG & ~op.ATOMIC_FETCH:
      return operand;
    case op.ATOMIC_CMPXCHG & ~op.ATOMIC_FETCH: {
      const mask = graph.constant(size === 8 ? mask64 : mask32);
      const same = graph.make('eq', graph.and(old, mask), graph.and(recorder.register(0), mask));
      const equal = values.sample(same) !== 0n;
      values.guard(same, equal);
      return equal ? operand : old;
    }
    default:
      throw new TraceAbort('insn-not-traceable');
  }
}
