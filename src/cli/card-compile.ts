/** `jitnic card compile FILE [PROG] --card hxdp`: a program as rows of a VLIW core, and what each optimization did. */
import type { Command } from 'commander';
import { type ExitCode, exitCodes, UsageError } from '../base/index.js';
import {
  type Compilation,
  compileProgram,
  formatRows,
  manycoreOptimizationNames,
  numberOf,
  type OptimizationName,
  optimizationNames,
  optimizations,
  publishedOptimizations,
} from '../nic/index.js';
import { formatShare, formatTable, wholeNumber, wrapWords } from '../text/index.js';
import { compileForCores } from './card-compile-manycore.js';
import { cardFlagHelp, openCard } from './card-file.js';
import { chosenNames } from './chosen-names.js';
import type { Io } from './command.js';
import { chooseProgram, declareReading, openProgramFile, type ReadingFlags } from './program-file.js';

/** The flags of `card compile`. */
export interface CompileFlags extends ReadingFlags {
  readonly card?: string;
  readonly lanes?: string;
  readonly published?: true;
  readonly without?: readonly string[];
  readonly print?: true;
  readonly image?: string;
}

/** Declares {@link CompileFlags}. */
export function declareCompile(command: Command): void {
  declareReading(command);
  command
    .option('--card <card>', `compile: ${cardFlagHelp}`)
    .option('--lanes <n>', 'compile: lanes, 1 to 8 (default: the card has)')
    .option('--published', 'compile: only what the paper about the core describes')
    .option(
      '--without <name>',
      `compile: without ${optimizationNames.join(', ')} (hxdp), ${manycoreOptimizationNames.join(', ')} (nfp4000); may be given several times, or a list`,
      (word: string, before: readonly string[] | undefined) => [...(before ?? []), ...word.split(',')],
    )
    .option('--print', 'compile: the rows, or instructions')
    .option('--image <file>', 'compile: the instruction store, eight bytes a word (cards of kind manycore)');
}

/** Exit 1 where the program does not fit the card. */
export async function compileForCard(
  file: string,
  name: string | undefined,
  options: CompileFlags,
  io: Io,
): Promise<ExitCode> {
  const card = await openCard(options.card ?? 'hxdp', io);
  if (card.kind === 'pipeline')
    throw new UsageError(
      `\`${card.name}\` is of kind ${card.kind}: no compiler`,
      {},
      'cards of kind vliw and manycore have one: hxdp, hxdp-u50, nfp4000',
    );
  if (card.kind === 'manycore') {
    if (options.lanes !== undefined)
      throw new UsageError(`\`--lanes\`: cores of \`${card.name}\` do one instruction at a time`);
    const object = await openProgramFile(file, io, options);
    return compileForCores(card, object, chooseProgram(object, name), options, io);
  }
  if (options.image !== undefined) throw new UsageError(`\`--image\`: there is no image of \`${card.name}\``);
  const lanes = wholeNumber('--lanes', options.lanes, 1) ?? numberOf(card, 'units.lanes');
  if (lanes > 8) throw new UsageError(`\`--lanes ${lanes}\`: expected 1 to 8`);
  const on = chosen(options);
  const object = await openProgramFile(file, io, options);
  const { insns, name: program, section } = chooseProgram(object, name);
  const compile = (which: ReadonlySet<OptimizationName>): Promise<Compilation> =>
    io.work('compiling', () => compileProgram(insns, { lanes, optimizations: which }));
  const made = await compile(on);
  const head = { operation: 'compile', card: card.name, program, lanes };
  if (made.kind === 'refused') {
    if (io.flags.json) io.json('jitnic.card/1', { ...head, fits: false, reason: made.what, insn: made.insn });
    else
      io.out(
        `${wrapWords(`${program}: does not fit ${card.name}: section ${section}: insn ${made.insn}: ${made.what}`, io.width, '  ').join('\n')}\n`,
      );
    return exitCodes.negative;
  }
  const most = numberOf(card, 'limits.instructions');
  const fits = made.rows.length <= most;
  const steps: { name: OptimizationName; removed: number | undefined; rows: number; what: string }[] = [];
  for (const { name: step, what } of optimizations.filter((row) => on.has(row.name))) {
    const without = await compile(new Set([...on].filter((other) => other !== step)));
    const rows = without.kind === 'compiled' ? without.rows.length - made.rows.length : 0;
    steps.push({ name: step, removed: made.removed.get(step), rows, what });
  }
  const text = options.print === true ? formatRows(made, insns, (imm) => object.maps[imm]?.name ?? 'map') : undefined;
  const counts = { slots: made.slots, operations: made.operations, rows: made.rows.length, most_rows: most };
  if (io.flags.json) {
    io.json('jitnic.card/1', { ...head, fits, ...counts, optimizations: steps, code: text?.trimEnd().split('\n') });
    return fits ? exitCodes.ok : exitCodes.negative;
  }
  if (text !== undefined) io.out(`${text}\n`);
  const perRow = (made.operations / Math.max(1, made.rows.length)).toFixed(2);
  io.out(`${io.style.bold(program)} on ${card.name}, ${lanes} ${lanes === 1 ? 'lane' : 'lanes'} (model)\n`);
  io.out(`${made.slots} slots, ${made.operations} operations in ${made.rows.length} rows, ${perRow} a row\n\n`);
  io.out(
    formatTable(
      [
        { title: 'optimization' },
        { title: 'removed', align: 'right' },
        { title: 'of slots', align: 'right' },
        { title: 'rows saved', align: 'right' },
        { title: 'what' },
      ],
      steps.map(({ name: step, removed, rows, what }) => [
        step,
        removed,
        removed === undefined ? undefined : formatShare(removed, made.slots),
        rows,
        what,
      ]),
      '',
      io.width,
    ),
  );
  if (!fits) io.out(`\ndoes not fit: ${made.rows.length} rows, ${card.name} has ${most}\n`);
  return fits ? exitCodes.ok : exitCodes.negative;
}

/** The optimizations that the flags leave. Throws UsageError for a name that is none. */
function chosen({ published, without = [] }: CompileFlags): ReadonlySet<OptimizationName> {
  const left = chosenNames(optimizationNames, without);
  return new Set(published === true ? left.filter((name) => publishedOptimizations.has(name)) : left);
}
