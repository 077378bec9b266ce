/** `jitnic card compile FILE [PROG] --card nfp4000`: a program as instructions of a card's cores. */
import { type ExitCode, exitCodes } from '../base/index.js';
import { formatInsn } from '../isa/index.js';
import {
  type CardDescription,
  compileManycore,
  formatManycore,
  imageOf,
  type ManycoreCompilation,
  type ManycoreOptimization,
  type ManycoreProgram,
  manycoreOptimizationNames,
  manycoreOptimizations,
  numberOf,
} from '../nic/index.js';
import type { ObjectSpec, ProgramSpec } from '../object/index.js';
import { formatTable, wrapWords } from '../text/index.js';
import { Verdicts } from '../verifier/index.js';
import { chosenNames } from './chosen-names.js';
import type { Io } from './command.js';
import { writeOutput } from './files.js';

/** Flags of `card compile` that are for cores. */
interface CoresFlags {
  readonly published?: true;
  readonly without?: readonly string[];
  readonly print?: true;
  readonly image?: string;
}

/** Exit 1 where the program does not fit the card; with `--published` also where the driver of Linux refuses it. */
export async function compileForCores(
  card: CardDescription,
  object: ObjectSpec,
  program: ProgramSpec,
  options: CoresFlags,
  io: Io,
): Promise<ExitCode> {
  const on = new Set(chosenNames<ManycoreOptimization>(manycoreOptimizationNames, options.without));
  const { insns, name, section } = program;
  const facts = await io.work('verifying', () => Verdicts.of(object, { facts: true }).factsOf(program));
  const compile = (optimizations: ReadonlySet<ManycoreOptimization>): Promise<ManycoreCompilation> =>
    io.work('compiling', () => compileManycore(insns, { optimizations, facts }));
  const made = await compile(on);
  const head = { operation: 'compile', card: card.name, program: name };
  const refusal = made.kind === 'refused' ? made : firstExtension(made, options.published === true);
  if (made.kind === 'refused' || refusal !== undefined) {
    const { what = '', insn = 0 } = refusal ?? {};
    if (io.flags.json) io.json('jitnic.card/1', { ...head, fits: false, reason: what, insn });
    else
      io.out(
        `${wrapWords(`${name}: does not fit ${card.name}: section ${section}: insn ${insn}: ${what}`, io.width, '  ').join('\n')}\n`,
      );
    return exitCodes.negative;
  }
  if (options.image !== undefined) await writeOutput(options.image, imageBytes(made), io);
  const most = numberOf(card, 'limits.instructions');
  const fits = made.code.length <= most;
  const steps = await savings(made, on, compile);
  const extensions = [...made.extensions].map(([what, insn]) => ({ what, insn }));
  const names = (slot: number): string => formatInsn(insns, slot, 'llvm', { map: (index) => object.maps[index]?.name });
  const text = options.print === true ? formatManycore(made, names) : undefined;
  const counts = { slots: made.size, operations: made.code.length, commands: commandsOf(made), most_rows: most };
  if (io.flags.json) {
    io.json('jitnic.card/1', {
      ...head,
      fits,
      ...counts,
      optimizations: steps,
      extensions,
      code: text?.trimEnd().split('\n'),
    });
    return fits ? exitCodes.ok : exitCodes.negative;
  }
  if (text !== undefined) io.out(`${text}\n`);
  io.out(`${io.style.bold(name)} on a core of ${card.name} (model)\n`);
  io.out(`${made.size} slots, ${made.code.length} instructions, ${counts.commands} commands to memory\n\n`);
  io.out(
    formatTable(
      [
        { title: 'optimization' },
        { title: 'instructions saved', align: 'right' },
        { title: 'commands saved', align: 'right' },
        { title: 'what' },
      ],
      steps.map(({ name: step, removed, commands, what }) => [step, removed, commands, what]),
      '',
      io.width,
    ),
  );
  if (extensions.length > 0) io.out("\nbeyond what Linux's driver compiles (--published refuses it):\n");
  for (const { what, insn } of extensions) io.out(`  insn ${insn}: ${what}\n`);
  if (!fits) io.out(`\ndoes not fit: ${made.code.length} instructions, ${card.name} has ${most}\n`);
  return fits ? exitCodes.ok : exitCodes.negative;
}

/** What each optimization takes out, as the others are. */
async function savings(
  made: ManycoreProgram,
  on: ReadonlySet<ManycoreOptimization>,
  compile: (optimizations: ReadonlySet<ManycoreOptimization>) => Promise<ManycoreCompilation>,
): Promise<{ name: string; removed: number; commands: number; what: string }[]> {
  const found = [];
  for (const { name, what } of manycoreOptimizations.filter((row) => on.has(row.name))) {
    const without = await compile(new Set([...on].filter((other) => other !== name)));
    const [more, commands] = without.kind === 'compiled' ? [without.code.length, commandsOf(without)] : [0, 0];
    found.push({ name, removed: more - made.code.length, commands: commands - commandsOf(made), what });
  }
  return found;
}

/** With `--published`: what the driver refuses, by the first slot that has it. */
function firstExtension(made: ManycoreProgram, isAsked: boolean): { what: string; insn: number } | undefined {
  const [first] = isAsked ? [...made.extensions].sort(([, x], [, y]) => x - y) : [];
  return first === undefined ? undefined : { what: `Linux's driver does not compile ${first[0]}`, insn: first[1] };
}

function commandsOf({ code }: ManycoreProgram): number {
  return code.filter(({ kind }) => kind === 'command').length;
}

/** Eight bytes a word, little endian. */
function imageBytes(made: ManycoreProgram): Uint8Array {
  const words = imageOf(made);
  const view = new DataView(new ArrayBuffer(8 * words.length));
  for (const [i, word] of words.entries()) view.setBigUint64(8 * i, word, true);
  return new Uint8Array(view.buffer);
}
