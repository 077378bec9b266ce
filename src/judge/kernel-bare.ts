/**
 * The kernel as an engine of bare programs. An XDP program gets a context in r1 and returns 32 bits; a conformance
 * vector wants memory in r1, its length in r2 and all of r0. So the vector becomes a subprogram of a small XDP
 * program, which gives it the value of a map for its memory and puts r0 into another map. (A packet for memory would
 * do as well, but may not be longer than a page, and atomics do not work on packets.)
 */

import { UserError } from '../base/index.js';
import { type Insn, op } from '../isa/index.js';
import { Bpf, KernelObject, lastWords } from '../linux/index.js';
import { type MapSpec, mapSpec, type ObjectSpec, type ProgramSpec } from '../object/index.js';
import type { BareResult } from './engines.js';
import { Emitter } from './fuzz/emitter.js';

/** BPF_PROG_TEST_RUN takes no packet shorter than this. */
const packet = new Uint8Array(14);
const key = new Uint8Array(4);

let bpf: Bpf | undefined;

/** Throws UnsupportedError when the kernel cannot be asked here. */
export function openKernelBare(): Bpf {
  bpf ??= Bpf.open();
  return bpf;
}

/** Runs the object's first program once. Needs privileges; throws UnsupportedError without. */
export function runKernelBare(object: ObjectSpec, memory: Uint8Array | undefined): BareResult {
  const bpf = openKernelBare();
  const program = object.programs[0];
  if (program === undefined) return { kind: 'error', what: 'no program' };
  const wrapped = wrap(object, program, memory);
  let kernel: KernelObject;
  try {
    kernel = KernelObject.load(bpf, wrapped, { programs: [program.name] });
  } catch (error) {
    if (error instanceof UserError) return { kind: 'unsupported', what: error.message };
    throw error;
  }
  try {
    const loaded = kernel.programs[0]?.loaded;
    // What the verifier rules out has no run to compare: only the verdict is the kernel's.
    if (loaded === undefined || !('fd' in loaded))
      return { kind: 'unsupported', what: `the kernel refuses it: ${lastWords(loaded?.log ?? '')}` };
    const run = bpf.testRun(loaded.fd, { data: packet });
    if (run.status < 0) return { kind: 'error', what: `BPF_PROG_TEST_RUN fails with ${run.status}` };
    const value = bpf.mapLookup(kernel.maps[object.maps.length]?.fd ?? -1, key, 8);
    if (typeof value === 'number') return { kind: 'error', what: `map look-up fails with ${value}` };
    return { kind: 'returned', r0: new DataView(value.buffer, value.byteOffset).getBigUint64(0, true) };
  } finally {
    kernel.close();
  }
}

/**
 * The object with a caller before its program, and behind its own maps one for r0 and, if there is any, one with the
 * memory.
 */
function wrap(object: ObjectSpec, program: ProgramSpec, memory: Uint8Array | undefined): ObjectSpec {
  const resultMap = object.maps.length;
  const maps = [...object.maps, arrayOf('r0', 8)];
  const length = memory?.length ?? 0;
  if (memory !== undefined && length > 0)
    maps.push({ ...arrayOf('memory', length), init: { kind: 'data', bytes: memory } });
  const caller = callerOf(length, resultMap);
  const moved = {
    ...program,
    insns: [...caller, ...program.insns],
    functions: [
      { name: 'caller', start: 0, end: caller.length, global: false, btfId: 0 },
      ...program.functions.map((f) => ({ ...f, start: f.start + caller.length, end: f.end + caller.length })),
    ],
    lines: program.lines.map((line) => ({ ...line, insn: line.insn + caller.length })),
  };
  // Types would have to describe the caller too, or the kernel takes none.
  return { ...object, maps, programs: object.programs.with(0, moved), btf: undefined };
}

/** An array of one element, whose value the program addresses directly. */
function arrayOf(name: string, valueSize: number): MapSpec {
  return mapSpec({ name, type: 'array', keySize: 4, valueSize, maxEntries: 1 });
}

/** The XDP program around a vector: memory and length in, r0 out, verdict XDP_PASS. */
function callerOf(length: number, resultMap: number): readonly Insn[] {
  const out = new Emitter();
  const vector = out.label();
  const loadValue = (reg: number, map: number): void => {
    out.emit(op.LDDW, reg, op.PSEUDO_MAP_VALUE, 0, map);
    out.emit(0);
  };
  if (length > 0) loadValue(1, resultMap + 1);
  else out.movImm(1, 0);
  out.movImm(2, length);
  out.callLocal(vector);
  loadValue(1, resultMap);
  out.emit(op.STX | op.MODE_MEM | op.SIZE_DW, 1, 0);
  out.movImm(0, 2);
  out.emit(op.EXIT_OP);
  out.bind(vector);
  return out.finish();
}
