/**
 * `npm run differential -- DIR [-r cap.pcap] [-c N] [--engine E] [--seed N]`: every XDP program of a folder of objects on the kernel and on an
 * engine, over the same packets and map contents. A row a program; exit 0 when nothing differs.
 */

import { UserError } from '../base/index.js';
import { formatTable } from '../cli/output.js';
import { type DifferentialRow, differentialObject, machineEngine } from '../judge/index.js';
import { Bpf } from '../linux/index.js';
import { verdictNames } from '../platform/index.js';
import { findObjects, loadObject } from './objects.js';
import { negativeIf, numberFlag, oneOperand, runTool } from './tool.js';
import { makePackets, readPackets } from './traffic.js';

const usage = 'npm run differential -- DIR [-r cap.pcap] [-c PACKETS] [--engine E] [--seed N]';

await runTool(
  usage,
  {
    read: { type: 'string', short: 'r' },
    count: { type: 'string', short: 'c' },
    engine: { type: 'string', default: 'interp' },
    seed: { type: 'string' },
  },
  async (operands, flags) => {
    const folder = oneOperand(operands, usage);
    const engine = machineEngine(String(flags['engine']));
    const seed = numberFlag(flags, 'seed', 1);
    const count = numberFlag(flags, 'count', 300);
    const bytes =
      flags['read'] === undefined ? makePackets(count, seed) : await readPackets(String(flags['read']), count);
    const packets = bytes.map((data) => ({ data }));
    const bpf = Bpf.open();
    const rows: DifferentialRow[] = [];
    for (const file of findObjects(folder)) {
      try {
        rows.push(...differentialObject(bpf, loadObject(file), packets, { engine, seed }));
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
    console.log(`${number('equal')} passed, ${number('differs')} failed`);
    return negativeIf(number('differs'));
  },
);
