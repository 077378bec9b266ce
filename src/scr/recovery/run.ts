/**
 * Cores that run the protocol's rows over their logs, one step at a time. Who decides which core is next (all ways of
 * it, or chance) drives it; what is applied and skipped is told to a witness.
 *
 * Layout: a log's entry is two columns, `tags` (number times four, and the kind) and `items`; core c's entry for
 * number n stands at c times `entries` plus n mod `entries`. An item's contents are the number of its packet, so
 * whatever is applied shows whose it is. A core is a row of `vars`.
 */
import { InternalError } from '../../base/index.js';
import {
  entryKinds,
  type RecoveryAction,
  type RecoveryGuard,
  type RecoveryProtocol,
  type RecoveryState,
  recoveryStates,
} from './protocol.js';

/** Told what cores do to their copies of the state. */
export interface RecoveryWitness {
  /** Core's copy goes on by an item: by whose it is, 0 for none, where it should be that of `number`. */
  applied(core: number, number: number, item: number): void;
  /** Core goes on without number. */
  skipped(core: number, number: number): void;
  /** Core says that its copy is not worth anything any more. */
  fell(core: number, number: number): void;
  /** Core had the packet, and no copy to run it on. */
  refused(core: number, number: number): void;
}

/** Where a core's packets come from. */
export interface RecoveryArrivals {
  /** The number of the packet that waits for the core; 0: none. */
  next(core: number): number;
  take(core: number): void;
}

/** What is to be run. */
export interface RecoverySetup {
  readonly protocol: RecoveryProtocol;
  readonly cores: number;
  /** Of a log. */
  readonly entries: number;
  readonly arrivals: RecoveryArrivals;
  readonly witness: RecoveryWitness;
}

const columns = 8;
const [stateAt, packetAt, cursorAt, otherAt, loggedAt, appliedAt, copiedAt, flagsAt] = [0, 1, 2, 3, 4, 5, 6, 7];
const isPast = 1;
const isOut = 2;

type Ask = (run: RecoveryRun, core: number) => boolean;
type Act = (run: RecoveryRun, core: number) => void;

interface CompiledRow {
  readonly when: Ask;
  readonly does: readonly Act[];
  readonly to: number;
  readonly waits: boolean;
}

const stateIndex = new Map<RecoveryState, number>(recoveryStates.map(({ name }, i) => [name, i]));

/** A protocol whose names have been looked up. */
export class CompiledRecovery {
  readonly states: readonly (readonly CompiledRow[])[];
  readonly isShared: readonly boolean[] = recoveryStates.map(({ shared }) => shared);

  constructor({ rows }: RecoveryProtocol) {
    this.states = recoveryStates.map(({ name }) =>
      rows
        .filter(({ at }) => at === name)
        .map(({ when, does, to, waits }) => ({
          when: guards[when],
          does: does.map((action) => actions[action]),
          to: stateIndex.get(to) as number,
          waits: waits === true,
        })),
    );
  }
}

/** All cores and their logs at one moment. */
export class RecoveryRun {
  readonly setup: RecoverySetup;
  readonly cores: number;
  readonly entries: number;
  readonly recoverable: number;
  readonly tags: Int32Array;
  readonly items: Int32Array;
  readonly vars: Int32Array;
  private readonly compiled: CompiledRecovery;

  /** `like`: the same cores, at the moment at which it is; `setup` has to be for as many. */
  constructor(setup: RecoverySetup, compiled: CompiledRecovery, like?: RecoveryRun) {
    this.setup = setup;
    this.compiled = compiled;
    this.cores = setup.cores;
    this.entries = setup.entries;
    this.recoverable = setup.protocol.recoverable(setup.cores, setup.entries);
    this.tags = like?.tags.slice() ?? new Int32Array(setup.cores * setup.entries);
    this.items = like?.items.slice() ?? new Int32Array(setup.cores * setup.entries);
    this.vars = like?.vars.slice() ?? new Int32Array(setup.cores * columns);
    if (setup.entries < setup.cores)
      throw new InternalError('recovery', `${setup.entries} entries for ${setup.cores} cores`);
  }

  /**
   * One step of a core: what it does to a log, and all up to the next such. Returns false if it waits; then nothing
   * has changed.
   */
  step(core: number): boolean {
    let hasMoved = false;
    let hasShared = false;
    for (;;) {
      const state = this.get(core, stateAt);
      if (this.compiled.isShared[state] === true) {
        if (hasShared) return true;
        hasShared = true;
      }
      const row = this.rowOf(core, state);
      if (row.waits) return hasMoved;
      for (const act of row.does) act(this, core);
      this.set(core, stateAt, row.to);
      hasMoved = true;
    }
  }

  /** Would {@link step} do something? */
  canStep(core: number): boolean {
    return !this.rowOf(core, this.get(core, stateAt)).waits;
  }

  /** Between two packets, and none is there. */
  isIdle(core: number): boolean {
    return this.get(core, stateAt) === 0 && this.setup.arrivals.next(core) === 0;
  }

  /** Its copy is not worth anything any more. */
  isOut(core: number): boolean {
    return (this.get(core, flagsAt) & isOut) !== 0;
  }

  /** The last number that its copy knows. */
  applied(core: number): number {
    return this.get(core, appliedAt);
  }

  private rowOf(core: number, state: number): CompiledRow {
    for (const row of this.compiled.states[state] as readonly CompiledRow[]) if (row.when(this, core)) return row;
    throw new InternalError('recovery', `no row for state ${state}`);
  }

  /** @internal */
  get(core: number, column: number): number {
    return this.vars[core * columns + column] as number;
  }

  /** @internal */
  set(core: number, column: number, value: number): void {
    this.vars[core * columns + column] = value;
  }

  /** @internal Where a core's log has the number that `core` is at. */
  place(core: number, log: number): number {
    return log * this.entries + (this.get(core, cursorAt) % this.entries);
  }

  /** @internal The tag at the asked core. */
  asked(core: number): number {
    return this.tags[this.place(core, this.get(core, otherAt))] as number;
  }

  /** @internal */
  writeTag(core: number, kind: number): void {
    this.tags[this.place(core, core)] = this.get(core, cursorAt) * 4 + kind;
  }
}

/** Does the core's packet have the items from this number on? */
const inPacket: Ask = (run, core) => run.get(core, cursorAt) > run.get(core, packetAt) - run.cores;
const allAsked: Ask = (run, core) => run.get(core, otherAt) >= run.cores;

const guards: Readonly<Record<RecoveryGuard, Ask>> = {
  always: () => true,
  'no packet': (run, core) => run.setup.arrivals.next(core) === 0,
  'more is missing than can be recovered': (run, core) =>
    run.get(core, packetAt) - run.cores - run.get(core, appliedAt) > run.recoverable,
  'the number is not in the packet': (run, core) => !inPacket(run, core),
  'the number is behind the packet': (run, core) => run.get(core, cursorAt) > run.get(core, packetAt),
  'the place is taken': (run, core) => run.tags[run.place(core, core)] !== 0,
  'out of step': (run, core) => run.isOut(core),
  'all were asked, and one is past it': (run, core) => allAsked(run, core) && (run.get(core, flagsAt) & isPast) !== 0,
  'all were asked': allAsked,
  'entry is the item': (run, core) => run.asked(core) === run.get(core, cursorAt) * 4 + entryKinds.history,
  'entry is LOST': (run, core) => run.asked(core) === run.get(core, cursorAt) * 4 + entryKinds.lost,
  'entry is of a later number': (run, core) => run.asked(core) >> 2 > run.get(core, cursorAt),
};

/** Goes on to another core's log, leaving out the core's own. */
function ask(run: RecoveryRun, core: number, first: number): void {
  run.set(core, otherAt, first === core ? first + 1 : first);
}

function next(run: RecoveryRun, core: number): void {
  run.set(core, cursorAt, run.get(core, cursorAt) + 1);
}

/** The copy goes on, by an item or without. */
function apply(run: RecoveryRun, core: number, item: number): void {
  const number = run.get(core, cursorAt);
  run.set(core, appliedAt, number);
  run.setup.witness.applied(core, number, item);
}

const actions: Readonly<Record<RecoveryAction, Act>> = {
  'take the packet': (run, core) => {
    run.set(core, packetAt, run.setup.arrivals.next(core));
    run.setup.arrivals.take(core);
  },
  'begin behind what is logged': (run, core) => run.set(core, cursorAt, run.get(core, loggedAt) + 1),
  'begin behind what is applied': (run, core) => {
    run.set(core, loggedAt, run.get(core, packetAt));
    run.set(core, cursorAt, run.get(core, appliedAt) + 1);
  },
  'next number': next,
  'fall out of step': (run, core) => {
    if (run.isOut(core)) return;
    run.set(core, flagsAt, run.get(core, flagsAt) | isOut);
    run.setup.witness.fell(core, run.get(core, cursorAt));
  },
  'write LOST': (run, core) => run.writeTag(core, entryKinds.lost),
  'write BUSY': (run, core) => run.writeTag(core, entryKinds.busy),
  'write the item': (run, core) => {
    // A packet carries its own item and those of the k - 1 before it; who asks for others gets nothing.
    run.items[run.place(core, core)] = inPacket(run, core) ? run.get(core, cursorAt) : 0;
  },
  'write HISTORY': (run, core) => run.writeTag(core, entryKinds.history),
  'apply what the packet carries': (run, core) => apply(run, core, inPacket(run, core) ? run.get(core, cursorAt) : 0),
  'apply what was copied': (run, core) => apply(run, core, run.get(core, copiedAt)),
  skip: (run, core) => {
    const number = run.get(core, cursorAt);
    run.set(core, appliedAt, number);
    run.setup.witness.skipped(core, number);
  },
  'ask the first of the others': (run, core) => {
    run.set(core, flagsAt, run.get(core, flagsAt) & ~isPast);
    ask(run, core, 0);
  },
  'ask the next': (run, core) => ask(run, core, run.get(core, otherAt) + 1),
  'note that it is past': (run, core) => run.set(core, flagsAt, run.get(core, flagsAt) | isPast),
  'copy the item': (run, core) => run.set(core, copiedAt, run.items[run.place(core, run.get(core, otherAt))] as number),
  'refuse the packet': (run, core) => run.setup.witness.refused(core, run.get(core, packetAt)),
};
