/**
 * `npm run offload -- [--kills N] [--requests N] [--logs N] [--seed N]`: offload as Linux does it, and the daemon.
 * Tables: the behaviours of test_offload.py, by its names; programs that Netronome's driver refuses, with its words;
 * daemons that are killed at random instants under load (default 20; in full 1000); requests that are made up (default
 * 20,000; in full 1,000,000) and logs that are damaged. Closes with `N passed, N failed`.
 */
import { assemble } from '../object/index.js';
import { behaviours, OffloadKernel, OffloadRefusal, programText, refusedPrograms } from '../offload/index.js';
import { type Cell, count, formatTable } from '../text/index.js';
import { crashCampaign } from './offload/crash.js';
import { fuzzLogs, fuzzRequests } from './offload/fuzz.js';
import { trafficCrashCampaign } from './offload/traffic-crash.js';
import { negativeIf, numberFlag, runTool } from './tool.js';

const usage = 'npm run offload -- [--kills N] [--requests N] [--logs N] [--seed N]';
let passed = 0;
let failed = 0;

/** Counts a row, and says what became of it. */
function verdict(fault: string | undefined): string {
  if (fault === undefined) passed++;
  else failed++;
  return fault === undefined ? 'ok' : `FAIL: ${fault}`;
}

/** What went wrong, as a text; rows go on behind one that failed. */
function faultOf(run: () => void): string | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** A table of its own for each part, printed as soon as it is known: later parts are slow. */
function print(titles: readonly string[], rows: readonly (readonly Cell[])[]): void {
  process.stdout.write(
    `${formatTable(
      titles.map((title) => ({ title })),
      rows,
    )}\n`,
  );
}

/** Behaviours that our model does not have are told with the reason, and count as neither passed nor failed. */
function behaviourRows(): readonly (readonly Cell[])[] {
  return behaviours.map(({ name, run }) => [
    name,
    typeof run === 'string' ? `not here: ${run}` : verdict(faultOf(run)),
  ]);
}

/** Each program loaded for a card of which the firmware lacks what the row says. */
function refusalRows(): readonly (readonly Cell[])[] {
  return refusedPrograms.map(({ text, message, off = [] }) => {
    const kernel = new OffloadKernel();
    const [dev] = kernel.addDevice({ name: 'nic', card: 'nfp4000', off });
    const object = assemble(programText(text));
    const [program] = object.programs;
    const fault = faultOf(() => {
      try {
        if (program !== undefined) kernel.load({ object, program, dev, pin: 'p', now: 0 });
      } catch (error) {
        if (error instanceof OffloadRefusal && error.extack === message) return;
        throw error;
      }
      throw new Error('accepted');
    });
    return [message, verdict(fault)];
  });
}

await runTool(
  usage,
  { kills: { type: 'string' }, requests: { type: 'string' }, logs: { type: 'string' }, seed: { type: 'string' } },
  async (_operands, flags) => {
    const seed = numberFlag(flags, 'seed', 1);
    print(['behaviour of test_offload.py', ''], behaviourRows());
    print(["refused by Netronome's driver", ''], refusalRows());
    const crash = await crashCampaign(numberFlag(flags, 'kills', 20), seed);
    const traffic = await trafficCrashCampaign(Math.ceil(numberFlag(flags, 'kills', 20) / 4), seed);
    const requests = fuzzRequests(numberFlag(flags, 'requests', 20_000), seed);
    const logs = fuzzLogs(numberFlag(flags, 'logs', 2000), seed);
    print(
      ['campaign', 'tried', 'what came of it', ''],
      [
        [
          'daemons killed (SIGKILL)',
          count(crash.kills, 'time'),
          `${count(crash.acknowledged, 'change')} acknowledged, all there; of those under way ${crash.kept} whole, ${crash.dropped} not there; ${count(crash.torn, 'torn tail')}`,
          verdict(crash.fault),
        ],
        [
          'daemons killed under traffic',
          count(traffic.kills, 'time'),
          `${count(traffic.packets, 'packet')} arrived; source and map agree after each kill, and are not behind what was told`,
          verdict(traffic.fault),
        ],
        [
          'requests made up',
          count(requests.requests, 'request'),
          `${requests.accepted} accepted, ${requests.refused} refused, ${requests.malformed} malformed`,
          verdict(requests.fault),
        ],
        [
          'logs damaged',
          count(logs.logs, 'log'),
          'each read as a prefix of what was written, or refused',
          verdict(logs.fault),
        ],
      ],
    );
    console.log(`${passed} passed, ${failed} failed`);
    return negativeIf(failed);
  },
);
