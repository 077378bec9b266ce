/**
 * Makes a failing case small: an object, its packets, and a predicate that runs them. First what has to be there at
 * all: fewer packets, empty maps, one program. Then in turn, until none of it helps any more: the program ends right
 * after an instruction and returns what that came to (replacements.ts); functions and instructions go
 * (shrink-program.ts); what an instruction came to stands there as a constant; types, maps and bytes of packets go.
 *
 * Whether a candidate is valid, and still fails, is for the predicate to say.
 */

import { onlyFirstProgram, pruneMaps, withoutTypes } from '../../code/index.js';
import type { ObjectSpec, ProgramSpec } from '../../object/index.js';
import type { Packet } from '../subject.js';
import { endEarly, type KnownValues, useConstants } from './replacements.js';
import { deleteFunctions, deleteRuns, deleteWindows, type ShrinkTarget, smallerConstants } from './shrink-program.js';

/** An object and packets that show a failure; the first program is the one that is run. */
export interface FailingCase {
  readonly object: ObjectSpec;
  readonly packets: readonly Packet[];
  /** Maps are filled from the seed; else they are as the object has them. */
  readonly seeded: boolean;
}

/** Where to look, and when to stop. */
export interface ShrinkCaseOptions {
  /** Index of the packet at which it shows. */
  readonly packet: number;
  /** What the first program's instructions came to in a run of the case. */
  readonly observe: (failing: FailingCase) => KnownValues;
  /** Candidates tried at most; default 6,000. */
  readonly budget?: number;
}

/** The smallest case found for which `fails` still holds; `fails(start)` is known to hold. */
export function shrinkCase(
  start: FailingCase,
  fails: (candidate: FailingCase) => boolean,
  options: ShrinkCaseOptions,
): FailingCase {
  let budget = options.budget ?? 6000;
  let best = start;
  const attempt = (change: Partial<FailingCase>): boolean => {
    if (budget <= 0) return false;
    budget--;
    const candidate = { ...best, ...change };
    if (!fails(candidate)) return false;
    best = candidate;
    return true;
  };
  const attemptObject = (object: ObjectSpec): boolean => object !== best.object && attempt({ object });
  const targetOf = (index: number): ShrinkTarget => ({
    get program(): ProgramSpec {
      return best.object.programs[index] as ProgramSpec; // passes change programs and take none away
    },
    attempt(candidate) {
      if (candidate === undefined) return false;
      return attempt({ object: { ...best.object, programs: best.object.programs.with(index, candidate) } });
    },
  });

  fewerPackets(best.packets, options.packet, (packets) => attempt({ packets }));
  attemptObject(onlyFirstProgram(best.object));
  attempt({ seeded: false });
  const main = targetOf(0);
  for (let size = Number.POSITIVE_INFINITY; budget > 0 && sizeOf(best) < size; ) {
    size = sizeOf(best);
    endEarly(main);
    for (const index of best.object.programs.keys()) {
      deleteFunctions(targetOf(index));
      deleteRuns(targetOf(index));
    }
    attemptObject(pruneMaps(best.object));
    attemptObject(withoutTypes(best.object));
    useConstants(main, () => options.observe(best));
    for (const index of best.object.programs.keys()) {
      deleteRuns(targetOf(index));
      deleteWindows(targetOf(index));
    }
    smallerConstants(main);
    shorterPackets(best.packets, (packets) => attempt({ packets }));
  }
  attemptObject(pruneMaps(best.object));
  return best;
}

/** What shrinking makes less of: slots before maps before packet bytes. */
function sizeOf({ object, packets }: FailingCase): number {
  const slots = object.programs.reduce((sum, program) => sum + program.insns.length, 0);
  return 1000 * slots + object.maps.length + packets.reduce((sum, packet) => sum + packet.data.length, 0) / 1e6;
}

/** The packet that shows it alone, else with those before it, less each that is not needed. */
function fewerPackets(packets: readonly Packet[], at: number, attempt: (packets: readonly Packet[]) => boolean): void {
  const shown = packets[at];
  if (shown === undefined || packets.length === 1 || attempt([shown])) return;
  let kept = packets.slice(0, at + 1);
  if (kept.length < packets.length && !attempt(kept)) kept = packets.slice();
  for (let i = kept.length - 1; i >= 0; i--) {
    const fewer = kept.toSpliced(i, 1);
    if (fewer.length > 0 && attempt(fewer)) kept = fewer;
  }
}

/** Each packet without metadata, cut to a shorter length, and zero as far as may be. */
function shorterPackets(packets: readonly Packet[], attempt: (packets: readonly Packet[]) => boolean): void {
  let best = packets;
  const put = (at: number, packet: Packet): boolean => {
    const candidate = best.with(at, packet);
    if (!attempt(candidate)) return false;
    best = candidate;
    return true;
  };
  for (const at of packets.keys()) {
    const packet = (): Packet => best[at] as Packet; // `best` is as long as `packets`
    if (packet().meta !== undefined) put(at, { data: packet().data });
    for (const length of [14, 60, packet().data.length >> 1]) {
      if (
        length >= 14 &&
        length < packet().data.length &&
        put(at, { ...packet(), data: packet().data.slice(0, length) })
      )
        break;
    }
    const zeroed = packet().data.slice().fill(0);
    if (packet().data.some((byte) => byte !== 0) && put(at, { ...packet(), data: zeroed })) continue;
    for (let start = 0; start < packet().data.length; start += 16) {
      const data = packet().data.slice();
      if (!data.subarray(start, start + 16).some((byte) => byte !== 0)) continue;
      put(at, { ...packet(), data: data.fill(0, start, start + 16) });
    }
  }
}
