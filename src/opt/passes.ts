/**
 * The table of passes, in the order in which they run. To add one, add a row; what has to come before or after it is
 * checked at start. Level 1 is what pays for itself on most programs, level 2 what pays on some, level 3 what has not
 * been seen to pay on its own: docs/optimizer.md has the figures.
 */
import { InternalError } from '../base/index.js';
import { bounds } from './bounds.js';
import { branches } from './branches.js';
import { combineLoads } from './combine-loads.js';
import { combineStores } from './combine-stores.js';
import { counters } from './counters.js';
import { cse } from './cse.js';
import { dce } from './dce.js';
import { deadStores } from './dead-stores.js';
import { exchanges } from './exchanges.js';
import { fold } from './fold.js';
import { forward } from './forward.js';
import { helpers } from './helpers.js';
import { ifConvert } from './if-convert.js';
import { licm } from './licm.js';
import { narrow } from './narrow.js';
import type { Pass, Target } from './pass.js';
import { pointers } from './pointers.js';
import { pureLoops } from './pure-loops.js';
import { ranges } from './ranges.js';
import { stack } from './stack.js';
import { threading } from './threading.js';
import { wideSums } from './wide-sums.js';

const everywhere: readonly Target[] = ['wasm', 'bpf', 'card'];

/**
 * All passes, as they run. `jitnic ir --time-passes` prints a line for each that is on. Rows call their pass by name:
 * who reads the table needs none of them (scripts/bundle.mjs).
 */
export const passes: readonly Pass[] = [
  {
    name: 'fold',
    description: 'compute constants and apply the algebraic rules, from here on',
    level: 1,
    needsVerified: false,
    targets: ['wasm', 'bpf'],
    brings: { fold: true },
    run: (code, context) => fold(code, context),
  },
  {
    name: 'cse',
    description: 'make equal pure values one, across blocks, from here on',
    level: 1,
    needsVerified: false,
    after: ['fold'],
    targets: ['wasm', 'bpf'],
    brings: { share: true },
    run: (code, context) => cse(code, context),
  },
  {
    name: 'helpers',
    description: 'look-ups in arrays, bpf_csum_diff of constant size, time and CPU without a call',
    level: 1,
    needsVerified: true,
    after: ['fold'],
    before: ['stack', 'pointers'],
    targets: ['wasm', 'card'],
    run: (code, context) => helpers(code, context),
  },
  {
    name: 'stack',
    description: 'stack slots that do not escape become values, keys of look-ups too',
    level: 1,
    needsVerified: true,
    after: ['fold'],
    targets: ['wasm'],
    run: (code, context) => stack(code, context),
  },
  {
    name: 'pointers',
    description:
      'what each access touches; packet pointers as offsets, checks as lengths, context fields and constant data as values',
    level: 1,
    needsVerified: true,
    after: ['stack'],
    // Offsets and lengths are not what Linux's verifier follows.
    targets: ['wasm'],
    run: (code, context) => pointers(code, context),
  },
  {
    name: 'branches',
    description: 'branches on constants become jumps, from here on; chains of blocks are joined',
    level: 1,
    needsVerified: false,
    after: ['fold'],
    targets: everywhere,
    brings: { prune: true },
    run: (code, context) => branches(code, context),
  },
  {
    name: 'bounds',
    description: 'bounds and null checks that a dominating branch decides',
    level: 2,
    needsVerified: true,
    after: ['pointers'],
    targets: everywhere,
    run: (code, context) => bounds(code, context),
  },
  {
    name: 'ranges',
    description: 'phis of few bits, comparisons that intervals decide',
    level: 2,
    needsVerified: false,
    after: ['bounds'],
    targets: everywhere,
    run: (code, context) => ranges(code, context),
  },
  {
    name: 'forward',
    description: 'loads of what was stored or loaded before',
    level: 2,
    needsVerified: true,
    after: ['pointers'],
    targets: everywhere,
    run: (code, context) => forward(code, context),
  },
  {
    name: 'combine-loads',
    description: 'bytes loaded one by one and put together become one load, swapped ones too',
    level: 2,
    needsVerified: true,
    after: ['forward'],
    targets: everywhere,
    run: (code, context) => combineLoads(code, context),
  },
  {
    name: 'threading',
    description: 'jumps to a branch that their source decides go to its target',
    level: 3,
    needsVerified: false,
    after: ['bounds', 'ranges'],
    targets: ['wasm', 'bpf'],
    brings: { prune: true },
    run: (code, context) => threading(code, context),
  },
  {
    name: 'pure-loops',
    description: 'loops of a known number of rounds that only compute become what they compute',
    level: 2,
    needsVerified: false,
    after: ['fold', 'branches', 'threading'],
    before: ['if-convert'],
    targets: ['wasm'],
    run: (code, context) => pureLoops(code, context),
  },
  {
    name: 'if-convert',
    description: 'a choice of values instead of a branch around nothing else',
    level: 3,
    needsVerified: false,
    after: ['threading'],
    targets: ['wasm'],
    brings: { prune: true },
    run: (code, context) => ifConvert(code, context),
  },
  {
    name: 'narrow',
    description: 'drop masks and sign extensions of bits at which no one looks',
    level: 2,
    needsVerified: false,
    after: ['combine-loads', 'if-convert'],
    targets: everywhere,
    run: (code, context) => narrow(code, context),
  },
  {
    name: 'combine-stores',
    description: 'neighbouring stores of constants, copies and pieces become wider ones',
    level: 1,
    needsVerified: true,
    after: ['combine-loads'],
    targets: everywhere,
    run: (code, context) => combineStores(code, context),
  },
  {
    name: 'exchanges',
    description: 'neighbours in the packet that change places are one word that is rotated',
    level: 2,
    needsVerified: true,
    after: ['combine-stores'],
    targets: ['wasm'],
    run: (code, context) => exchanges(code, context),
  },
  {
    name: 'dead-stores',
    description: 'drop stores that are overwritten, or to stack that no one reads',
    level: 2,
    needsVerified: true,
    after: ['forward', 'combine-stores'],
    targets: everywhere,
    run: (code, context) => deadStores(code, context),
  },
  {
    name: 'wide-sums',
    description: 'sums of half words that are folded to a checksum become sums of words',
    level: 2,
    needsVerified: true,
    after: ['combine-loads', 'narrow'],
    before: ['dce'],
    // In 64 bits, and of any alignment.
    targets: ['wasm'],
    run: (code, context) => wideSums(code, context),
  },
  {
    name: 'counters',
    description: 'counters of loops in 32 bits, where comparisons with constants keep them there',
    level: 2,
    needsVerified: false,
    after: ['ranges', 'threading', 'narrow'],
    before: ['dce'],
    targets: ['wasm'],
    run: (code, context) => counters(code, context),
  },
  {
    name: 'dce',
    description: 'drop what nothing needs',
    level: 1,
    needsVerified: false,
    targets: everywhere,
    run: (code) => dce(code),
  },
  {
    name: 'licm',
    description: 'what a loop does not change is computed in front of it',
    level: 2,
    needsVerified: false,
    after: ['dce'],
    targets: ['wasm'],
    run: (code) => licm(code),
  },
];

/** Throws InternalError where the table contradicts itself. */
export function checkOrder(table: readonly Pass[]): void {
  const position = new Map(table.map(({ name }, i) => [name, i]));
  if (position.size !== table.length) throw new InternalError('opt', 'two passes have one name');
  const at = (name: string): number => position.get(name) ?? unknown(name);
  for (const { name, after = [], before = [] } of table) {
    for (const other of after)
      if (at(other) > at(name)) throw new InternalError('opt', `${name} must come after ${other}`);
    for (const other of before)
      if (at(other) < at(name)) throw new InternalError('opt', `${name} must come before ${other}`);
  }
}

function unknown(name: string): never {
  throw new InternalError('opt', `no pass ${name}`);
}

checkOrder(passes);
