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
import { type Compared, compare } from './diff-compare.js';
import { proveProgram } from './diff-proof.js';
import type { FunctionProof } from './opt-proofs.js';
import { declareReading } from './program-file.js';
import { type Chosen, openProgram, readMapsIn, type SessionFlags } from './run-options.js';

interface Options extends SessionFlags {
  readonly budget?: string;
  readonly proof?: boolean;
}

/** Packets that a search makes for each of the two. */
const defaultBudget = 5000;

/** Starts of the first look for a difference, before a solver is asked, and of the one behind it. */
const firstBudget = 300;
const secondBudget = 1500;

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
        `packets that the search for paths makes for each (default ${formatNumber(defaultBudget)}, or fewer that tell them apart)`,
      )
      .option('--no-proof', 'look for packets at once: do not ask a solver first')
      .addHelpText(
        'after',
        `
Examples:
  jitnic diff old.o new.o                  by proof, else packets are looked for
  jitnic diff old.o new.o -r traffic.pcap  and this traffic, maps compared in the end

Exit code 1: they differ. 0: the code is equal, proved to do the same, or no packet
told them apart (tested).`,
      );
  },
  run: async ([oldFile = '', newFile = '', name], options, io) => {
    if (oldFile === '-' && newFile === '-') throw new UsageError('two objects cannot both come from stdin');
    const budget = wholeNumber('--budget', options.budget, 0) ?? defaultBudget;
    const maps = await readMapsIn(options, io);
    const old = await openProgram(oldFile, name, options, io);
    const fresh = await openProgram(newFile, name ?? undefined, options, io);
    const isEqual =
      hex(encodeInsns(old.program.insns)) === hex(encodeInsns(fresh.program.insns)) && sameData(old, fresh);
    const packets =
      options.read === undefined ? [] : await readPackets(options.read, io, wholeNumber('--count', options.count, 1));
    const comparing = (most: number): Promise<Compared> =>
      io.work('comparing', () => compare({ old, fresh, packets, maps, budget: Math.min(most, budget) }));
    // What is found soon need not be asked of a solver, who may think long about what is not so.
    const first = isEqual ? undefined : await comparing(firstBudget);
    const differ = (compared: Compared | undefined): boolean => (compared?.partings.length ?? 0) > 0;
    const isFound = differ(first);
    const proof =
      isEqual || isFound || options.proof === false || !sameData(old, fresh)
        ? undefined
        : await proveProgram(old, fresh, io);
    const isSure = isEqual || proof?.verdict === 'proved';
    let compared = isSure ? undefined : first;
    // Who names a budget has it spent; else what tells them apart is enough.
    const isEnough = (): boolean => isSure || (options.budget === undefined && differ(compared));
    for (const most of options.budget === undefined ? [secondBudget, budget] : [budget])
      if (!isEnough() && budget > firstBudget) compared = await comparing(most);
    const work = isEqual
      ? undefined
      : await io.work('verifying', () => [verifierWork(old), verifierWork(fresh)] as const);
    const result = { old, fresh, isEqual, proof, compared, work };
    if (io.flags.json) io.json('jitnic.diff/1', diffJson(result));
    else io.out(diffText(result, io));
    return differ(compared) ? exitCodes.negative : (exitCodes.ok as ExitCode);
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
    return `${text}\n${formatTable(sideColumns, rows)}`;
  }
  if (compared === undefined) return '';
  const { partings, packets, made, skipped, steps, classes } = compared;
  const tried = `${count(made, 'packet')} made for paths of either${packets === 0 ? '' : `, ${formatNumber(packets)} of the capture`}`;
  let text =
    partings.length === 0
      ? `${io.style.bold('tested')}: no difference in ${tried}; that is no proof${proof?.why === undefined ? '' : ` (${proof.why})`}\n`
      : `${io.style.bold(count(partings.length, 'difference'))} in ${tried}\n`;
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
  return `${text}\n${formatTable(sideColumns, rows)}`;
}
