/**
 * The kernel as an engine of bare programs. An XDP program gets a context in r1 and returns 32 bits; a conformance vector wants memory in r1, its
 * length in r2 and all of r0. So the vector becomes a subprogram of a small XDP program, which gives it the value of a map for its memory and puts
 * r0 into another map. (A packet for memory would do as well, but may not be longer than a page, and atomics do not work on packets.)
 */

import type { Insn } from '../isa/index.js';
import { encodeInsns, op } from '../isa/index.js';
import { Bpf, lastWords } from '../linux/index.js';
import { mapTypeNumber } from '../platform/index.js';
import type { BareResult } from './engines.js';
import { Emitter } from './fuzz/emitter.js';

/** BPF_PROG_TEST_RUN takes no packet shorter than this. */
const packet = new Uint8Array(14);
const key = new Uint8Array(4);

let bpf: Bpf | undefined;

export function runKernelBare(insns: readonly Insn[], memory: Uint8Array | undefined): BareResult {
  bpf ??= Bpf.open();
  const array = { type: mapTypeNumber('array'), keySize: 4, maxEntries: 1 };
  const result = bpf.mapCreate({ ...array, valueSize: 8, name: 'r0' });
  const length = memory?.length ?? 0;
  const input = length === 0 ? -1 : bpf.mapCreate({ ...array, valueSize: length, name: 'memory' });
  if (memory !== undefined && input >= 0) bpf.mapUpdate(input, key, memory);
  const loaded = bpf.progLoad({ insns: encodeInsns(wrap(insns, length, input, result)), license: 'GPL' });
  try {
    // What the verifier rules out has no run to compare: only the verdict is the kernel's.
    if (!('fd' in loaded)) return { kind: 'unsupported', what: `the kernel refuses it: ${lastWords(loaded.log)}` };
    const run = bpf.testRun(loaded.fd, { data: packet });
    if (run.status < 0) return { kind: 'error', what: `BPF_PROG_TEST_RUN fails with ${run.status}` };
    const value = bpf.mapLookup(result, key, 8);
    if (typeof value === 'number') return { kind: 'error', what: `map look-up fails with ${value}` };
    return { kind: 'returned', r0: new DataView(value.buffer, value.byteOffset).getBigUint64(0, true) };
  } finally {
    if ('fd' in loaded) bpf.close(loaded.fd);
    if (input >= 0) bpf.close(input);
    bpf.close(result);
  }
}

function wrap(insns: readonly Insn[], length: number, inputMap: number, resultMap: number): Insn[] {
  const out = new Emitter();
  const vector = out.label();
  const loadValue = (reg: number, map: number): void => {
    out.emit(op.LDDW, reg, op.PSEUDO_MAP_VALUE, 0, map);
    out.emit(0);
  };
  if (length > 0) loadValue(1, inputMap);
  else out.movImm(1, 0);
  out.movImm(2, length);
  out.callLocal(vector);
  loadValue(1, resultMap);
  out.emit(op.STX | op.MODE_MEM | op.SIZE_DW, 1, 0);
  out.movImm(0, 2);
  out.emit(op.EXIT_OP);
  out.bind(vector);
  return [...out.finish(), ...insns];
}
