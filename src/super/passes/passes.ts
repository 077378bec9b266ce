/** The passes over bytecode, in the order in which they run; the whole list runs again until nothing changes. */
import { addresses } from './addresses.js';
import { atomics } from './atomics.js';
import { coalesce } from './coalesce.js';
import { dead } from './dead.js';
import { elements } from './elements.js';
import { fields } from './fields.js';
import { fold } from './fold.js';
import { heads } from './heads.js';
import { hold } from './hold.js';
import { jumps } from './jumps.js';
import { keep } from './keep.js';
import { lengths } from './lengths.js';
import { order } from './order.js';
import type { Pass } from './pass.js';
import { rebase } from './rebase.js';
import { returns } from './returns.js';
import { same } from './same.js';
import { sink } from './sink.js';
import { split } from './split.js';
import { sums } from './sums.js';
import { swaps } from './swaps.js';
import { tails } from './tails.js';
import { widen } from './widen.js';
import { windows } from './windows.js';

/** Those that sample packets steer: they do nothing where none are at hand. */
export const hotPasses: readonly Pass[] = [
  { name: 'split', description: 'paths that packets take often, apart from others', run: split },
  { name: 'lengths', description: 'checks of bounds as one, the strongest', run: lengths },
  { name: 'order', description: 'the most frequent of several tests first', run: order },
  { name: 'same', description: 'copies that came to nothing as one', run: same },
].map((pass) => ({ ...pass, level: 3, goal: 'speed', once: 'may grow' }));

/** What changes the file before the passes run, which is tried as a whole (inline-tier.ts). */
export const inlinePass: Pick<Pass, 'name' | 'description' | 'level'> = {
  name: 'inline',
  description: 'static functions that are called once or short, in their callers',
  level: 2,
};

/** All passes with their level; a pass with a goal runs for that goal only. */
export const passes: readonly Pass[] = [
  { name: 'jumps', description: 'decided branches, jumps to jumps, blocks that are one', level: 1, run: jumps },
  { name: 'fold', description: 'constants, copies, nearer bases, what is known already', level: 1, run: fold },
  { name: 'dead', description: 'what no one asks for, bit by bit', level: 1, run: dead },
  { name: 'elements', description: 'what is done if the first of an array is missing', level: 2, run: elements },
  { name: 'addresses', description: 'constants of addresses in offsets', level: 2, run: addresses },
  { name: 'fields', description: 'a field in place of a copy of the context', level: 2, run: fields },
  { name: 'widen', description: 'accesses of neighbours joined', level: 2, run: widen },
  { name: 'windows', description: 'a few instructions that fewer can stand for', level: 3, run: windows },
  { name: 'atomics', description: 'load, change, store as one instruction', level: 2, goal: 'size', run: atomics },
  { name: 'coalesce', description: 'copies whose two registers can be one', level: 2, run: coalesce },
  { name: 'hold', description: 'what is read again from the frame in a register', level: 2, run: hold },
  { name: 'swaps', description: 'numbers swapped in place of what they are compared with', level: 2, run: swaps },
  { name: 'keep', description: 'arguments where they are until asked for', level: 2, goal: 'speed', run: keep },
  { name: 'sink', description: 'what one way asks for, done on that way', level: 2, goal: 'speed', run: sink },
  {
    name: 'returns',
    description: 'return values made where the program returns',
    level: 3,
    once: 'shrinks',
    run: returns,
  },
  ...hotPasses,
  { name: 'sums', description: 'constants that are added, where they are used', level: 2, run: sums },
  { name: 'heads', description: 'equal beginnings of ways', level: 3, goal: 'size', run: heads },
  { name: 'tails', description: 'equal ends of blocks', level: 3, goal: 'size', run: tails },
  { name: 'rebase', description: 'sums in place of copies with a sum', level: 3, once: 'may grow', run: rebase },
];

/** All that can be switched, in the order in which it is done. */
export const bytecodePasses: readonly Pick<Pass, 'name' | 'description' | 'level'>[] = [inlinePass, ...passes];
