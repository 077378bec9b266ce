/** Optimizes assembler text, for tests. */
import type { BpfVersion } from '../bpf/index.js';
import { assembleInsns, formatInsn } from '../isa/index.js';
import { emitCode } from './emit.js';
import { functionCode, type Profile, type Region } from './function-code.js';
import { optimizeFunction } from './optimize-function.js';
import type { Goal } from './passes/pass.js';
import { passes } from './passes/passes.js';

/** What is not the default: goal `size`, all passes, a program (r1 is the context, 32 bits of r0 count). */
export interface OptimizeTextOptions {
  readonly goal?: Goal;
  readonly only?: readonly string[];
  readonly isEntry?: boolean;
  readonly version?: BpfVersion;
  readonly aligned?: boolean;
  readonly profile?: Profile;
  /** Bytes of the context that are memory. */
  readonly plainContext?: readonly [number, number] | undefined;
  /** Names of what 64-bit loads refer to, by slot, and which of them are plain arrays. */
  readonly references?: Readonly<Record<number, string>>;
  readonly arrays?: readonly string[];
  /** What the verifier would know: which memory an instruction is about, by slot. */
  readonly regions?: Readonly<Record<number, Region>>;
}

/** The instructions that are left of a function, one a line. */
export function optimizeText(text: string, options: OptimizeTextOptions = {}): string[] {
  const { goal = 'size', only = passes.map(({ name }) => name), isEntry = true, version = 'v3' } = options;
  const { profile, plainContext } = options;
  const insns = assembleInsns(text);
  const fn = {
    name: 'f',
    section: 1,
    sectionName: 'xdp',
    start: 0,
    end: insns.length,
    insns,
    references: new Map(Object.entries(options.references ?? {}).map(([slot, name]) => [Number(slot), name] as const)),
    core: new Map<number, string>(),
    labels: [],
    isStatic: false,
    callees: new Map<number, never>(),
  };
  const arrays = new Set(options.arrays);
  const kind = { isEntry, narrowResult: isEntry, isXdp: isEntry, version, arrays, profile, plainContext };
  const code = functionCode(fn, kind, (slot) => ({
    region: options.regions?.[slot],
    facts: undefined,
  }));
  optimizeFunction(code, {
    goal,
    enabled: new Set(only),
    atomics: goal === 'size',
    aligned: options.aligned,
    allow: () => true,
  });
  const emitted = emitCode(code)?.insns.map(({ insn }) => insn) ?? [];
  return emitted.flatMap((insn, pc) => (insn.code === 0 ? [] : [formatInsn(emitted, pc, 'llvm', {})]));
}
