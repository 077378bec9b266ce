/**
 * `jitnic diff`: do two objects decide alike? Equal code decides alike, and what the solver proves to be the same over
 * equal maps; otherwise packets are looked for that tell them apart: those of a capture, in order and with the maps as
 * they become, and one for each path that a search finds in either program, each from the maps as they were given.
 * What is not found is no proof.
 */
import { type ExitCode, exitCodes, UsageError } from '../base/index.js';
import { encodeInsns } from '../isa/index.js';
import { summarize } from '../packet/index.js';
import { count, formatNumber, formatTable, hex, wholeNumber, wrapWords } from '../text/index.js';
import { verify } from '../verifier/index.js';
import { readPackets } from './capture-input.js';
import { type CliCommand, defineCommand, type Io } from './command.js';
import { type Compared, Comparing } from './diff-compare.js';
import { proveProgram, sameTargets } from './diff-proof.js';
import type { FunctionProof } from './opt-proofs.js';
import { declareReading } from './program-file.js';
import { type Chosen, openProgram, readMapsIn, type SessionFlags } from './run-options.js';

interface Options extends SessionFlags {
  readonly budget?: string;
  readonly effort?: string;
  readonly proof?: boolean;
}

/** Starts that a search tries for each of the two. */
const defaultBudget = 5000;

/** Starts of the first look for a difference, before a solver is asked, and of the one behind it. */
const firstBudget = 300;
const secondBudget = 1500;

/** What the looks may take in all (explore/follow/effort.ts). */
const searchEffort = 20_000_000;

/** Differences that are told. */
const mostTold = 8;

/** Exit 1 where the versions decide differently. JSON: `jitnic.diff/1`. */
export const command: CliCommand = defineCommand<Options>({
  declare: (command) => {
    declareReading(command);
    command
      .argument('<old>', 'ELF object, .c, .s')
      .argument('<new>', 'the other one')
      .argument('[program]', 'program or section in both; may be left out where there is only one')
      .option('-r, --read <file>', 'packets to compare them on, in order')
      .option('-c, --count <n>', 'of these so many at most')
      .option('--maps-in <file>', 'contents of maps of both before the first packet')
      .option(
        '--budget <n>',
        `starts that the search tries for each (default ${formatNumber(defaultBudget)}, or fewer that tell them apart)`,
      )
      .option('--effort <n>', 'look and think so many times as long as usual, which is some seconds', '1')
      .option('--no-proof', 'look for packets at once: do not ask a solver first')
      .addHelpText(
        'after',
        `
Examples:
  jitnic diff old.o new.o                  by proof, else packets are looked for
  jitnic diff old.o new.o -r traffic.pcap  and this traffic, maps compared in the end
  jitnic diff old.o new.o --effort 10      where that was undecided

Exit code 1: they differ. 0: the code is equal, proved to do the same, or no start that
was tried told them apart (undecided).`,
      );
  },
  run: async ([oldFile = '', newFile = '', name], options, io) => {
    if (oldFile === '-' && newFile === '-') throw new UsageError('two objects cannot both come from stdin');
    const budget = wholeNumber('--budget', options.budget, 0);
    const times = wholeNumber('--effort', options.effort, 1) ?? 1;
    const maps = await readMapsIn(options, io);
    const old = await openProgram(oldFile, name, options, io);
    const fresh = await openProgram(newFile, name ?? undefined, options, io);
    const isEqual =
      hex(encodeInsns(old.program.insns)) === hex(encodeInsns(fresh.program.insns)) &&
      sameData(old, fresh) &&
      sameTargets(old, fresh);
    const packets =
      options.read === undefined ? [] : await readPackets(options.read, io, wholeNumber('--count', options.count, 1));
    // Who names a budget has it spent, whatever it takes.
    const most = budget ?? times * defaultBudget;
    const effort = budget === undefined ? times * searchEffort : Number.POSITIVE_INFINITY;
    const comparing = isEqual
      ? undefined
      : await io.work('comparing', () => new Comparing({ old, fresh, packets, maps }));
    const look = (starts: number): Promise<void> =>
      io.work('comparing', () => comparing?.look(Math.min(starts, most), effort));
    const isFound = (): boolean => (comparing?.compared.partings.length ?? 0) > 0;
    // What is found soon need not be asked of a solver, who may think long about what is not so.
    await look(firstBudget);
    const proof =
      isEqual || isFound() || options.proof === false || !sameData(old, fresh)
        ? undefined
        : await proveProgram(old, fresh, times, io);
    // Who names a budget has it spent; else what tells them apart is enough.
    for (const starts of budget === undefined ? [secondBudget, most] : [most])
      if (proof?.verdict !== 'proved' && (budget !== undefined || !isFound())) await look(starts);
    const compared = proof?.verdict === 'proved' ? undefined : comparing?.compared;
    const work = isEqual
      ? undefined
      : await io.work('verifying', () => [verifierWork(old), verifierWork(fresh)] as const);
    const result = { old, fresh, isEqual, proof, compared, work };
    if (io.flags.json) io.json('jitnic.diff/1', diffJson(result));
    else io.out(diffText(result, io));
    return (compared?.partings.length ?? 0) > 0 ? exitCodes.negative : (exitCodes.ok as ExitCode);
  },
});

/** Instructions that the verifier processes for it. */
function verifierWork({ object, program }: Chosen): number {
  const { maps, btf, kernelBtf, license } = object;
  return verify(program, maps, { btf, kernelBtf, license, logLevel: 0 }).stats.insns;
}

/** Equal code means the same only over equal maps and data. */
function sameData(a: Chosen, b: Chosen): boolean {
  const shape = ({ object }: Chosen): string =>
    object.maps
      .map((map) =>
        [
          map.section,
          map.type,
          map.keySize,
          map.valueSize,
          map.maxEntries,
          map.init?.kind === 'data' ? hex(map.init.bytes) : '',
        ].join(),
      )
      .join('|');
  return shape(a) === shape(b);
}

interface Result {
  readonly old: Chosen;
  readonly fresh: Chosen;
  readonly isEqual: boolean;
  readonly proof: FunctionProof | undefined;
  readonly compared: Compared | undefined;
  /** Instructions that the verifier processes; undefined where the code is equal. */
  readonly work: readonly [old: number, fresh: number] | undefined;
}

function diffJson({ old, fresh, isEqual, proof, compared, work }: Result): Record<string, unknown> {
  return {
    old: { object: old.object.name, program: old.program.name, insns: old.program.insns.length },
    new: { object: fresh.object.name, program: fresh.program.name, insns: fresh.program.insns.length },
    equal_code: isEqual,
    proof: proof === undefined ? undefined : { verdict: proof.verdict, why: proof.why },
    packets: compared?.packets ?? 0,
    made: compared?.made ?? 0,
    starts: compared?.starts ?? 0,
    searched_all: compared?.isAll ?? false,
    skipped: compared?.skipped ?? 0,
    verifier_insns: work === undefined ? undefined : { old: work[0], new: work[1] },
    steps: compared === undefined ? undefined : { old: compared.steps[0], new: compared.steps[1] },
    classes: compared?.classes.map(({ name, packets, old: a, new: b }) => ({ class: name, packets, old: a, new: b })),
    differences: (compared?.partings ?? []).map(({ packet, data, start, what, old: a, new: b, fields }) => ({
      packet: packet === 0 ? undefined : packet,
      data: data.length === 0 ? undefined : data,
      maps: start?.maps,
      full: start?.full,
      metadata: start?.metadata,
      clock: start?.clock?.toString(),
      ifindex: start?.ifindex,
      what,
      old: a,
      new: b,
      fields,
    })),
  };
}

const sideColumns = [{ title: '' }, { title: 'old', align: 'right' }, { title: 'new', align: 'right' }] as const;

function diffText({ old, fresh, isEqual, proof, compared, work }: Result, io: Io): string {
  if (isEqual) return `${io.style.bold('equal')}: the same code, maps and data\n`;
  const rows: [string, number, number][] = [['instructions', old.program.insns.length, fresh.program.insns.length]];
  if (work !== undefined) rows.push(["verifier's instructions", ...work]);
  if (proof?.verdict === 'proved') {
    const text = `${io.style.bold('proved')}: they do the same, whatever the packet is and the maps hold\n`;
    return `${text}\n${formatTable(sideColumns, rows, '', io.width)}`;
  }
  if (compared === undefined) return '';
  const { partings, packets, made, starts, isAll, skipped, steps, classes } = compared;
  const more = packets === 0 ? '' : `, ${formatNumber(packets)} of the capture`;
  let text: string;
  if (partings.length > 0)
    text = `${io.style.bold(count(partings.length, 'difference'))} in ${count(made, 'packet')} made for paths of either${more}\n`;
  else {
    const end = isAll ? 'the searches have gone every path' : '`--effort` looks longer';
    const why = proof?.why === undefined ? 'that is no proof' : `that is no proof: ${proof.why}`;
    text = `${io.style.bold('undecided')}: no difference found in ${count(starts, 'start')} (${count(made, 'packet')} made${more}); ${end}; ${why}\n`;
  }
  for (const { packet, data, start, what, old: a, new: b, fields } of partings.slice(0, mostTold)) {
    const head = data.length === 0 ? '' : `${packet === 0 ? 'made' : `packet ${packet}`}: ${summarize(data)}\n  `;
    text += `\n${head}${what}: ${a} -> ${b}\n`;
    for (const field of fields) text += `    ${field.name}: ${field.expected} -> ${field.actual}\n`;
    if (data.length > 0) text += `    ${hex(data)}\n`;
    if (start?.clock !== undefined) text += `    clock: ${start.clock}\n`;
    if (start?.ifindex !== undefined) text += `    ifindex: ${start.ifindex}\n`;
    if (start?.metadata !== undefined) text += `    metadata: ${hex(start.metadata)}\n`;
    if (start?.full !== undefined) text += `    full: ${start.full.join(', ')}\n`;
    for (const [name, list] of Object.entries(start?.maps ?? {}))
      for (const entry of list) text += `    ${name}: ${JSON.stringify(entry)}\n`;
  }
  if (partings.length > mostTold) text += `\n... and ${partings.length - mostTold} more; -j has all\n`;
  if (skipped > 0) {
    const line = `${count(skipped, 'packet')} of a path not compared: it needs elements that the other's maps cannot hold`;
    text += `\n${wrapWords(line, io.width, '  ').join('\n')}\n`;
  }
  const mean = (name: string, all: number, a: number, b: number): void => {
    rows.push([name, Math.round(a / Math.max(1, all)), Math.round(b / Math.max(1, all))]);
  };
  mean('instructions a packet', made + packets, ...steps);
  for (const each of classes) mean(`  ${each.name} (${formatNumber(each.packets)})`, each.packets, each.old, each.new);
  return `${text}\n${formatTable(sideColumns, rows, '', io.width)}`;
}
