/**
 * `npm run round-trip -- DIR [-c PACKETS] [-mcpu V] [--seed N]`: every XDP program of a folder of objects from bytecode
 * to IR and back, shown to the verifier, and run beside the old one on the same packets and maps. A line a program that
 * is not the same, then what was reached. Exit 0 when no program differs.
 */
import { UsageError } from '../base/index.js';
import type { BpfVersion } from '../bpf/index.js';
import { findObjects, loadObject } from '../cli/check/objects.js';
import { makePackets } from '../cli/check/traffic.js';
import { type RoundTripRow, roundTrips } from '../judge/index.js';
import { formatNumber } from '../text/index.js';
import { negativeIf, numberFlag, oneOperand, runTool } from './tool.js';

const usage = 'npm run round-trip -- DIR [-c PACKETS] [--mcpu v1|v2|v3|v4] [--seed N]';
const versions: readonly BpfVersion[] = ['v1', 'v2', 'v3', 'v4'];

await runTool(
  usage,
  { count: { type: 'string', short: 'c' }, mcpu: { type: 'string', default: 'v3' }, seed: { type: 'string' } },
  async (operands, flags) => {
    const folder = oneOperand(operands, usage);
    const version = versions.find((each) => each === flags['mcpu']);
    if (version === undefined) throw new UsageError(`--mcpu takes ${versions.join(', ')}`, {}, usage);
    const seed = numberFlag(flags, 'seed', 1);
    const packets = makePackets(numberFlag(flags, 'count', 200), seed).map((data) => ({ data }));
    const rows: RoundTripRow[] = [];
    for (const file of findObjects(folder)) {
      const found = roundTrips(loadObject(file), packets, version, seed);
      for (const { object, program, status, why, kept } of found) {
        if (status !== 'equal') console.log(`${object}: ${program}: ${status}${why === undefined ? '' : ` (${why})`}`);
        for (const each of kept) console.log(`${object}: ${program}: \`${each.name}\` stays: ${each.why}`);
      }
      rows.push(...found);
    }
    const count = (status: RoundTripRow['status']): number => rows.filter((row) => row.status === status).length;
    const made = rows.filter(({ status }) => status !== 'refused');
    const sum = (of: 'before' | 'after'): string => formatNumber(made.reduce((all, row) => all + row[of], 0));
    console.log(
      `${formatNumber(rows.length)} programs: ${count('equal')} equal on ${formatNumber(packets.length)} packets, ` +
        `${count('differs')} differ, ${count('refused')} without accepted code, ${count('not run')} not run; ` +
        `${made.filter(({ kept }) => kept.length > 0).length} keep a function; ${sum('before')} slots became ${sum('after')}`,
    );
    console.log(`${count('equal')} passed, ${rows.length - count('equal')} failed`);
    return negativeIf(count('differs'));
  },
);
