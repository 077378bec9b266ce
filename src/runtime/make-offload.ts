/** Builds the card of a runtime and the policy in front of it, from what the runtime was asked for. */
import { TraceCache } from '../cache/index.js';
import { traceNames } from '../condition/index.js';
import type { InnerProgram } from '../jit/index.js';
import {
  type CardPort,
  CompiledCard,
  type InstalledTrace,
  type PassPolicy,
  reserveKeys,
  TraceTree,
} from '../nic/index.js';
import { AssumptionLedger, type ForkSides } from '../trace/index.js';
import type { Verdicts } from '../verifier/index.js';
import type { LoadedProgram, Machine, Region } from '../vm/index.js';
import { Offload } from './offload.js';
import { Penalties } from './penalties.js';
import { type RuntimeOptions, regionLimitsOf, replacementOf } from './runtime-options.js';
import { TraceBook } from './trace-book.js';
import { Worth } from './worth.js';

/** What a card is made for. */
export interface CardContext {
  readonly machine: Machine;
  readonly program: LoadedProgram;
  /** What the verifier says of the object's programs. */
  readonly verdicts: Verdicts;
  /** What records are to say of a packet that a trace decided. */
  readonly numberOf: (trace: InstalledTrace) => number;
  /** The software card, for cards that let it do what they say. */
  readonly software: () => CardPort;
}

/** Makes a card. */
export type CardMaker = (context: CardContext) => CardPort;

/** What the policy shares with its driver. */
interface Shared {
  /** Asked whether the card may be left alone now; absent: never. */
  readonly mayRest: (() => boolean) | undefined;
  /** Instructions that the host has run so far. */
  readonly workOfHost: () => number;
  /** The host's program, for misses that are not to be told. */
  readonly program: () => InnerProgram | undefined;
  /** Absent: all forks are joined that can be. */
  readonly forks: ForkSides<InstalledTrace> | undefined;
}

/** Undefined: no card. */
export function makeOffload(
  machine: Machine,
  program: LoadedProgram,
  verdicts: Verdicts,
  options: RuntimeOptions,
  { mayRest, workOfHost, program: inner, forks }: Shared,
): Offload | undefined {
  // Also without a card: machines that are compared with this one have the same addresses.
  const keys = reserveKeys(machine);
  if (options.card === false) return undefined;
  const { keepConditions = true } = options;
  const book = new TraceBook(traceNames(machine.object), {
    keepsRecordings: options.keepRecordings === true,
    conditionsRead: typeof keepConditions === 'number' ? keepConditions : keepConditions ? Number.POSITIVE_INFINITY : 0,
  });
  const numberOf = (trace: InstalledTrace): number => book.of(trace).id;
  const penalties = new Penalties(options.hotloop ?? 1, options.penalties !== false);
  const passing: PassPolicy = {
    program: inner,
    passes: (exit) => penalties.passes(exit),
    passed: (exit, packets) => penalties.passed(exit, packets),
    get passesAnywhere() {
      return penalties.passesAnywhere;
    },
    passedAnywhere: (packets) => penalties.passedAnywhere(packets),
  };
  const software = (): CardPort => softwareCard(context, keys, options, passing);
  const context: CardContext = { machine, program, verdicts, numberOf, software };
  const card = options.makeCard?.(context) ?? software();
  return new Offload({
    program,
    // A newcomer is on the card before the one that has to go has left.
    cache: new TraceCache(card, replacementOf(options, card.capacity - 1), regionLimitsOf(options)),
    book,
    penalties,
    worth: new Worth(machine, mayRest, { takeSlowLookups: () => card.takeSlowLookups(), workOfHost }),
    ledger: new AssumptionLedger(machine),
    forks,
    sideTraces: options.sideTraces !== false,
  });
}

/** The software card, compiled where that is safe. */
function softwareCard(context: CardContext, keys: Region, options: RuntimeOptions, passing: PassPolicy): CardPort {
  const { machine, program, verdicts, numberOf } = context;
  const tree = new TraceTree(machine, keys);
  // Other threads would see stores that a trace takes back, and move elements that its look-ups have cached.
  if (options.compiled === false || machine.memory.isShared) return tree;
  return new CompiledCard({ machine, program, tree, keys, verdicts, patience: options.patience, numberOf, passing });
}
