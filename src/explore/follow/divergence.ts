/**
 * Starts that two versions of a program may part on. Both are followed from one start, over the same variables
 * (follow/). Where they decided by different terms, or left different terms in the packet, in a map or in r0, a solver
 * is asked for a start on the one's path for which the other decides, or leaves, something else. So a limit that is
 * one higher is found by the number between the two, which no search for paths would come upon.
 *
 * What is the same code makes the same terms, so it is never asked about. What comes out is a start to try, no proof.
 */
import { Interpreter } from '../../interp/index.js';
import { NearbySolver, type Term, Terms } from '../../solve/index.js';
import type { LoadedProgram, Machine } from '../../vm/index.js';
import { questionEffort, startEffort } from './effort.js';
import type { OtherVersion } from './follow-keys.js';
import type { KeyClass } from './map-keys.js';
import { PathFollower } from './path-follower.js';
import { noWay, type PathStep } from './path-steps.js';
import {
  type Arrival,
  arriving,
  fillMaps,
  referencesOf,
  type StartState,
  startLimits,
  startNames,
} from './start-state.js';
import { valuesOf } from './start-values.js';
import { turnedStart, unchanged } from './turned-start.js';

/** One of the two versions. */
export interface ProgramVersion {
  readonly machine: Machine;
  readonly program: LoadedProgram;
  readonly arrival: Arrival;
}

/** How the first version's maps and starts are the second one's. */
export interface VersionPairs {
  /** What the first version calls a map of the second: its index there, or a number that no map of it has. */
  mapOf(index: number): number;
  /** A start of the first as the second has it; undefined: its maps cannot hold that. */
  translated(start: StartState): StartState | undefined;
}

/** Conflicts that the solver may meet with a question. */
const conflicts = 60;

/** Questions in vain about the same jump, or the same place of a map or packet, after which it is asked no more. */
const patience = 24;

/** Bytes that are asked about together. */
const word = 8;

/** A place that a program left something in. */
interface Place {
  readonly name: string;
  /** Terms of its bytes, or what they are. */
  readonly bytes: readonly (Term | number)[];
}

/** What a version did from a start. */
interface Followed {
  readonly steps: readonly PathStep[];
  readonly terms: ReadonlySet<Term>;
  readonly keys: readonly KeyClass[];
  readonly results: readonly bigint[];
  readonly pins: readonly Term[];
  readonly places: ReadonlyMap<string, Place>;
  readonly insns: number;
}

/** Looks for starts that tell two versions apart, near starts that are given. */
export class Divergences {
  private readonly terms = new Terms();
  private readonly solver = new NearbySolver();
  private readonly old: VersionRun;
  private readonly fresh: VersionRun;
  private readonly pairs: VersionPairs;
  private readonly limits: readonly Term[];
  /** What it took so far, as {@link StateSearch.effort}. */
  effort = 0;
  /** Questions in vain, by what they were about. */
  private readonly vain = new Map<string, number>();

  constructor(old: ProgramVersion, fresh: ProgramVersion, pairs: VersionPairs) {
    this.old = new VersionRun(this.terms, old);
    this.fresh = new VersionRun(this.terms, fresh);
    this.pairs = pairs;
    this.limits = startLimits(this.terms);
  }

  /** Starts, as the first version has them, that may tell the two apart, near one of it. */
  *near(start: StartState): Generator<StartState> {
    const other = this.pairs.translated(start);
    const a = this.old.follow(start, undefined);
    const b = other && a && this.fresh.follow(other, { keys: a.classes, mapOf: (i) => this.pairs.mapOf(i) });
    this.effort += 2 * startEffort + (a?.followed.insns ?? 0) + (b?.followed.insns ?? 0);
    if (a === undefined || b === undefined) return;
    const seen = new Set(a.followed.keys.map(idOf));
    const keys = [...a.followed.keys, ...b.followed.keys.filter((key) => !seen.has(idOf(key)))];
    const results = longer(a.followed.results, b.followed.results);
    const path = { start, keys, results };
    const held = [...this.limits, ...a.followed.pins];
    const [onA, onB] = [
      [...held, ...a.followed.terms],
      [...held, ...b.followed.terms],
    ];
    const ask = (what: string, given: readonly Term[], wanted: Term): StartState | undefined => {
      if ((this.vain.get(what) ?? 0) >= patience) return undefined;
      this.vain.set(what, (this.vain.get(what) ?? 0) + 1);
      const answer = this.solver.solve(given, wanted, valuesOf(path), conflicts);
      this.effort += questionEffort + answer.work;
      return answer.verdict === 'sat' ? turnedStart(path, Infinity, answer.changes, undefined) : undefined;
    };
    for (const [steps, others, given, side] of [
      [b.followed.steps, a.followed, onA, 'new'],
      [a.followed.steps, b.followed, onB, 'old'],
    ] as const) {
      const before: Term[] = [];
      for (const step of steps) {
        if (step.kind === 'presence') {
          if (!others.keys.some((key) => idOf(key) === idOf(step.key))) yield* this.toggled(path, step, side);
          continue;
        }
        if (!others.terms.has(step.term)) {
          const what = step.way === noWay ? `${side} ${step.kind} ${step.term.id}` : `${side} ${step.way}`;
          const found = ask(what, [...given, ...before], this.terms.no(step.term));
          if (found !== undefined) yield found;
        }
        before.push(step.term);
      }
    }
    const both = [...onA, ...b.followed.terms];
    for (const [name, left] of a.followed.places) {
      const right = b.followed.places.get(name);
      if (right === undefined) continue;
      for (const [at, wanted] of this.differing(left, right)) {
        const found = ask(`${name} ${at}`, both, wanted);
        if (found !== undefined) yield found;
      }
    }
  }

  /** One version alone asks for the element: it is made, or taken away. */
  private *toggled(
    path: Parameters<typeof turnedStart>[0],
    { key, isPresent }: Extract<PathStep, { readonly kind: 'presence' }>,
    side: string,
  ): Generator<StartState> {
    const what = `${side} presence ${key.map}`;
    if ((this.vain.get(what) ?? 0) >= patience) return;
    this.vain.set(what, (this.vain.get(what) ?? 0) + 1);
    const map = this.old.version.machine.maps[key.map];
    if (map === undefined) return;
    const values = isPresent
      ? [undefined]
      : (referencesOf(this.old.version.machine, map)?.map(({ value }) => value) ?? [
          new Uint8Array(map.spec.valueSize),
        ]);
    for (const value of values) yield turnedStart(path, Infinity, unchanged, { key, value });
  }

  /** Terms that say that the bytes there are not the same, a word at a time. */
  private *differing({ bytes: left }: Place, { bytes: right }: Place): Generator<[at: number, wanted: Term]> {
    const { terms } = this;
    const term = (byte: Term | number | undefined): Term =>
      typeof byte === 'object' ? byte : terms.bits(8, byte ?? 0);
    const size = Math.min(left.length, right.length);
    for (let at = 0; at < size; at++) {
      if (left[at] === right[at]) continue;
      const length = Math.min(word, size - at);
      const range = (bytes: Place['bytes']): Term =>
        terms.concatAll(Array.from({ length }, (_, i) => term(bytes[at + i])).reverse());
      yield [at, terms.distinct(range(left), range(right))];
      at += length - 1;
    }
  }
}

/** Follows one version from one start after another. */
class VersionRun {
  readonly version: ProgramVersion;
  private readonly follower: PathFollower;
  private readonly interpreter: Interpreter;

  constructor(terms: Terms, version: ProgramVersion) {
    this.version = version;
    this.interpreter = new Interpreter(version.machine);
    this.follower = new PathFollower(terms, version.machine, this.interpreter.registers, true);
    this.interpreter.observer = this.follower;
  }

  /** Undefined: its maps do not take what the start has. */
  follow(
    start: StartState,
    other: OtherVersion | undefined,
  ): { readonly followed: Followed; readonly classes: OtherVersion['keys'] } | undefined {
    const { follower, interpreter, version } = this;
    const { machine } = version;
    machine.transaction.begin();
    try {
      if (!fillMaps(machine, start, true)) return undefined;
      machine.setPacket(arriving(start, version.arrival));
      follower.keys.other = other;
      follower.start(start);
      const { r0, steps: insns } = interpreter.run(version.program);
      const classes = follower.keys.keys;
      const { steps, results, pins } = follower;
      const terms = new Set(steps.flatMap((step) => (step.kind === 'presence' ? [] : [step.term])));
      return { followed: { steps, terms, keys: classes.all, results, pins, places: this.places(r0), insns }, classes };
    } finally {
      machine.transaction.rollback();
    }
  }

  /** What the run has left: verdict, packet, and elements that it saw. */
  private places(r0: bigint): Map<string, Place> {
    const { follower } = this;
    const { machine } = this.version;
    const places = new Map<string, Place>();
    const note = (name: string, start: number, size: number): void => {
      const bytes = Array.from({ length: size }, (_, i) => follower.shadow.byte(start + i) ?? this.held(start + i));
      places.set(name, { name, bytes });
    };
    const { data, dataEnd } = machine.lane.packet;
    note(startNames.packet(0), data, dataEnd - data);
    for (const key of follower.keys.keys.all)
      if (key.element !== undefined && key.now !== false) note(`map ${idOf(key)}`, key.element.at, key.element.size);
    const term = follower.termOf(0);
    const verdict = Array.from({ length: 4 }, (_, i) =>
      term === undefined ? Number((r0 >> BigInt(8 * i)) & 0xffn) : follower.terms.extract(term, 8 * i + 7, 8 * i),
    );
    places.set('verdict', { name: 'verdict', bytes: verdict });
    return places;
  }

  private held(address: number): number {
    return Number(this.version.machine.memory.peek(BigInt(address), 1) ?? 0n);
  }
}

function idOf({ map, bytes }: KeyClass): string {
  return `${map} ${bytes.join()}`;
}

function longer<T>(a: readonly T[], b: readonly T[]): readonly T[] {
  return a.length >= b.length ? a : b;
}
