/**
 * `npm run differential -- DIR [-r cap.pcap | --traffic] [-c N] [--engine E] [-O...] [--seed N | --unseeded]`: every
 * XDP program of a folder of objects on the kernel and on an engine, over the same packets and map contents. Maps are
 * filled from the seed and from `NAME.maps.json` beside the object, if there is one (with a capture of its own from
 * there alone); packets are generated, those of a capture, or those of the `traffic.pcap` beside the object. A row a
 * program; exit 0 when nothing differs.
 */

import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { InputError, UsageError, UserError } from '../base/index.js';
import type { CapturedPacket } from '../cli/capture-input.js';
import { findObjects, loadObject, type ObjectFile } from '../cli/check/objects.js';
import { makePackets, readPackets } from '../cli/check/traffic.js';
import { type DifferentialRow, differentialObject, machineEngine, type RowStatus } from '../judge/index.js';
import { Bpf } from '../linux/index.js';
import { verdictNames } from '../platform/index.js';
import { type Cell, count, formatNumber, formatTable } from '../text/index.js';
import { type MapsFile, parseMapsFile } from '../vm/index.js';
import {
  negativeIf,
  numberFlag,
  oneOperand,
  optimizationFlag,
  optimizationOption,
  runTool,
  systemErrorCode,
  writeSummary,
} from './tool.js';

const usage =
  'npm run differential -- DIR [-r cap.pcap | --traffic] [-c PACKETS] [--engine E] [-O...] [--seed N | --unseeded]';

/** What a row says and what is said of all such rows at the end. */
const statusWords: Readonly<Record<RowStatus, string>> = {
  equal: '',
  differs: '',
  refused: 'refused by the kernel',
  'not XDP': 'of another type than XDP',
  incomparable: 'that cannot be compared',
  unsupported: 'that the kernel takes and jitnic does not run',
  unreadable: 'that cannot be read',
};

/**
 * Packets a program where none are given: enough to go through the parsers of the corpus, few enough for 100 objects.
 */
const generatedPackets = 300;

await runTool(
  usage,
  {
    read: { type: 'string', short: 'r' },
    count: { type: 'string', short: 'c' },
    engine: { type: 'string', default: 'interp' },
    seed: { type: 'string' },
    ...optimizationOption,
    traffic: { type: 'boolean', default: false },
    unseeded: { type: 'boolean', default: false },
    summary: { type: 'string' },
  },
  async (operands, flags) => {
    const folder = oneOperand(operands, usage);
    const engine = machineEngine(String(flags['engine']), { settings: optimizationFlag(flags) });
    const seed = numberFlag(flags, 'seed', 1);
    const limit = numberFlag(flags, 'count', Number.MAX_SAFE_INTEGER);
    const beside = flags['traffic'] === true;
    if (beside && flags['read'] !== undefined)
      throw new UsageError('`--traffic` and `-r` exclude each other', {}, usage);
    const common =
      flags['read'] === undefined
        ? makePackets(Math.min(limit, numberFlag(flags, 'count', generatedPackets)), seed).map((data) => ({ data }))
        : await packetsOf(String(flags['read']), limit);
    const objects = findObjects(folder);
    const bpf = Bpf.open();
    const rows: DifferentialRow[] = [];
    for (const file of objects) {
      try {
        const capture = join(dirname(file.path), 'traffic.pcap');
        // A capture beside the object was made for it and for its maps file: then nothing is seeded.
        const own = beside && existsSync(capture);
        const packets = own ? await packetsOf(capture, limit) : common;
        const unseeded = own || flags['unseeded'] === true;
        const options = { engine, seed, contents: contentsBeside(file.path), unseeded };
        const found = differentialObject(bpf, loadObject(file), packets, options);
        rows.push(...(found.length > 0 ? found : [emptyRow(file, 'not XDP', 'no program in it')]));
      } catch (error) {
        rows.push(emptyRow(file, ...describeError(error)));
      }
    }
    process.stdout.write(formatRows(rows));
    const number = (status: RowStatus): number => rows.filter((row) => row.status === status).length;
    const compared = rows.reduce((sum, row) => sum + row.packets, 0);
    const notCompiled = rows.filter((row) => row.notCompiled !== undefined);
    // BPF_PROG_TEST_RUN takes no packet below 14 bytes, and none that does not fit a page unless the program knows
    // fragments.
    const leftOut = Math.max(0, ...rows.map((row) => row.leftOut));
    console.log(`\n${formatNumber(compared)} packets compared`);
    if (leftOut > 0)
      console.log(`up to ${count(leftOut, 'packet')} a program of a length that a test run does not take`);
    for (const [status, words] of Object.entries(statusWords)) {
      const rowsOfIt = number(status as RowStatus);
      if (words !== '' && rowsOfIt > 0) console.log(`${count(rowsOfIt, 'program')} ${words}`);
    }
    if (notCompiled.length > 0)
      console.log(`${count(notCompiled.length, 'program')} run by the interpreter, not compiled`);
    writeSummary(flags, {
      engine: String(flags['engine']),
      packets: compared,
      statuses: Object.fromEntries(Object.keys(statusWords).map((status) => [status, number(status as RowStatus)])),
      notCompiled: notCompiled.length,
      // What the fidelity page lists by name.
      remaining: rows.filter((row) => row.status === 'differs' || row.status === 'unsupported'),
    });
    console.log(`${number('equal')} passed, ${number('differs')} failed`);
    return negativeIf(number('differs'));
  },
);

/** The rows as a table, verdicts in columns of their own. */
function formatRows(rows: readonly DifferentialRow[]): string {
  const columns = ['object', 'program', 'insns', 'packets', ...verdictNames, 'result', 'why'];
  const cells = rows.map((row): Cell[] => [
    row.object,
    row.program,
    row.insns,
    row.packets,
    ...verdictNames.map((name) => row.verdicts[name] ?? 0),
    row.status,
    (row.why ?? (row.notCompiled === undefined ? '' : `not compiled: ${row.notCompiled}`)).split('\n')[0],
  ]);
  return formatTable(
    columns.map((title) => ({ title })),
    cells,
  );
}

/** A row about an object of which nothing was run. */
function emptyRow(file: ObjectFile, status: RowStatus, why: string): DifferentialRow {
  return { object: file.name, program: '', insns: 0, status, packets: 0, leftOut: 0, verdicts: {}, why };
}

/**
 * What went wrong with an object as a whole: a file that is none, or a mistake of ours, which counts as a difference.
 */
function describeError(error: unknown): [RowStatus, string] {
  if (error instanceof UserError) return ['unreadable', error.format()];
  const code = systemErrorCode(error);
  if (code !== undefined) return ['unreadable', `it cannot be read: ${code}`];
  return ['differs', `jitnic fails: ${error instanceof Error ? error.message : error}`];
}

/** Throws InputError when there is no Ethernet packet in it. */
async function packetsOf(path: string, limit: number): Promise<CapturedPacket[]> {
  const packets = await readPackets(path, limit);
  if (packets.length === 0) throw new InputError('no Ethernet packet in this capture', { file: path });
  return packets;
}

/** `NAME.maps.json` beside `NAME.o` or `NAME.s`. */
function contentsBeside(path: string): MapsFile | undefined {
  const file = path.replace(/\.[os]$/, '.maps.json');
  return existsSync(file) ? parseMapsFile(readFileSync(file, 'utf8'), file) : undefined;
}
