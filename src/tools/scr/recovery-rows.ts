/** Loss recovery: all ways through small worlds, rules broken, and a million packets with random losses. */
import {
  brokenRecoveries,
  exploreRecovery,
  publishedRecoverable,
  recoveryProtocol,
  simulateRecovery,
} from '../../scr/index.js';
import { formatNumber } from '../../text/index.js';
import { type ScrTable, TableBuilder } from './rows.js';

interface World {
  readonly cores: number;
  readonly packets: number;
  readonly entries?: number;
}

const smallWorlds: readonly World[] = [
  { cores: 2, packets: 6 },
  { cores: 3, packets: 4 },
  { cores: 2, packets: 6, entries: 2 },
  { cores: 2, packets: 6, entries: 3 },
  { cores: 3, packets: 4, entries: 3 },
];
const wholeWorlds: readonly World[] = [
  ...smallWorlds,
  { cores: 3, packets: 6 },
  { cores: 3, packets: 6, entries: 3 },
  { cores: 3, packets: 6, entries: 4 },
];

/** Every set of losses, every interleaving. */
export function recoveryWorlds(isQuick: boolean): ScrTable {
  const table = new TableBuilder('worlds', 'loss recovery: every set of losses, every interleaving', [
    'cores',
    'packets',
    'entries of a log',
    'sets of losses',
    'states',
    'result',
  ]);
  for (const world of isQuick ? smallWorlds : wholeWorlds) {
    const { fault, sets, states } = exploreRecovery({ protocol: recoveryProtocol, ...world });
    const { cores, packets, entries = 'more than numbers' } = world;
    table.judge(fault === undefined, fault ?? '', cores, packets, String(entries), sets, formatNumber(states));
  }
  const published = { ...recoveryProtocol, heartbeats: false, recoverable: publishedRecoverable };
  const { fault, sets, states } = exploreRecovery({ protocol: published, cores: 2, packets: 4 });
  table.tell(2, 4, 'as published, without packets at pauses', sets, formatNumber(states), withoutChoices(fault));
  return table.finish();
}

const withoutChoices = (fault: string | undefined): string => fault?.replace(/ \(choices.*/, '') ?? 'no fault';

/** Each broken rule has to be found. */
export function recoveryBroken(): ScrTable {
  const table = new TableBuilder('broken', 'loss recovery: one rule broken, which must be found', [
    'a core that',
    'is found as',
    'result',
  ]);
  for (const { what, protocol } of brokenRecoveries) {
    let fault: string | undefined;
    for (const world of smallWorlds) fault ??= exploreRecovery({ protocol, ...world }).fault;
    table.judge(fault !== undefined, 'not found', what, withoutChoices(fault));
  }
  return table.finish();
}

/** Random losses. */
export function recoveryLosses(packets: number, seed: number): ScrTable {
  const table = new TableBuilder(
    'losses',
    `loss recovery: 14 cores, ${formatNumber(packets)} packets, random losses (simulated, seed ${seed})`,
    ['what', 'loss %', 'lost', 'recovered items', 'largest gap', 'waits', 'cores out of step', 'refused', 'result'],
  );
  const published = { ...recoveryProtocol, recoverable: publishedRecoverable };
  for (const loss of [0.005, 0.01, 0.015]) {
    const made = simulateRecovery({ cores: 14, packets, loss, seed });
    const isGood = made.divergence === undefined && made.isComplete && made.fallen.length === 0;
    table.judge(isGood, made.divergence ?? 'not all came to the end', 'gaps up to the window', ...cells(loss, made));
  }
  for (const loss of [0.005, 0.01, 0.015]) {
    const made = simulateRecovery({ cores: 14, packets, loss, seed, protocol: published });
    // A core that gave up says so and answers nothing: no copy is wrong.
    table.judge(
      made.divergence === undefined && made.isComplete,
      made.divergence ?? 'not all came to the end',
      'as published: k + 1 is congestion',
      ...cells(loss, made),
    );
  }
  const past = simulateRecovery({ cores: 14, packets, loss: 0.01, seed, queue: 256 });
  table.judge(
    past.divergence === undefined && past.isComplete,
    past.divergence ?? 'not all came to the end',
    'past the window: queues of 256',
    ...cells(0.01, past),
  );
  return table.finish();
}

function cells(loss: number, made: ReturnType<typeof simulateRecovery>): readonly string[] {
  const { lost, recovered, largestGap, waits, fallen, refused } = made;
  const out = fallen.length === 0 ? '0' : `${fallen.length}, the first at ${formatNumber(fallen[0]?.number ?? 0)}`;
  return [
    String(100 * loss),
    formatNumber(lost),
    formatNumber(recovered),
    String(largestGap),
    formatNumber(waits),
    out,
    formatNumber(refused),
  ];
}
