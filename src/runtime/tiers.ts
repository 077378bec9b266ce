/**
 * When the host goes from the interpreter to code that is compiled quickly, and from there to code that is compiled
 * well. Each way of running pays once it has to do as much as it takes to get there, so the measure is work:
 * instructions that have run, for each instruction of the program (compiling takes as long as the program is). No
 * clock is asked, so a run is repeatable.
 *
 * Measured with the load balancer (1,596 instructions, 470 a packet) in a process that has just started, on a quiet
 * machine: the interpreter takes 0.15 us for each of the first 50,000 instructions and 0.08 us after that; quick code
 * takes 15 us to make for each instruction of the program, full code 32 us, and the latter saves 0.07 ns for each
 * instruction that runs (20 to 60 ns a packet in all examples). So full code pays after 400,000 instructions for each
 * one of the program. Quick code would pay after 150; it is made after 30, for who has more than a hundred packets
 * mostly has many more.
 */
import type { Settings } from '../opt/index.js';
import { defaultSettings, quickSettings } from '../opt/index.js';

/** A way to compile, and when it pays. */
export interface Tier {
  /** Instructions that have run, for each one of the program, before it is worth its price. */
  readonly after: number;
  readonly settings: Settings;
}

/** In order. */
const tiers: readonly Tier[] = [
  { after: 30, settings: quickSettings },
  { after: 400_000, settings: defaultSettings },
];

const eagerTiers: readonly Tier[] = tiers.map(({ settings }, i) => ({ after: i, settings }));

/**
 * `isEager`: so early that a few packets see all tiers, for comparing engines. Where the user has chosen the passes,
 * there is no other code.
 */
export function tiersOf(settings: Settings | undefined, isEager: boolean): readonly Tier[] {
  const usual = isEager ? eagerTiers : tiers;
  return settings === undefined ? usual : usual.slice(0, 1).map(({ after }) => ({ after, settings }));
}

/** Packets that are interpreted in any case: they tell how long a packet takes. */
export const firstPackets = 8;

/** What compiling takes for any program, as that many instructions of it. */
export const anyProgram = 300;
