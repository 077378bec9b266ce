/**
 * The worlds that protocols are tried in: five jobs each on card and host, over up to three elements. Between them is
 * what goes wrong in protocols: both sides at one element, elements taken in opposite orders, flows that go over both
 * sides, what is used depending on what is there, and protocols of different kinds in one packet.
 */
import type { ProtocolName } from './protocol.js';
import type { Step, ToyJob, World } from './small-world.js';

const step = (op: Step['op'], element: number): Step => ({ op, element });
const read = (element: number): Step => step('read', element);
const update = (element: number): Step => step('update', element);
const ifOdd = (element: number): Step => step('if', element);
const add = (element: number): Step => step('add', element);
const card = (flow: number, ...steps: Step[]): ToyJob => ({ where: 'card', flow, steps });
const miss = (flow: number, ...steps: Step[]): ToyJob => ({ where: 'miss', flow, steps });
const control = (...steps: Step[]): ToyJob => ({ where: 'control', flow: undefined, steps });

/** One to try, with the protocol of each element. */
export interface TriedWorld {
  readonly name: string;
  readonly protocols: readonly ProtocolName[];
  readonly jobs: readonly ToyJob[];
}

const ofState: { readonly [name: string]: readonly ToyJob[] } = {
  'one element': [card(0, update(0)), miss(1, update(0)), card(2, update(0)), miss(3, update(0)), card(4, read(0))],
  'flows over both sides': [
    miss(0, update(0), read(1)),
    card(0, update(1)),
    card(1, update(0)),
    miss(1, update(1)),
    card(0, read(0)),
  ],
  'opposite orders': [
    miss(0, update(0), update(1)),
    card(1, update(1), update(2)),
    miss(2, update(2), update(0)),
    card(3, update(0)),
    card(4, read(2)),
  ],
  'depends on what is there': [
    card(0, update(0)),
    miss(1, ifOdd(0), update(1)),
    card(2, ifOdd(1), update(0)),
    miss(3, update(1)),
    control(read(0), read(1)),
  ],
};

const stateProtocols: readonly ProtocolName[] = ['device-home', 'host-home', 'migrate', 'replay', 'stall'];

const ofOthers: readonly TriedWorld[] = [
  {
    name: 'the control plane writes',
    protocols: ['replicate'],
    jobs: [
      card(0, read(0), read(1)),
      control(update(0)),
      card(1, read(0)),
      miss(2, read(0), read(1)),
      control(update(0), update(1)),
    ],
  },
  {
    name: 'both sides count',
    protocols: ['combine'],
    jobs: [card(0, add(0)), miss(1, add(0)), control(read(0)), card(2, add(0)), control(read(0))],
  },
  {
    name: 'counters are read by both sides',
    protocols: ['combine'],
    jobs: [card(0, add(0), read(1)), miss(1, add(0), add(1)), miss(2, read(0)), card(3, add(0)), control(read(0))],
  },
];

const mixed: readonly (readonly ProtocolName[])[] = [
  ['device-home', 'migrate', 'host-home'],
  ['stall', 'migrate', 'device-home'],
  ['migrate', 'host-home', 'replay'],
];

const ofMixtures: readonly TriedWorld[] = [
  ...mixed.map((protocols) => ({
    name: 'protocols in one packet',
    protocols,
    jobs: [
      card(0, update(0), update(1)),
      miss(1, update(1), update(2)),
      card(2, update(2), update(0)),
      miss(3, update(0), read(1)),
      control(update(0)),
    ],
  })),
  {
    name: 'counters beside state',
    protocols: ['stall', 'combine', 'replicate'],
    jobs: [
      card(0, update(0), add(1)),
      miss(1, add(1), read(2)),
      card(2, read(2), update(0)),
      miss(3, update(0), read(1)),
      control(read(1), update(2)),
    ],
  },
  {
    name: 'counters beside a home',
    protocols: ['device-home', 'combine', 'migrate'],
    jobs: [
      card(0, update(0), add(1)),
      miss(1, add(1), update(2)),
      card(2, read(2), update(0)),
      miss(3, update(0), add(1)),
      control(read(1), read(0)),
    ],
  },
];

/** All of them. */
export const worlds: readonly TriedWorld[] = [
  ...stateProtocols.flatMap((protocol) =>
    Object.entries(ofState).map(([name, jobs]) => ({ name, protocols: [protocol], jobs })),
  ),
  ...ofOthers,
  ...ofMixtures,
];

/** It as a world, or its first jobs. */
export function worldOf({ protocols, jobs }: TriedWorld, count: number = jobs.length): World {
  return {
    protocolOf: (element) => protocols[element % protocols.length] as ProtocolName,
    protocols,
    jobs: jobs.slice(0, count),
  };
}
