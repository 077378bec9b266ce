/**
 * The kernel as an engine of bare programs. An XDP program gets a context in r1 and returns 32 bits; a conformance vector wants memory in r1, its
 * length in r2 and all of r0. So the vector becomes a subprogram of a small XDP program, which gives it the packet for its memory and
 * puts r0 into a map.
 */

import type { Insn } from '../isa/index.js';
import { encodeInsns, op } from '../isa/index.js';
import { Bpf } from '../linux/index.js';
import { mapTypeNumber } from '../platform/index.js';
import type { BareResult } from './engines.js';
import { Emitter } from './fuzz/emitter.js';
import { lastWords } from './kernel-subject.js';

/** BPF_PROG_TEST_RUN takes no packet shorter than this. */
const minPacket = 14;

let bpf: Bpf | undefined;

export function runKernelBare(insns: readonly Insn[], memory: Uint8Array | undefined): BareResult {
  bpf ??= Bpf.open();
  const result = bpf.mapCreate({ type: mapTypeNumber('array'), keySize: 4, valueSize: 8, maxEntries: 1, name: 'r0' });
  const loaded = bpf.progLoad({ insns: encodeInsns(wrap(insns, memory?.length ?? 0, result)), license: 'GPL' });
  try {
    // What the verifier rules out has no run to compare: only the verdict is the kernel's.
    if (!('fd' in loaded)) return { kind: 'unsupported', what: `the kernel refuses it: ${lastWords(loaded.log)}` };
    const data = new Uint8Array(Math.max(minPacket, memory?.length ?? 0));
    if (memory !== undefined) data.set(memory);
    const run = bpf.testRun(loaded.fd, { data });
    if (run.status < 0) return { kind: 'error', what: `BPF_PROG_TEST_RUN fails with ${run.status}` };
    const value = bpf.mapLookup(result, new Uint8Array(4), 8);
    if (typeof value === 'number') return { kind: 'error', what: `map look-up fails with ${value}` };
    return { kind: 'returned', r0: new DataView(value.buffer, value.byteOffset).getBigUint64(0, true) };
  } finally {
    if ('fd' in loaded) bpf.close(loaded.fd);
    bpf.close(result);
  }
}

function wrap(insns: readonly Insn[], length: number, resultMap: number): Insn[] {
  const out = new Emitter();
  const [short, vector] = [out.label(), out.label()];
  if (length > 0) {
    out.emit(op.LDX | op.MODE_MEM | op.SIZE_W, 3, 1, 4);
    out.emit(op.LDX | op.MODE_MEM | op.SIZE_W, 1, 1, 0);
    out.mov(4, 1);
    out.addImm(4, length);
    out.jump(op.JMP | op.JGT | op.X, short, 4, 3);
  } else {
    out.movImm(1, 0);
  }
  out.movImm(2, length);
  out.callLocal(vector);
  out.emit(op.LDDW, 1, op.PSEUDO_MAP_VALUE, 0, resultMap);
  out.emit(0);
  out.emit(op.STX | op.MODE_MEM | op.SIZE_DW, 1, 0);
  if (length > 0) out.bind(short);
  out.movImm(0, 2);
  out.emit(op.EXIT_OP);
  out.bind(vector);
  return [...out.finish(), ...insns];
}
