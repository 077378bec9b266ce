/**
 * `jitnic diff`: do two objects decide alike? Equal code decides alike, and what the solver proves to be the same over
 * equal maps; otherwise packets are looked for that tell them apart: those of a capture, in order and with the maps as
 * they become, and one for each path that a search finds in either program, each from the maps as they were given.
 * What is not found is no proof.
 */
import { type ExitCode, exitCodes, UsageError } from '../base/index.js';
import { fillMaps, type StartState } from '../explore/index.js';
import { Interpreter } from '../interp/index.js';
import { encodeInsns } from '../isa/index.js';
import type { ObjectSpec } from '../object/index.js';
import { type FieldDifference, packetDifferences, packetsOf, summarize } from '../packet/index.js';
import { verdictName } from '../platform/index.js';
import { count, formatNumber, formatTable, hex, wholeNumber } from '../text/index.js';
import { Verdicts } from '../verifier/index.js';
import { formatOutput, formatTrap, loadMaps, Machine, MapStore, type MapsFile } from '../vm/index.js';
import { openCaptureFile } from './capture-input.js';
import { type CliCommand, defineCommand, type Io } from './command.js';
import { proveProgram } from './diff-proof.js';
import type { FunctionProof } from './opt-proofs.js';
import { findPaths } from './path-finder.js';
import { declareReading } from './program-file.js';
import { type Chosen, openProgram, readMapsIn, type SessionFlags } from './run-options.js';
import { entriesJson } from './start-text.js';

interface Options extends SessionFlags {
  readonly budget?: string;
  readonly proof?: boolean;
}

/** Packets that a search makes for each of the two. */
const defaultBudget = 5000;

/** Differences that are told. */
const mostTold = 8;

/** Where two programs part. */
interface Parting {
  /** Of the capture, from 1; 0: it was made. */
  readonly packet: number;
  readonly data: Uint8Array;
  /** Elements that a packet that was made finds, as in map files. */
  readonly maps?: ReturnType<typeof entriesJson> | undefined;
  readonly what: string;
  readonly old: string;
  readonly new: string;
  readonly fields: readonly FieldDifference[];
}

/** One of the two, alive. */
interface Side {
  readonly chosen: Chosen;
  readonly machine: Machine;
  readonly run: (data: Uint8Array, time: bigint) => Decision;
}

interface Decision {
  readonly verdict: string;
  readonly bytes: Uint8Array;
  readonly redirect: string;
  readonly outputs: string;
  readonly trap: string | undefined;
  readonly steps: number;
}

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
        `packets that the search for paths makes for each (default ${formatNumber(defaultBudget)})`,
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
      options.read === undefined ? [] : await readPackets(options.read, wholeNumber('--count', options.count, 1), io);
    const proof =
      isEqual || options.proof === false || !sameData(old, fresh) ? undefined : await proveProgram(old, fresh, io);
    const isSure = isEqual || proof?.verdict === 'proved';
    const compared = isSure ? undefined : io.breakable('comparing', () => compare(old, fresh, packets, maps, budget));
    const result = { old, fresh, isEqual, proof, compared };
    if (io.flags.json) io.json('jitnic.diff/1', diffJson(result));
    else io.out(diffText(result, io));
    return (compared?.partings.length ?? 0) > 0 ? exitCodes.negative : (exitCodes.ok as ExitCode);
  },
});

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

interface Compared {
  readonly partings: readonly Parting[];
  /** Packets of the capture, and packets that were made. */
  readonly packets: number;
  readonly made: number;
  /** Sums over all packets. */
  readonly steps: readonly [old: number, fresh: number];
}

function compare(
  old: Chosen,
  fresh: Chosen,
  packets: readonly { readonly data: Uint8Array; readonly time: bigint }[],
  maps: MapsFile | undefined,
  budget: number,
): Compared {
  const partings: Parting[] = [];
  const [a, b] = [sideOf(old, maps), sideOf(fresh, maps)];
  let [oldSteps, freshSteps] = [0, 0];
  const judge = (data: Uint8Array, time: bigint, number: number): void => {
    const [left, right] = [a.run(data, time), b.run(data, time)];
    oldSteps += left.steps;
    freshSteps += right.steps;
    const found = partingOf(left, right);
    if (found !== undefined) partings.push({ packet: number, data, ...found });
  };
  let made = 0;
  // Starts bring the elements that they need.
  const bare = [sideOf(old, undefined), sideOf(fresh, undefined)] as const;
  for (const { object, program } of [old, fresh]) {
    const options = {
      verdicts: Verdicts.of(object),
      budget,
      searchSeed: 1,
      known: [],
      maps: contentsFor(object, maps),
    };
    const found = findPaths(object, program, { ...options, seeds: packets.slice(0, 500).map(({ data }) => data) });
    for (const { start } of found.paths) {
      made++;
      const parting = judgeStart(start, object, bare);
      oldSteps += parting.steps[0];
      freshSteps += parting.steps[1];
      if (parting.found !== undefined) partings.push(parting.found);
    }
  }
  for (const [i, { data, time }] of packets.entries()) {
    judge(data, time, i + 1);
    // After the first difference of a run the maps are not the same any more.
    if (partings.some(({ packet }) => packet > 0)) break;
  }
  if (partings.length === 0 && packets.length > 0) partings.push(...mapPartings(a, b));
  return { partings, packets: packets.length, made, steps: [oldSteps, freshSteps] };
}

/** Runs a start of one of the two on both. `object`: whose maps its elements are in; the other has them by name. */
function judgeStart(
  { packet, now, entries }: StartState,
  object: ObjectSpec,
  sides: readonly [Side, Side],
): { readonly found: Parting | undefined; readonly steps: readonly [number, number] } {
  const [left, right] = sides.map((side): Decision => {
    const { machine } = side;
    const own = entries.flatMap((entry) => {
      const spec = object.maps[entry.map];
      const map = machine.maps.findIndex((each) => each.spec.name === spec?.name);
      const fits = map >= 0 && machine.maps[map]?.spec.keySize === entry.key.length;
      return fits && machine.maps[map]?.spec.valueSize === entry.value.length ? [{ ...entry, map }] : [];
    });
    machine.transaction.begin();
    fillMaps(machine, own);
    const decision = side.run(packet, now);
    machine.transaction.rollback();
    return decision;
  }) as [Decision, Decision];
  const parting = partingOf(left, right);
  const maps = entries.length === 0 ? undefined : entriesJson(new MapStore(object), entries);
  const found = parting && { packet: 0, data: packet, maps, ...parting };
  return { found, steps: [left.steps, right.steps] };
}

/** Maps of the file that the object has. */
function contentsFor(object: ObjectSpec, maps: MapsFile | undefined): { readonly contents: MapsFile } | undefined {
  if (maps === undefined) return undefined;
  const own = Object.entries(maps.maps).filter(([name]) => object.maps.some((map) => map.name === name));
  return { contents: { maps: Object.fromEntries(own) } };
}

function sideOf(chosen: Chosen, maps: MapsFile | undefined): Side {
  const { object, program } = chosen;
  const machine = new Machine(object);
  const contents = contentsFor(object, maps);
  if (contents !== undefined) loadMaps(machine, contents.contents);
  const loaded = machine.programs[object.programs.indexOf(program)] as Machine['programs'][number]; // it is the object's
  machine.admit(loaded);
  const interpreter = new Interpreter(machine);
  const run = (data: Uint8Array, time: bigint): Decision => {
    machine.setPacket({ data, now: time, ingressIfindex: 1, frags: program.frags });
    const { verdict, steps, trap } = interpreter.run(loaded);
    const name = verdictName(verdict);
    return {
      verdict: name,
      bytes: machine.lane.packet.bytes(),
      redirect: name === 'REDIRECT' ? JSON.stringify(machine.redirect) : '',
      outputs: machine.outputs.map((output) => formatOutput(object, output, new Map()).text).join(' | '),
      trap: trap === undefined ? undefined : formatTrap(trap),
      steps,
    };
  };
  return { chosen, machine, run };
}

function partingOf(left: Decision, right: Decision): Omit<Parting, 'packet' | 'data'> | undefined {
  const say = (
    what: string,
    a: string,
    b: string,
    fields: readonly FieldDifference[] = [],
  ): Omit<Parting, 'packet' | 'data'> => ({
    what,
    old: a,
    new: b,
    fields,
  });
  if (left.trap !== undefined || right.trap !== undefined)
    return left.trap === right.trap ? undefined : say('what stops it', left.trap ?? 'nothing', right.trap ?? 'nothing');
  if (left.verdict !== right.verdict) return say('verdict', left.verdict, right.verdict);
  if (left.redirect !== right.redirect) return say('redirect', left.redirect, right.redirect);
  // Nobody sees what became of a packet that is dropped.
  const fields =
    left.verdict === 'DROP' || left.verdict === 'ABORTED' ? [] : packetDifferences(left.bytes, right.bytes);
  if (fields.length > 0) return say('packet', `${left.bytes.length} bytes`, `${right.bytes.length} bytes`, fields);
  return left.outputs === right.outputs
    ? undefined
    : say('lines and records', left.outputs || 'none', right.outputs || 'none');
}

/** Maps by name, element by element. */
function mapPartings(a: Side, b: Side): Parting[] {
  const found: Parting[] = [];
  const none = new Uint8Array(0);
  for (const map of a.machine.maps) {
    const other = b.machine.maps.find(({ spec }) => spec.name === map.spec.name);
    if (map.isConstant || other === undefined || other.spec.valueSize !== map.spec.valueSize) continue;
    const values = (of: typeof map): Map<string, string> =>
      new Map([...of.writtenEntries()].map(({ key, value }) => [hex(key), hex(value)]));
    const [left, right] = [values(map), values(other)];
    const key = [...new Set([...left.keys(), ...right.keys()])].find((one) => left.get(one) !== right.get(one));
    if (key === undefined) continue;
    const what = `map \`${map.spec.name}\`, key ${key}, after the last packet`;
    found.push({
      packet: 0,
      data: none,
      what,
      old: left.get(key) ?? 'nothing',
      new: right.get(key) ?? 'nothing',
      fields: [],
    });
  }
  return found;
}

async function readPackets(
  path: string,
  limit: number | undefined,
  io: Io,
): Promise<{ data: Uint8Array; time: bigint }[]> {
  const packets: { data: Uint8Array; time: bigint }[] = [];
  const input = await openCaptureFile(path, io);
  for await (const batch of input.batches())
    for (const { data, time } of packetsOf(batch))
      if (packets.length < (limit ?? Number.POSITIVE_INFINITY)) packets.push({ data: data.slice(), time });
  return packets;
}

interface Result {
  readonly old: Chosen;
  readonly fresh: Chosen;
  readonly isEqual: boolean;
  readonly proof: FunctionProof | undefined;
  readonly compared: Compared | undefined;
}

function diffJson({ old, fresh, isEqual, proof, compared }: Result): Record<string, unknown> {
  return {
    old: { object: old.object.name, program: old.program.name, insns: old.program.insns.length },
    new: { object: fresh.object.name, program: fresh.program.name, insns: fresh.program.insns.length },
    equal_code: isEqual,
    proof: proof === undefined ? undefined : { verdict: proof.verdict, why: proof.why },
    packets: compared?.packets ?? 0,
    made: compared?.made ?? 0,
    steps: compared === undefined ? undefined : { old: compared.steps[0], new: compared.steps[1] },
    differences: (compared?.partings ?? []).map(({ packet, data, maps, what, old: a, new: b, fields }) => ({
      packet: packet === 0 ? undefined : packet,
      data: data.length === 0 ? undefined : data,
      maps,
      what,
      old: a,
      new: b,
      fields,
    })),
  };
}

const sideColumns = [{ title: '' }, { title: 'old', align: 'right' }, { title: 'new', align: 'right' }] as const;

function diffText({ old, fresh, isEqual, proof, compared }: Result, io: Io): string {
  if (isEqual) return `${io.style.bold('equal')}: the same code, maps and data\n`;
  const sizes: [string, number, number] = ['instructions', old.program.insns.length, fresh.program.insns.length];
  if (proof?.verdict === 'proved') {
    const text = `${io.style.bold('proved')}: they do the same, whatever the packet is and the maps hold\n`;
    return `${text}\n${formatTable(sideColumns, [sizes])}`;
  }
  if (compared === undefined) return '';
  const { partings, packets, made, steps } = compared;
  const tried = `${count(made, 'packet')} made for paths of either${packets === 0 ? '' : `, ${formatNumber(packets)} of the capture`}`;
  let text =
    partings.length === 0
      ? `${io.style.bold('tested')}: no difference in ${tried}; that is no proof${proof?.why === undefined ? '' : ` (${proof.why})`}\n`
      : `${io.style.bold(count(partings.length, 'difference'))} in ${tried}\n`;
  for (const { packet, data, maps, what, old: a, new: b, fields } of partings.slice(0, mostTold)) {
    const head = data.length === 0 ? '' : `${packet === 0 ? 'made' : `packet ${packet}`}: ${summarize(data)}\n  `;
    text += `\n${head}${what}: ${a} -> ${b}\n`;
    for (const field of fields) text += `    ${field.name}: ${field.expected} -> ${field.actual}\n`;
    if (data.length > 0) text += `    ${hex(data)}\n`;
    for (const [name, list] of Object.entries(maps ?? {}))
      for (const entry of list) text += `    ${name}: ${JSON.stringify(entry)}\n`;
  }
  if (partings.length > mostTold) text += `\n... and ${partings.length - mostTold} more; -j has all\n`;
  const all = Math.max(1, made + packets);
  const rows = [sizes, ['instructions a packet', Math.round(steps[0] / all), Math.round(steps[1] / all)]];
  return `${text}\n${formatTable(sideColumns, rows)}`;
}
