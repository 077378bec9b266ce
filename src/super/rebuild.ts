/**
 * Whole functions anew: bytecode to IR, the passes that there are for bytecode, and back. Nothing here is proved; who
 * uses it has what comes out validated (proof/) and verified.
 */
import { type BpfVersion, type CompiledFunction, compileFunction, type EmittedCode } from '../bpf/index.js';
import { encodingFault, isFunctionAddress, isLocalCall } from '../code/index.js';
import { buildFunction, Unsupported, type World } from '../ir/index.js';
import type { Insn } from '../isa/index.js';
import type { FunctionSpec, LineSpec, ProgramSpec } from '../object/index.js';
import { defaultSettings, optimize, passes, type Settings } from '../opt/index.js';
import type { ProgramFacts } from '../verifier/index.js';

/** How a function is made anew. */
export interface RebuildOptions {
  readonly version: BpfVersion;
  /** Passes that run. */
  readonly settings: Settings;
  /** Of the program as it is: what its verifier knows. */
  readonly facts: ProgramFacts | undefined;
}

/** One function of a program in new code. The verifier must have accepted the program. */
export function rebuildFunction(
  world: World,
  program: ProgramSpec,
  index: number,
  { version, settings, facts }: RebuildOptions,
): CompiledFunction {
  const start = program.functions[index]?.start ?? 0;
  const position = Math.max(
    0,
    world.programs.findIndex(({ spec }) => spec === program),
  );
  try {
    const code = buildFunction(
      world,
      { index: position, spec: program },
      { trust: 'verified', fault: encodingFault, facts, only: start },
    );
    return compileFunction(optimize(code, world, { settings }), version);
  } catch (error) {
    if (!(error instanceof Unsupported)) throw error;
    return { kind: 'refused', why: error.message };
  }
}

/** A function that is put in the place of an old one. */
type Replacement = EmittedCode | undefined;

/** The program with new code for some of its functions, by position; the others stay as they are. */
function withFunctions(program: ProgramSpec, replacements: readonly Replacement[]): ProgramSpec {
  const insns: Insn[] = [];
  const origins: number[] = [];
  const functions: FunctionSpec[] = [];
  const links: { readonly at: number; readonly target: number }[] = [];
  for (const [i, own] of program.functions.entries()) {
    const start = insns.length;
    const code = replacements[i] ?? unchanged(program, own);
    for (const link of code.functions) links.push({ at: start + link.at, target: link.target });
    insns.push(...code.insns);
    origins.push(...code.origins);
    functions.push({ ...own, start, end: insns.length });
  }
  for (const { at, target } of links) {
    const index = program.functions.findIndex((own) => own.start === target);
    insns[at] = { ...(insns[at] as Insn), imm: (functions[index]?.start ?? 0) - at - 1 };
  }
  return { ...program, insns, functions, lines: linesOf(program, origins), core: undefined };
}

/** A function as it is, its calls by slot of the program. */
function unchanged({ insns }: ProgramSpec, { start, end }: FunctionSpec): EmittedCode {
  const own = insns.slice(start, end);
  const functions: { at: number; target: number }[] = [];
  for (const [at, insn] of own.entries()) {
    if (isLocalCall(insn) || isFunctionAddress(insn)) functions.push({ at, target: start + at + 1 + insn.imm });
  }
  return { insns: own, origins: own.map((_, i) => start + i), functions, frame: 0 };
}

/** Line records for slots that come from others; a slot that comes from none belongs to what stands before it. */
function linesOf({ lines }: ProgramSpec, origins: readonly number[]): LineSpec[] {
  const found: LineSpec[] = [];
  let last: LineSpec | undefined;
  for (const [at, origin] of origins.entries()) {
    if (origin < 0) continue;
    let line: LineSpec | undefined;
    for (const each of lines) {
      if (each.insn > origin) break;
      line = each;
    }
    if (line === undefined || line === last) continue;
    last = line;
    found.push({ ...line, insn: at });
  }
  return found;
}

/** A whole program made anew. */
export interface RebuiltProgram {
  readonly program: ProgramSpec;
  /** Functions that stay as they were, and why. */
  readonly kept: readonly { readonly name: string; readonly why: string }[];
}

/** Passes for bytecode, most of them first; what a verifier refuses is tried with fewer. */
const attempts: readonly ReadonlySet<string>[] = [
  new Set(passes.filter(({ targets }) => targets.includes('bpf')).map(({ name }) => name)),
  new Set(['fold', 'branches', 'narrow', 'dce']),
  new Set(),
];

/**
 * The program with new code for every function that can have some; undefined where none is accepted. `facts` are those
 * of the program, which must have been accepted.
 */
export function rebuildProgram(
  world: World,
  program: ProgramSpec,
  facts: ProgramFacts | undefined,
  version: BpfVersion,
  isAccepted: (program: ProgramSpec) => boolean,
): RebuiltProgram | undefined {
  const params = { ...defaultSettings.params, aligned: 1 };
  for (const enabled of attempts) {
    const made = program.functions.map((_, i) =>
      rebuildFunction(world, program, i, { version, settings: { enabled, params }, facts }),
    );
    const result = withFunctions(
      program,
      made.map((each) => (each.kind === 'code' ? each.code : undefined)),
    );
    const kept = made.flatMap((each, i) =>
      each.kind === 'refused' ? [{ name: program.functions[i]?.name ?? '', why: each.why }] : [],
    );
    if (isAccepted(result)) return { program: result, kept };
  }
  return undefined;
}
