/**
 * What there is to see of an object before any packet: programs, maps, sources, code, and whether Linux would load it.
 */
import { InputError } from '../base/index.js';
import { LineTable } from '../debug/index.js';
import { formatInsn } from '../isa/index.js';
import { type ObjectSpec, type ProgramSpec, pickProgram, programNames, xdpFitness } from '../object/index.js';
import { type Verdict, Verdicts } from '../verifier/index.js';
import type { InsnInfo, LinePlace, Opened, Refusal } from './protocol.js';

/** An object with one of its programs chosen. */
export interface Subject {
  readonly object: ObjectSpec;
  readonly program: ProgramSpec;
  /** Index of the program in the object. */
  readonly index: number;
  readonly verdicts: Verdicts;
  readonly lines: LineTable;
}

/** Throws InputError for an object without programs, UsageError for a name that it does not have. */
export function choose(object: ObjectSpec, name: string | undefined): Subject {
  const program = name === undefined ? firstProgram(object) : pickProgram(object, name);
  const index = object.programs.indexOf(program);
  return { object, program, index, verdicts: Verdicts.of(object), lines: new LineTable(object) };
}

/**
 * The page shows all of them to choose from, so it begins with the first that may be meant: one that is declared to be
 * XDP and that no other calls.
 */
function firstProgram({ programs, maps, name }: ObjectSpec): ProgramSpec {
  const [first] = programs;
  if (first === undefined) throw new InputError('has no program', { file: name });
  const called = new Set(maps.flatMap(({ init }) => (init?.kind === 'programs' ? [...init.slots.values()] : [])));
  const declared = programs.filter((program) => xdpFitness(program) === 'declared');
  return declared.find((program) => !called.has(program.name)) ?? declared[0] ?? first;
}

/** The place of an instruction of the object's program `index`. */
export function placeOf({ lines }: Subject, program: number, pc: number): LinePlace | undefined {
  const found = lines.placeOf(lines.numberOf(program, pc));
  return found === undefined ? undefined : { file: lines.files.indexOf(found.file), line: found.line };
}

/** All of it as plain data. */
export function describe(subject: Subject): Opened {
  const { object, program, lines, verdicts } = subject;
  return {
    object: object.name,
    programs: object.programs.map(({ name, section, insns }) => ({ name, section, insns: insns.length })),
    program: program.name,
    maps: object.maps.map(({ name, type, keySize, valueSize, maxEntries }) => ({
      name,
      type,
      keySize,
      valueSize,
      maxEntries,
    })),
    files: lines.files.map((file) => ({
      name: file,
      lines: lines.linesOf(file).map((line) => ({ line, text: lines.textOf({ file, line }) ?? '' })),
    })),
    insns: insnsOf(subject),
    refusal: refusalOf(verdicts.of(program)),
  };
}

function insnsOf(subject: Subject): InsnInfo[] {
  const { object, program, index } = subject;
  const names = programNames(object, program);
  const functions = new Map(program.functions.map(({ name, start }) => [start, name]));
  const insns: InsnInfo[] = [];
  for (let pc = 0; pc < program.insns.length; pc++) {
    const text = formatInsn(program.insns, pc, 'llvm', names);
    insns.push({ pc, text, fn: functions.get(pc), place: placeOf(subject, index, pc) });
    // A 64-bit load takes two slots, of which the second is no instruction.
    if (program.insns[pc]?.code === 0x18) pc++;
  }
  return insns;
}

function refusalOf({ accepted, failure }: Verdict): Refusal | undefined {
  if (accepted || failure === undefined) return undefined;
  const { explanation, insn, message } = failure;
  return {
    message,
    insn: insn < 0 ? undefined : insn,
    source: explanation.source,
    known: explanation.known,
    hint: explanation.hint,
  };
}
