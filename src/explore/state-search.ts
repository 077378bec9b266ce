/**
 * A search for paths over packets and contents of maps. A start is run, and its path followed (follow/); each step of
 * the path that no run before it had is turned round: the solver makes a start for which everything up to the step is
 * as it was and the step is not, or an element is put where there was none, or taken away. That start is run, and so
 * on. What is found is not what the solver says, but what the interpreter did.
 *
 * Steps that lead to ways of jumps that no run went come first; of all others one is drawn at random, so that a budget
 * is spread over the program. A path is the sequence of instructions that ran, and the verdict: two starts on one path
 * count once.
 */
import { Interpreter } from '../interp/index.js';
import { Prng } from '../packet/index.js';
import { mostMetadata, verdictName } from '../platform/index.js';
import { type NearbyAnswer, NearbySolver, type Term, Terms, Trials, termsBelow } from '../solve/index.js';
import { type BpfMap, cannotBeFull, cannotLose, type LoadedProgram, type Machine } from '../vm/index.js';
import { questionEffort, startEffort } from './follow/effort.js';
import type { KeyClass } from './follow/map-keys.js';
import { PathFollower } from './follow/path-follower.js';
import { PathNumber } from './follow/path-number.js';
import { noWay, type PathStep } from './follow/path-steps.js';
import { type Arrival, arriving, fillMaps, referencesOf, type StartState, startLimits } from './follow/start-state.js';
import { numberOf, valuesOf } from './follow/start-values.js';
import { turnedStart, unchanged } from './follow/turned-start.js';
import { PinnedValues } from './pinned-values.js';

/** A path, and a start that takes it. */
export interface StatePath {
  readonly start: StartState;
  readonly verdict: number;
  /** Instructions that ran. */
  readonly insns: number;
}

/** How a search is set up. */
export interface StateSearchOptions {
  readonly arrival: Arrival;
  /** False: maps are as they are in the machine, and only packets are looked for. */
  readonly varyMaps: boolean;
  readonly seed: number;
  /** Instructions that a packet may take. */
  readonly maxSteps?: number | undefined;
}

/** A path with all that its turns need. */
interface Followed extends StatePath {
  readonly steps: readonly PathStep[];
  readonly keys: readonly KeyClass[];
  /** Results of calls that the start does not decide, and that each is what it was. */
  readonly results: readonly bigint[];
  readonly pins: readonly Term[];
}

/** A step of a path that is to be turned, and what its element is to hold. */
interface Turn {
  readonly path: Followed;
  readonly step: number;
  readonly value: Uint8Array | undefined;
  /** Where maps stay as they are: the key of an element that is to be found. */
  readonly key?: Uint8Array | undefined;
  /** The solver gave up on it once and is to try harder. */
  readonly isHard?: boolean;
  /** Of an address that is in the way of this way: a value that no path had. */
  readonly frees?: number | undefined;
}

/** Tries in vain after which a way is not sought any more before all others. */
const patience = 8;

/** Operations from which on a comparison is turned late. */
const heavyTerms = 150;

/**
 * Conflicts that the solver may meet when a step is first turned. Most questions have their answer before that, and a
 * question with none, about a hash of the packet, costs as much as running a hundred starts if it is asked to the end.
 */
const quickConflicts = 20;

/** Work of the solver on hard questions that each start which is run pays for: about a fifth of the time. */
const workPerStart = 1000;

/** Elements of a map that stays as it is to which a look-up is led. */
const maxKeys = 3;

/**
 * Bytes of metadata that a start is tried with where its path looks for some and goes new ways: the least, what most
 * structs fit in, and as much as there can be, to which nothing can be added.
 */
const metadataSizes = [4, 32, mostMetadata];

/** Finds paths from starts that are there. */
export class StateSearch {
  readonly found: StatePath[] = [];
  /** Ways out of conditional jumps that some run went (path-steps.ts). */
  readonly ways: Set<number> = new Set();
  /** Starts that were run. */
  tried = 0;
  /**
   * What it took so far (follow/effort.ts): instructions that were followed, work of the solver.
   */
  effort = 0;
  /** Turns that cannot be, and such that the solver gave up on. */
  refuted = 0;
  unknown = 0;
  /** Starts that took another path when they were run again; they do not count. */
  unsure = 0;
  private readonly machine: Machine;
  private readonly program: LoadedProgram;
  private readonly options: StateSearchOptions;
  private readonly terms = new Terms();
  private readonly solver = new NearbySolver();
  private readonly interpreter: Interpreter;
  /** The interpreter of a machine of its own, on which what is found is run again. */
  private readonly again: Interpreter;
  private readonly number = new PathNumber();
  private readonly follower: PathFollower;
  private readonly random: Prng;
  private readonly paths = new Set<string>();
  /** How often ways were tried in vain without being refuted. */
  private readonly left = new Map<number, number>();
  private readonly heavy = new Map<Term, boolean>();
  /** What every start keeps to. */
  private readonly limits: readonly Term[];
  /** Values that elements of a map had in starts that were given, to make others like them. */
  private readonly samples = new Map<number, Uint8Array>();
  /** Turns that lead to new ways, those that lead somewhere, and those that only move an address or a key. */
  private readonly urgent: Turn[] = [];
  private readonly open: Turn[] = [];
  private readonly late: Turn[] = [];
  /** Turns that the solver gave up on at first: such as lead to new ways, and all others. */
  private readonly hardUrgent: Turn[] = [];
  private readonly hard: Turn[] = [];
  /** Starts that are to be tried with metadata before their packets, or with maps that are full. */
  private readonly variants: StartState[] = [];
  /** Turns of what was taken as it was, and kept paths from new ways. */
  private readonly freeing: Turn[] = [];
  private readonly pinned = new PinnedValues();
  /** Full maps just have no room (fillMaps), as long as no path came out otherwise for it. */
  private isSketch = true;
  /** Turns were left out. */
  private isCut = false;
  /** Work of the solver on hard questions so far. */
  private hardWork = 0;
  /** Questions that the solver gave up on for good, answered by trying; and what waits for these answers. */
  private readonly trials: Trials;
  private readonly waiting = new Map<Term, Turn[]>();
  private readonly gaveUpOn = new Set<Term>();
  /** How often the solver gave up on a way at first: where it often does, it is not asked lightly again. */
  private readonly gaveUp = new Map<number, number>();

  /** `machine`: what every start begins with; `again`: another one like it. */
  constructor(machine: Machine, again: Machine, program: LoadedProgram, options: StateSearchOptions) {
    this.machine = machine;
    this.again = new Interpreter(again, { maxSteps: options.maxSteps });
    this.again.observer = this.number;
    this.program = program;
    this.options = options;
    this.interpreter = new Interpreter(machine, { maxSteps: options.maxSteps });
    this.follower = new PathFollower(this.terms, machine, this.interpreter.registers, options.varyMaps);
    this.interpreter.observer = this.follower;
    this.random = new Prng(options.seed);
    this.trials = new Trials(this.terms);
    this.limits = startLimits(this.terms);
  }

  /** Runs a start that is given; its elements are examples of what maps hold. */
  add(start: StartState): void {
    for (const { map, value } of start.entries) if (!this.samples.has(map)) this.samples.set(map, value);
    const path = this.run(start, undefined);
    // Of all the elements that there may be, the path needs those that it came across.
    if (path !== undefined && start.entries.length > path.keys.length)
      this.run(turnedStart(path, path.steps.length, unchanged, undefined), undefined);
  }

  /** Turns steps until there is none left, `budget` starts were run in all, or `isOver` says so. */
  explore(budget: number, isOver: () => boolean = () => false): void {
    while (this.tried < budget && !isOver()) {
      const start = this.variants.pop();
      if (start !== undefined) {
        this.run(start, undefined);
        continue;
      }
      const isQuiet = this.hardUrgent.length + this.hard.length === 0;
      if (this.mayBeHard && isQuiet && this.tryNumbers()) continue;
      const turn = this.next();
      if (turn !== undefined) this.tryTurn(turn);
      else if (!this.tryNumbers()) return;
    }
  }

  /** Goes on trying what the solver gave up on; false: there is nothing of that kind. */
  private tryNumbers(): boolean {
    if (!this.trials.isOpen) return false;
    const { settled, work } = this.trials.proceed();
    this.hardWork += work;
    this.effort += work;
    for (const wanted of settled) {
      const turns = this.waiting.get(wanted) ?? [];
      this.waiting.delete(wanted);
      for (const turn of turns)
        (this.isNew(turn.path.steps[turn.step] as PathStep) ? this.urgent : this.open).push({ ...turn, isHard: false });
    }
    return true;
  }

  private tryTurn(turn: Turn): void {
    const start = this.turned(turn);
    if (start === undefined) return;
    this.run(start, turn);
    const step = turn.path.steps[turn.step] as PathStep;
    // The value was not the one, and there may be others.
    if (turn.frees !== undefined && !this.ways.has(turn.frees) && this.pinned.isAskedAgain(step))
      this.freeing.push(turn);
    const { way } = step;
    if (way !== noWay && !this.ways.has(way ^ 1)) this.leave(way ^ 1);
  }

  /**
   * Turns what may lead to ways that no run went, until nothing is left of it: then {@link refutedWays} is complete.
   */
  settle(): void {
    for (;;) {
      for (let start = this.variants.pop(); start !== undefined; start = this.variants.pop())
        this.run(start, undefined);
      // What a hard turn finds may lead to more that are not.
      const turn = this.nextNew(this.urgent) ?? this.nextFreeing() ?? this.nextNew(this.hardUrgent);
      if (turn === undefined) return;
      this.tryTurn(turn);
    }
  }

  /** True when every step of every path was turned, and each turn had an answer. */
  get isDone(): boolean {
    return this.unanswered === 0;
  }

  /** Turns of which it is not known whether they can be, once all others were tried; undefined: not all were. */
  get unanswered(): number | undefined {
    return this.isIdle && this.waiting.size === 0 && !this.isCut ? this.unknown : undefined;
  }

  /** Nothing is to be turned or run. */
  private get isIdle(): boolean {
    const { urgent, open, late, hardUrgent, hard, variants, freeing } = this;
    return [urgent, open, late, hardUrgent, hard, variants, freeing].every((turns) => turns.length === 0);
  }

  /** Has enough been run for what hard questions took? */
  private get mayBeHard(): boolean {
    return this.hardWork <= workPerStart * this.tried;
  }

  /**
   * Ways that no run went though their jump was come to, and that were refuted there each time: whatever the packet
   * and the maps, the paths that were found cannot leave that way. Of paths that were not found this says nothing.
   */
  get refutedWays(): ReadonlySet<number> {
    const left = this.leftWays;
    const others = [...this.ways].map((way) => way ^ 1);
    return new Set(others.filter((way) => !this.ways.has(way) && !left.has(way) && !this.pinned.mayOpen(way)));
  }

  /** Ways that were tried in vain without being refuted, or are still to be tried. */
  get leftWays(): ReadonlySet<number> {
    const left = new Set(this.left.keys());
    for (const { path, step } of [...this.urgent, ...this.hardUrgent, ...[...this.waiting.values()].flat()])
      left.add((path.steps[step] as PathStep).way ^ 1);
    return left;
  }

  /** A way that could not be gone, and nobody knows whether it can. */
  private leave(way: number): void {
    this.left.set(way, (this.left.get(way) ?? 0) + 1);
  }

  private next(): Turn | undefined {
    const urgent = this.nextNew(this.urgent) ?? this.nextFreeing();
    if (urgent !== undefined) return urgent;
    const hard = this.mayBeHard ? (this.nextNew(this.hardUrgent) ?? this.draw(this.hard)) : undefined;
    return (
      hard ?? this.draw(this.open) ?? this.draw(this.late) ?? this.nextNew(this.hardUrgent) ?? this.draw(this.hard)
    );
  }

  /** The latest of these turns whose way is still new; others join those that are not urgent. */
  private nextNew(turns: Turn[]): Turn | undefined {
    for (let turn = turns.pop(); turn !== undefined; turn = turns.pop()) {
      if (this.isNew(turn.path.steps[turn.step] as PathStep)) return turn;
      (turn.isHard === true ? this.hard : this.open).push(turn);
    }
    return undefined;
  }

  /** The oldest of what is in the way of a way that is still new. */
  private nextFreeing(): Turn | undefined {
    for (let turn = this.freeing.shift(); turn !== undefined; turn = this.freeing.shift()) {
      if (!this.ways.has(turn.frees as number)) return turn;
      this.pinned.answered(turn.path.steps[turn.step] as PathStep);
    }
    return undefined;
  }

  private draw(turns: Turn[]): Turn | undefined {
    if (turns.length === 0) return undefined;
    const at = this.random.below(turns.length);
    const turn = turns[at];
    const last = turns.pop() as Turn;
    if (at < turns.length) turns[at] = last;
    return turn;
  }

  /** Does the other way of the step's jump count as not gone? */
  private isNew(step: PathStep): boolean {
    const other = step.way ^ 1;
    return step.way !== noWay && !this.ways.has(other) && (this.left.get(other) ?? 0) < patience;
  }

  /** Runs a start; its path joins in if it is new. */
  private run(given: StartState, turn: Turn | undefined): Followed | undefined {
    const { machine, follower, interpreter, program, options } = this;
    this.tried++;
    let isOpen = true;
    machine.transaction.begin();
    try {
      if (!fillMaps(machine, given, this.isSketch)) return undefined;
      machine.setPacket(arriving(given, options.arrival));
      follower.start(given);
      const { verdict, steps: insns } = interpreter.run(program);
      this.effort += startEffort + insns;
      const waysBefore = this.ways.size;
      for (const way of follower.ways) this.ways.add(way);
      this.pinned.note(follower.steps);
      // Maps that nobody asked for room need not be full.
      const taken = follower.keys.keys.all.filter((key) => key.isTaken);
      const start = {
        ...given,
        full: given.full.filter((map) => follower.lackedRoom.has(map)),
        absent: taken.map(({ map, bytes }) => ({ map, key: bytes })),
      };
      const isMetadata = follower.asksForMetadata && start.metadata.length === 0 && this.ways.size > waysBefore;
      const room = this.ways.size > waysBefore && options.varyMaps ? this.fillable(start) : [];
      const path = pathOf(follower.number, verdict);
      if (this.paths.has(path)) return undefined;
      this.paths.add(path);
      machine.transaction.rollback();
      isOpen = false;
      if (!this.isTaken(start, path)) {
        if (this.isSketch && start.full.length > 0) {
          this.isSketch = false;
          this.paths.delete(path);
          return this.run(given, turn);
        }
        this.unsure++;
        return undefined;
      }
      const followed = {
        start,
        verdict,
        insns,
        steps: follower.steps,
        keys: follower.keys.keys.all,
        results: follower.results,
        pins: follower.pins,
      };
      this.found.push(followed);
      if (isMetadata)
        this.variants.push(...metadataSizes.map((size) => ({ ...start, metadata: new Uint8Array(size) })));
      this.variants.push(...room.map((map) => ({ ...start, full: [...start.full, map] })));
      this.queue(followed, turn === undefined ? 0 : shared(followed.steps, turn));
      return followed;
    } finally {
      if (isOpen) machine.transaction.rollback();
    }
  }

  /** Maps that gave the run room, and may be full instead. */
  private fillable({ full }: StartState): number[] {
    return [...this.follower.gaveRoom].filter((map) => {
      const given = this.machine.maps[map];
      return given !== undefined && !full.includes(map) && cannotBeFull(given) === undefined;
    });
  }

  /** Does a machine that nobody has followed a run on take this path, too? */
  private isTaken(start: StartState, path: string): boolean {
    const { machine } = this.again;
    machine.transaction.begin();
    try {
      if (!fillMaps(machine, start)) return false;
      machine.setPacket(arriving(start, this.options.arrival));
      this.number.start();
      const { verdict } = this.again.run(machine.programs[this.program.index] as LoadedProgram);
      return pathOf(this.number, verdict) === path;
    } finally {
      machine.transaction.rollback();
    }
  }

  /** Steps from `from` on are to be turned. */
  private queue(path: Followed, from: number): void {
    for (let i = from; i < path.steps.length; i++) {
      const step = path.steps[i] as PathStep;
      // To fill a table takes as long as hundreds of runs: with full ones only new ways are looked for.
      if (!this.isNew(step) && path.start.full.some((map) => this.machine.maps[map]?.spec.type !== 'ringbuf')) {
        this.isCut = true;
        continue;
      }
      const isHard = step.way !== noWay && (this.gaveUp.get(step.way ^ 1) ?? 0) >= patience;
      const turns =
        step.kind === 'presence' ? this.turnsOf(path, i, step) : [{ path, step: i, value: undefined, isHard }];
      const isLate = step.kind === 'key' || step.kind === 'pin' || (step.kind === 'branch' && this.isHeavy(step.term));
      if (turns.length === 0 && step.way !== noWay) this.leave(step.way ^ 1);
      const [urgent, open] = isHard ? [this.hardUrgent, this.hard] : [this.urgent, isLate ? this.late : this.open];
      (this.isNew(step) ? urgent : open).push(...turns);
    }
  }

  /** Terms that a solver is long about. */
  private isHeavy(term: Term): boolean {
    let known = this.heavy.get(term);
    if (known === undefined) {
      known = termsBelow([term]).length > heavyTerms;
      this.heavy.set(term, known);
    }
    return known;
  }

  /**
   * An element is taken away, or made: with each reference that it can hold, or like one that was given. Where maps
   * stay as they are, another key is asked for instead.
   */
  private turnsOf(path: Followed, index: number, { key, isPresent }: Presence): Turn[] {
    const turn = { path, step: index, value: undefined };
    const map = this.machine.maps[key.map];
    if (map === undefined) return [];
    if (!this.options.varyMaps) {
      if (key.term === undefined) return [];
      return isPresent ? [turn] : firstKeys(map, maxKeys).map((each) => ({ ...turn, key: each }));
    }
    if (isPresent) return key.isGiven && cannotLose(map.spec) !== undefined ? [] : [turn];
    const references = referencesOf(this.machine, map);
    if (references !== undefined) return references.map(({ value }) => ({ ...turn, value }));
    return [{ ...turn, value: this.samples.get(key.map) ?? new Uint8Array(map.spec.valueSize) }];
  }

  /** A start for the turn; undefined: there is none, or it was not found. */
  private turned(turn: Turn): StartState | undefined {
    const { path, step: index, value, key } = turn;
    const step = path.steps[index] as PathStep;
    if (step.kind === 'presence' && this.options.varyMaps)
      return turnedStart(path, index, unchanged, { key: step.key, value });
    const held = [...this.limits, ...path.pins];
    for (let i = 0; i < index; i++) {
      const before = path.steps[i] as PathStep;
      if (before.kind !== 'presence') held.push(before.term);
    }
    const { terms } = this;
    const isFreeing = turn.frees !== undefined;
    const wanted =
      step.kind === 'presence'
        ? this.keyWanted(step.key, key)
        : isFreeing
          ? terms.no(terms.any(this.pinned.seen(step)))
          : terms.no(step.term);
    const answer = this.ask(turn, held, wanted);
    if (answer === undefined) return undefined;
    if (isFreeing && answer.verdict !== 'unknown') this.pinned.answered(step);
    if (answer.verdict === 'sat') return turnedStart(path, index, answer.changes, undefined);
    if (answer.verdict === 'unsat') this.refuted++;
    else this.unknown++;
    if (isFreeing) return undefined;
    // What contradicts the result of a call, another result may allow.
    if (answer.verdict === 'unknown' || answer.core.some((term) => path.pins.includes(term))) this.leave(step.way ^ 1);
    else if (this.isNew(step)) this.free(turn, answer.core);
    return undefined;
  }

  /** What was taken as it was and is in the way is asked for other values. */
  private free({ path, step }: Turn, core: readonly Term[]): void {
    const way = (path.steps[step] as PathStep).way ^ 1;
    for (const index of this.pinned.block(way, core, path.steps.slice(0, step)))
      this.freeing.push({ path, step: index, value: undefined, frees: way });
  }

  /**
   * What the solver says. Undefined: the turn is put off. Where it gives up twice, numbers are tried, once for all
   * turns that ask the same.
   */
  private ask(turn: Turn, held: readonly Term[], wanted: Term): NearbyAnswer | undefined {
    const { solver, trials } = this;
    const { path, isHard } = turn;
    const step = path.steps[turn.step] as PathStep;
    if (trials.isRefuted(wanted)) return { verdict: 'unsat', core: [wanted], work: 0 };
    const start = valuesOf(path);
    const isKnown = this.gaveUpOn.has(wanted);
    const limit = isKnown ? 0 : isHard === true ? undefined : quickConflicts;
    const answer = solver.solve(held, wanted, start, limit, trials.answers(wanted));
    this.effort += questionEffort + answer.work;
    if (isHard === true) this.hardWork += answer.work;
    if (answer.verdict !== 'unknown') return answer;
    if (!isKnown && isHard !== true) {
      this.gaveUp.set(step.way ^ 1, (this.gaveUp.get(step.way ^ 1) ?? 0) + 1);
      (this.isNew(step) ? this.hardUrgent : this.hard).push({ ...turn, isHard: true });
      return undefined;
    }
    this.gaveUpOn.add(wanted);
    const when = trials.ask(wanted, start);
    if (when === 'never') return answer;
    if (when === 'later') {
      const others = this.waiting.get(wanted);
      if (others === undefined) this.waiting.set(wanted, [turn]);
      else others.push(turn);
      return undefined;
    }
    return trials.isRefuted(wanted)
      ? { verdict: 'unsat', core: [wanted], work: 0 }
      : solver.solve(held, wanted, start, 0, trials.answers(wanted));
  }

  /** The key is the one that is given, or another than it was; of a trie, one that the given prefix covers. */
  private keyWanted({ map, term, bytes }: KeyClass, key: Uint8Array | undefined): Term {
    const { terms } = this;
    const own = term ?? terms.bits(8 * bytes.length, 0n);
    const isTrie = this.machine.maps[map]?.spec.type === 'lpm_trie';
    const given = key ?? bytes;
    // A trie's key is the length of its prefix and the data, whose first bits are the upper ones of the first byte.
    const prefix = key === undefined ? 8 : new DataView(key.buffer, key.byteOffset).getUint32(0, true);
    const parts: Term[] = [];
    for (let bit = 0; isTrie && bit < prefix; bit += 8) {
      const at = 8 * (4 + bit / 8);
      const low = Math.max(0, 8 - (prefix - bit));
      parts.push(terms.eq(terms.extract(own, at + 7, at + low), terms.bits(8 - low, (given[at / 8] as number) >> low)));
    }
    const is = isTrie ? terms.all(parts) : terms.eq(own, terms.bits(8 * bytes.length, numberOf(given)));
    return key === undefined ? terms.no(is) : is;
  }
}

/** What is left of a map by which packets are sent on decides no jump, but what becomes of the packet. */
function pathOf(number: PathNumber, verdict: number): string {
  return `${number.text} ${verdictName(verdict)}`;
}

type Presence = Extract<PathStep, { readonly kind: 'presence' }>;

function firstKeys(map: BpfMap, most: number): Uint8Array[] {
  const keys: Uint8Array[] = [];
  for (const { key } of map.entries()) {
    if (keys.length === most) break;
    keys.push(key);
  }
  return keys;
}

/** Steps that a path has in common with the one that it was turned from, with the turned one. */
function shared(steps: readonly PathStep[], { path, step }: Turn): number {
  for (let i = 0; i < step; i++) {
    const [a, b] = [steps[i], path.steps[i]];
    if (a === undefined || b === undefined || a.kind !== b.kind) return i;
    if (a.kind !== 'presence' && b.kind !== 'presence' && a.term !== b.term) return i;
    if (a.kind === 'presence' && b.kind === 'presence' && a.isPresent !== b.isPresent) return i;
  }
  return Math.min(step + 1, steps.length);
}
