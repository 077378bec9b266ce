/**
 * `npm run peers -- [--rounds N] [--only NAME] [--packets N] [--no-capture] [-O SETTING]`: compiled code beside native
 * peers, on the same bytecode and the same packets, in turns, by processor time (docs/jit.md, "Beside native code").
 *
 * Why in turns: the speed of a machine drifts over seconds, and both sides of a round see the same of it. So ratios
 * are taken round by round, and their median is told, with an interval by resampling rounds (bootstrap). A peer that
 * does something else than the interpreter with the first packet is an error, not a row.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InputError } from '../base/index.js';
import { Interpreter } from '../interp/index.js';
import {
  batch,
  batchTurn,
  bootstrap,
  type Interval,
  measureSpeed,
  packetStride,
  type SuiteEntry,
  standardPacket,
  suite,
} from '../judge/speed/index.js';
import { type ObjectSpec, readObject } from '../object/index.js';
import type { Settings } from '../opt/index.js';
import { formatTable } from '../text/index.js';
import { Machine } from '../vm/index.js';
import { type LoopPeer, openLoopPeer } from './peers/build.js';
import { captureRows } from './peers/capture.js';
import type { Row } from './peers/row.js';
import { negativeIf, numberFlag, optimizationFlag, optimizationOption, runTool } from './tool.js';

const usage = 'npm run peers -- [--rounds N] [--only NAME] [--packets N] [--no-capture] [-O SETTING]';

/** The programs that were published with figures of other JIT compilers. */
const published = ['parse-checksum', 'ipv6-filter', 'swap', 'alu-loop', 'jenkins', 'array-count', 'hash-count'];

/** At most this much of the peer's time, program by program, and in the geometric mean. */
const wanted = { each: 1, mean: 0.7 };

/** Seconds of a turn. */
const turn = 0.03;

/** Nanoseconds a packet, and the ratio that the rounds have. */
interface Compared {
  readonly name: string;
  readonly ours: number;
  readonly peer: number;
  readonly ratio: number;
  readonly interval: Interval | undefined;
}

await runTool(
  usage,
  {
    rounds: { type: 'string' },
    only: { type: 'string' },
    packets: { type: 'string' },
    'no-capture': { type: 'boolean' },
    ...optimizationOption,
  },
  (_operands, flags) => {
    const rounds = Math.max(1, numberFlag(flags, 'rounds', 21));
    const settings = optimizationFlag(flags);
    const chosen = suite.filter(
      ({ name }) => published.includes(name) && (flags['only'] === undefined || name === flags['only']),
    );
    const folder = mkdtempSync(join(tmpdir(), 'jitnic-peers-'));
    try {
      const compared = chosen.map((entry) => compare(entry, folder, rounds, settings));
      printPrograms(compared);
      const rows: Row[] = compared.map(({ name, ratio }) => ({ name, measured: ratio, most: wanted.each }));
      if (flags['only'] === undefined)
        rows.push({ name: 'geometric mean', measured: geometricMean(compared), most: wanted.mean });
      if (flags['no-capture'] !== true) rows.push(...captureRows(folder, numberFlag(flags, 'packets', 10_000_000)));
      return report(rows);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
);

/** Our compiled code and the peer's on one program, round by round. */
function compare(entry: SuiteEntry, folder: string, rounds: number, settings: Settings): Compared {
  const object = readObject(readFileSync(entry.object), { name: entry.object });
  const program = object.programs.find(({ name }) => name === entry.program);
  if (program === undefined) throw new InputError(`${entry.object}: no program ${entry.program}`);
  const packet = standardPacket();
  const peer = openLoopPeer(folder, program, object.maps, {
    packet,
    count: batch,
    stride: packetStride(packet.length),
  });
  requireSame(object, entry, packet, peer);
  const speed = measureSpeed(
    { object, program: entry.program, packet, fill: entry.fill },
    {
      engines: ['wasm'],
      bpf: undefined,
      rounds,
      turn,
      settings,
      beside: new Map([['peer', batchTurn(turn, (calls) => peer.run(calls))]]),
    },
  );
  if (speed.wasm === undefined || speed.restored) throw new InputError(`${entry.name}: ${speed.notes.join('; ')}`);
  const ours = speed.rounds.wasm;
  const theirs = speed.rounds.beside?.get('peer') ?? [];
  const ratioOf = (drawn: readonly number[]): number => median(drawn.map((i) => (ours[i] ?? 0) / (theirs[i] ?? 1)));
  return {
    name: entry.name,
    ours: median(ours),
    peer: median(theirs),
    ratio: ratioOf([...ours.keys()]),
    interval: bootstrap(rounds, ratioOf),
  };
}

/** One packet in the peer and in the interpreter: who does something else is not measured. */
function requireSame(object: ObjectSpec, entry: SuiteEntry, packet: Uint8Array, peer: LoopPeer): void {
  const machine = new Machine(object, { cpus: 1 });
  entry.fill?.(machine);
  const program = machine.programs.find(({ spec }) => spec.name === entry.program);
  if (program === undefined) throw new InputError(`no program ${entry.program}`);
  machine.admit(program);
  machine.setPacket({ data: packet, ingressIfindex: 1, now: 0n });
  const { verdict } = new Interpreter(machine).run(program);
  const bytes = machine.lane.packet.bytes();
  peer.run(1);
  const found = peer.packet();
  if (peer.verdict() !== verdict || found.some((byte, i) => byte !== bytes[i]))
    throw new InputError(`${entry.name}: the peer does not do what the program says`);
}

/** Times are nanoseconds a packet; the ratio is ours by theirs, so below 1 we are faster. */
function printPrograms(list: readonly Compared[]): void {
  const cells = list.map(({ name, ours, peer, ratio, interval }) => [
    name,
    ours.toFixed(2),
    peer.toFixed(2),
    ratio.toFixed(3),
    interval === undefined ? '' : `${interval[0].toFixed(3)} to ${interval[1].toFixed(3)}`,
  ]);
  const titles = ['program', 'wasm (ns)', 'clang -O3 (ns)', 'ratio', '95 %'];
  console.log(
    `${formatTable(
      titles.map((title, i) => ({ title, align: i === 0 ? ('left' as const) : ('right' as const) })),
      cells,
    )}\n`,
  );
}

/** What was to be reached beside what was measured. */
function report(rows: readonly Row[]): number {
  console.log(
    formatTable(
      [{ title: 'ours / peer', align: 'left' }, { title: 'measured' }, { title: 'wanted' }, { title: '' }],
      rows.map(({ name, measured, most }) => [
        name,
        measured.toFixed(2),
        `<= ${most.toFixed(2)}`,
        isReached({ name, measured, most }) ? 'passed' : 'FAILED',
      ]),
    ),
  );
  const failed = rows.filter((row) => !isReached(row)).length;
  console.log(`\n${rows.length - failed} passed, ${failed} failed`);
  return negativeIf(failed);
}

/** To the two digits that are printed. */
function isReached({ measured, most }: Row): boolean {
  return Math.round(100 * measured) <= Math.round(100 * most);
}

/** Of ratios: twice as fast and half as fast give 1, whichever side is divided by the other. */
function geometricMean(list: readonly Compared[]): number {
  return Math.exp(list.reduce((sum, { ratio }) => sum + Math.log(ratio), 0) / Math.max(1, list.length));
}

/** The upper one where two are in the middle; 0 of nothing. */
function median(list: readonly number[]): number {
  return [...list].sort((a, b) => a - b)[list.length >> 1] ?? 0;
}
