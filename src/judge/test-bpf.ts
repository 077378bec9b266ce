/**
 * The kernel's own test cases for its BPF compilers (lib/test_bpf.c), as `scripts/dump-test-bpf.sh` writes them: a
 * JSON line each. They were written against compilers, so they are about what an ALU does at its edges: every register
 * with every other, every distance of a shift, every width of an immediate.
 *
 * A case runs with a context of so many bytes, and what it returns are the low 32 bits of r0.
 */
import { InputError } from '../base/index.js';
import { decodeInsns, type Insn } from '../isa/index.js';
import type { VectorVerdict } from './conformance.js';
import { type BareEngine, bareObject } from './engines.js';

/** A program with the inputs that it is run on. */
export interface TestBpfCase {
  readonly name: string;
  readonly insns: readonly Insn[];
  readonly runs: readonly TestBpfRun[];
}

/** One run of a case: what it is given, and what has to come out. */
interface TestBpfRun {
  /** What r1 points to; without it r1 is no pointer that the case may use. */
  readonly memory: Uint8Array | undefined;
  /** Low 32 bits of r0. */
  readonly result: number;
}

/** FLAG_LARGE_MEM: the context is plain memory, else it is a socket buffer, which no eBPF case looks into. */
const largeMemory = 1 << 4;

/** A case as the script writes it: `insns` in hex, `aux` the flags of struct bpf_test. */
interface CaseLine {
  readonly name: string;
  readonly aux: number;
  readonly runs: readonly (readonly [size: number, result: number])[];
  readonly insns: string;
}

/** Reads one line. Throws InputError. */
export function parseTestBpfCase(line: string): TestBpfCase {
  const json = parseLine(line);
  const bytes = Buffer.from(json.insns, 'hex');
  return {
    name: json.name,
    insns: decodeInsns(bytes),
    runs: json.runs.map(([size, result]) => ({
      memory: (json.aux & largeMemory) === 0 ? undefined : new Uint8Array(size),
      result: result >>> 0,
    })),
  };
}

function parseLine(line: string): CaseLine {
  try {
    const json = JSON.parse(line) as Partial<CaseLine>;
    const { name, aux, runs, insns } = json;
    if (typeof name === 'string' && typeof aux === 'number' && Array.isArray(runs) && typeof insns === 'string')
      return { name, aux, runs, insns };
  } catch {
    // Said below.
  }
  throw new InputError('not a case of test_bpf', {}, 'lines are written by scripts/dump-test-bpf.sh');
}

/** Runs all of a case; r0 is compared in 32 bits, as the kernel's own test does. */
export function checkTestBpfCase(test: TestBpfCase, engine: BareEngine): VectorVerdict {
  for (const { memory, result } of test.runs) {
    const outcome = engine.run(bareObject(test.insns), memory);
    if (outcome.kind === 'unsupported') return { kind: 'not ours', what: outcome.what };
    if (outcome.kind === 'error') return { kind: 'failed', what: outcome.what };
    const got = Number(BigInt.asUintN(32, outcome.r0));
    if (got !== result)
      return { kind: 'failed', what: `r0 is 0x${got.toString(16)}, expected 0x${result.toString(16)}` };
  }
  return { kind: 'passed' };
}
