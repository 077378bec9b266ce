/**
 * A program that the kernel refuses, as an error: the verifier's own words, and the line of the source that they are
 * about.
 */
import { InputError } from '../base/index.js';
import type { LineSpec, ObjectSpec, ProgramSpec } from '../object/index.js';
import { errnoName } from '../platform/index.js';
import type { LoadRefusal } from './bpf-types.js';

/**
 * The line of a verifier log that says why: the last one that is neither an instruction, a source line nor a
 * statistic.
 */
export function lastWords(log: string): string {
  const lines = log.trim().split('\n');
  const telling = lines.filter(
    (line) => !/^(processed \d+|verification time|stack depth|mark_precise|peak_states|func#)/.test(line),
  );
  return telling.at(-1) ?? '';
}

/** Slot of the last instruction that the log shows: the verifier stopped there. */
export function lastInsn(log: string): number | undefined {
  const shown = [...log.matchAll(/^(\d+): \([0-9a-f]{2}\)/gm)].at(-1)?.[1];
  return shown === undefined ? undefined : Number(shown);
}

/** The kernel's refusal as an InputError: the verifier's last words, and the source line that they are about. */
export function explainRefusal(
  object: ObjectSpec,
  program: ProgramSpec,
  refusal: LoadRefusal | { readonly fd: number } | undefined,
): InputError {
  if (refusal === undefined || 'fd' in refusal) {
    return new InputError(`program \`${program.name}\` is not one that is loaded`, { file: object.name });
  }
  const insn = lastInsn(refusal.log);
  const line = insn === undefined ? undefined : sourceLine(program, insn);
  const place = line === undefined ? {} : { source: `${line.file}:${line.line}` };
  const words = lastWords(refusal.log) || 'it says no more';
  return new InputError(`the kernel refuses program \`${program.name}\` with ${errnoName(refusal.errno)}: ${words}`, {
    file: object.name,
    section: program.section,
    ...(insn === undefined ? {} : { insn }),
    ...place,
  });
}

/** The line record that holds at an instruction. */
function sourceLine(program: ProgramSpec, insn: number): LineSpec | undefined {
  return program.lines.findLast((line) => line.insn <= insn);
}
