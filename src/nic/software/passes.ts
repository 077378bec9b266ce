/**
 * Misses that nobody wants to know of: the packet goes on in the compiled program, called by the card's own code, and
 * the batch goes on behind it. Else a miss ends the batch, and whoever asked decides whether it is recorded.
 *
 * How many such misses there are to be is counted down in guest memory, by the place where packets leave the traces,
 * and for all places together where one has none of its own. Both numbers are the policy's, which learns after each
 * batch how many have passed where: recordings are the same ones as if each had been told.
 *
 *     area   0 u32 passes anywhere, 4 u32 packets that have passed, 8 u32 passes of place 0, ...
 */
import type { InnerProgram } from '../../jit/index.js';
import type { Machine } from '../../vm/index.js';
import type { SideExit } from '../port.js';

/** Places that have a word. */
export const mostPlaces: number = 1 << 14;
/** What the record of a packet that passed says of the trace that decided it. */
export const noTrace = 0xffff_ffff;
/** Passes that are not counted: nobody ever asks at this place. */
const always = 0xffff_ffff;

/** Offsets in the area. */
export const passWords = { anywhere: 0, passed: 4, places: 8 } as const;

/** Who decides which misses pass. */
export interface PassPolicy {
  /** The program to go on in; undefined: not now. */
  program(): InnerProgram | undefined;
  /** Misses at a place that need not be told. */
  passes(exit: SideExit): number;
  passed(exit: SideExit, packets: number): void;
  /** The same at any place, where it has none of its own. */
  readonly passesAnywhere: number;
  passedAnywhere(packets: number): void;
}

/** The countdowns of one card. */
export class Passes {
  readonly area: number;
  private readonly machine: Machine;
  private readonly policy: PassPolicy;
  private exits: readonly SideExit[] = [];
  /** What places were given, by number. */
  private readonly given = new Map<number, number>();
  private givenAnywhere = 0;
  /** The policy may have changed its mind about places. */
  private isStale = true;

  constructor(machine: Machine, policy: PassPolicy) {
    const area = machine.memory.allocate('scratch', 'passes of the card', passWords.places + 4 * mostPlaces);
    area.hi = area.lo;
    this.area = area.start;
    this.machine = machine;
    this.policy = policy;
  }

  private get view(): DataView {
    return this.machine.memory.view;
  }

  /** The program to go on in, if there is one and nobody watches what packets change. */
  program(): InnerProgram | undefined {
    return this.machine.memory.journal === null ? this.policy.program() : undefined;
  }

  /** Other code, with other places. */
  replace(exits: readonly SideExit[]): void {
    for (const number of this.given.keys()) this.write(number, 0);
    this.given.clear();
    this.exits = exits;
    this.isStale = true;
  }

  /** A packet that missed is told, so the policy may let others pass from now on. */
  told(): void {
    this.isStale = true;
  }

  /** Before a batch: the countdowns are what the policy says. */
  grant(): void {
    this.givenAnywhere = this.policy.passesAnywhere;
    this.view.setUint32(this.area + passWords.anywhere, this.givenAnywhere, true);
    if (!this.isStale) return;
    this.isStale = false;
    for (let number = 0; number < Math.min(this.exits.length, mostPlaces); number++) {
      const passes = Math.min(this.policy.passes(this.exits[number] as SideExit), always);
      if (passes === (this.given.get(number) ?? 0)) continue;
      this.given.set(number, passes);
      this.write(number, passes);
    }
  }

  /** After a batch: tells the policy where packets have passed, and returns how many have. */
  settle(): number {
    const { view, policy } = this;
    const passed = view.getUint32(this.area + passWords.passed, true);
    if (passed === 0) return 0;
    view.setUint32(this.area + passWords.passed, 0, true);
    const left = view.getUint32(this.area + passWords.anywhere, true);
    if (left < this.givenAnywhere) policy.passedAnywhere(this.givenAnywhere - left);
    this.givenAnywhere = left;
    for (const [number, given] of this.given) {
      const rest = view.getUint32(this.area + passWords.places + 4 * number, true);
      if (rest === given) continue;
      policy.passed(this.exits[number] as SideExit, given - rest);
      // Where there is no end to them, there is none after this either.
      if (given === always) this.write(number, always);
      else this.given.set(number, rest);
    }
    return passed;
  }

  private write(number: number, passes: number): void {
    this.view.setUint32(this.area + passWords.places + 4 * number, passes, true);
  }
}
