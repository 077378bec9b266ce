/**
 * `npm run differential -- DIR [-r cap.pcap | --traffic] [-c N] [--engine E] [-O...] [--seed N]`: every XDP program of a folder of objects on the kernel
 * and on an engine, over the same packets and map contents. Maps are filled from the seed and from `NAME.maps.json` beside the object, if
 * there is one (with a capture of its own from there alone); packets are generated, those of a capture, or those of the `traffic.pcap` beside the object. A row a program; exit 0 when nothing
 * differs.
 */

import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { UsageError, UserError } from '../base/index.js';
import { formatTable } from '../cli/output.js';
import { type DifferentialRow, differentialObject, machineEngine, type RowStatus } from '../judge/index.js';
import { Bpf } from '../linux/index.js';
import { verdictNames } from '../platform/index.js';
import { type MapsFile, parseMapsFile } from '../vm/index.js';
import { findObjects, loadObject } from './objects.js';
import {
  negativeIf,
  numberFlag,
  oneOperand,
  optimizationFlag,
  optimizationOption,
  runTool,
  writeSummary,
} from './tool.js';
import { makePackets, readPackets } from './traffic.js';

const usage = 'npm run differential -- DIR [-r cap.pcap | --traffic] [-c PACKETS] [--engine E] [-O...] [--seed N]';

const rowStatuses: readonly RowStatus[] = ['equal', 'differs', 'refused', 'skipped', 'unsupported'];

await runTool(
  usage,
  {
    read: { type: 'string', short: 'r' },
    count: { type: 'string', short: 'c' },
    engine: { type: 'string', default: 'interp' },
    seed: { type: 'string' },
    ...optimizationOption,
    traffic: { type: 'boolean', default: false },
    summary: { type: 'string' },
  },
  async (operands, flags) => {
    const folder = oneOperand(operands, usage);
    const engine = machineEngine(String(flags['engine']), { settings: optimizationFlag(flags) });
    const seed = numberFlag(flags, 'seed', 1);
    const count = numberFlag(flags, 'count', 300);
    const beside = flags['traffic'] === true;
    if (beside && flags['read'] !== undefined)
      throw new UsageError('`--traffic` and `-r` exclude each other', {}, usage);
    const common =
      flags['read'] === undefined
        ? makePackets(count, seed).map((data) => ({ data }))
        : await readPackets(String(flags['read']), count);
    const bpf = Bpf.open();
    const rows: DifferentialRow[] = [];
    for (const file of findObjects(folder)) {
      try {
        const capture = join(dirname(file.path), 'traffic.pcap');
        const packets = beside && existsSync(capture) ? await readPackets(capture, count) : common;
        rows.push(
          ...differentialObject(bpf, loadObject(file), packets, {
            engine,
            seed,
            contents: contentsBeside(file.path),
            unseeded: packets !== common,
          }),
        );
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        rows.push({
          object: file.name,
          program: '',
          insns: 0,
          status: 'unsupported',
          packets: 0,
          verdicts: {},
          why: error.format(),
        });
      }
    }
    const columns = ['object', 'program', 'insns', 'packets', ...verdictNames, 'result', 'why'];
    process.stdout.write(
      formatTable(
        columns.map((title) => ({ title })),
        rows.map((row) => [
          row.object,
          row.program,
          row.insns,
          row.packets,
          ...verdictNames.map((name) => row.verdicts[name] ?? 0),
          row.status,
          (row.why ?? '').split('\n')[0],
        ]),
      ),
    );
    const number = (status: DifferentialRow['status']): number => rows.filter((row) => row.status === status).length;
    const compared = rows.reduce((sum, row) => sum + row.packets, 0);
    console.log(
      `\n${compared} packets compared; ${number('refused')} programs refused by the kernel, ${number('skipped')} that it cannot test-run`,
    );
    if (number('unsupported') > 0)
      console.log(`${number('unsupported')} programs that the kernel takes and jitnic does not run`);
    writeSummary(flags, {
      engine: String(flags['engine']),
      packets: compared,
      ...Object.fromEntries(rowStatuses.map((status) => [status, number(status)])),
      remaining: rows.filter((row) => row.status === 'differs' || row.status === 'unsupported'),
    });
    console.log(`${number('equal')} passed, ${number('differs')} failed`);
    return negativeIf(number('differs'));
  },
);

/** `NAME.maps.json` beside `NAME.o`. */
function contentsBeside(path: string): MapsFile | undefined {
  const file = path.replace(/\.o$/, '.maps.json');
  return existsSync(file) ? parseMapsFile(readFileSync(file, 'utf8'), file) : undefined;
}
