/** The passes over bytecode, in the order in which they run; the whole list runs again until nothing changes. */
import { addresses } from './addresses.js';
import { atomics } from './atomics.js';
import { coalesce } from './coalesce.js';
import { dead } from './dead.js';
import { fold } from './fold.js';
import { jumps } from './jumps.js';
import type { Pass } from './pass.js';
import { returns } from './returns.js';
import { tails } from './tails.js';
import { widen } from './widen.js';
import { windows } from './windows.js';

/** All passes with their level; a pass with a goal runs for that goal only. */
export const passes: readonly Pass[] = [
  { name: 'jumps', description: 'decided branches, jumps to jumps, blocks that are one', level: 1, run: jumps },
  { name: 'fold', description: 'constants, copies, nearer bases, what is known already', level: 1, run: fold },
  { name: 'dead', description: 'what no one asks for, bit by bit', level: 1, run: dead },
  { name: 'addresses', description: 'constants of addresses in offsets', level: 2, run: addresses },
  { name: 'widen', description: 'accesses of neighbours joined', level: 2, run: widen },
  { name: 'windows', description: 'a few instructions that fewer can stand for', level: 3, run: windows },
  { name: 'atomics', description: 'load, change, store as one instruction', level: 2, goal: 'size', run: atomics },
  { name: 'coalesce', description: 'copies whose two registers can be one', level: 2, run: coalesce },
  { name: 'returns', description: 'return values made where the program returns', level: 3, once: true, run: returns },
  { name: 'tails', description: 'equal ends of blocks', level: 3, goal: 'size', run: tails },
];
