/**
 * Finds paths of a program over packets and contents of maps (explore/state-search.ts), and runs each of them once
 * more to see all that there is to be seen.
 */
import { DecisionObserver, type SourceLine } from '../cases/index.js';
import {
  type Arrival,
  arriving,
  Coverage,
  fillMaps,
  type StartEntry,
  type StartState,
  StateSearch,
} from '../explore/index.js';
import { Interpreter } from '../interp/index.js';
import type { ObjectSpec, ProgramSpec } from '../object/index.js';
import { buildPacket } from '../packet/index.js';
import type { SessionOptions } from '../runtime/index.js';
import {
  encodeEntry,
  findMap,
  formatTrap,
  type LoadedProgram,
  loadMaps,
  Machine,
  type Output,
  type RedirectTarget,
} from '../vm/index.js';

/** A path with a start that takes it. */
export interface KnownPath {
  readonly start: StartState;
  readonly verdict: number;
  /** The packet as it leaves. */
  readonly bytes: Uint8Array;
  readonly redirect: RedirectTarget | undefined;
  readonly outputs: readonly Output[];
  /** Instructions that it takes. */
  readonly steps: number;
  readonly trap: string | undefined;
  /** The line that decided. */
  readonly decided: SourceLine | undefined;
  /** It went ways of conditional jumps that no path before it did. */
  readonly isNew: boolean;
}

/** What came of a search. */
export interface FoundPaths {
  readonly paths: readonly KnownPath[];
  readonly tried: number;
  /** Every step of every path was turned, and there is no other path from what was varied. */
  readonly isDone: boolean;
  /** Turns that had no answer, where all others were tried. */
  readonly unanswered: number | undefined;
  readonly coverage: Coverage;
}

/** Packets that a search begins with: the usual protocols, and what is too short for them. */
export const usualPackets: readonly string[] = [
  'eth/zeros(46)',
  'eth/ip/udp/zeros(64)',
  'eth/ip/tcp/zeros(64)',
  'eth/ip/icmp/zeros(56)',
  'eth/ip6/udp/zeros(64)',
  'eth/ip6/tcp/zeros(64)',
  'eth/ip6/icmp6/zeros(56)',
  'eth/arp/zeros(18)',
  'eth/vlan(id=1)/ip/udp/zeros(64)',
  'eth/ip/udp/vxlan/eth/ip/udp/zeros(32)',
];

/** How a search is set up. */
export interface SearchOptions extends SessionOptions {
  readonly searchSeed: number;
  /** Packets to begin with besides the usual ones. */
  readonly seeds: readonly Uint8Array[];
  /** Maps are as they were given for every packet: only packets are looked for. */
  readonly keepMaps?: boolean | undefined;
}

/** A search from beginning to end. */
export interface FinderOptions extends SearchOptions {
  /** Starts to try. */
  readonly budget: number;
  /** What ran before: ways that count as known. */
  readonly known: readonly Uint8Array[];
  /** Tells when to stop, besides the budget. */
  readonly isOver?: (() => boolean) | undefined;
  /** Most that the search takes (StateSearch.effort); undefined: as much as the budget takes. */
  readonly mostEffort?: number | undefined;
}

/** A search that is set up and has run what it begins with. Throws RejectedError, and what machines throw. */
export function openSearch(object: ObjectSpec, program: ProgramSpec, options: SearchOptions): StateSearch {
  options.verdicts?.require(object, program);
  const world = worldOf(object, options);
  const machine = world.machine();
  const arrival = arrivalOf(program, options);
  const loaded = machine.programs[object.programs.indexOf(program)] as LoadedProgram;
  machine.admit(loaded);
  const search = new StateSearch(machine, world.machine(), loaded, {
    arrival,
    varyMaps: options.keepMaps !== true,
    seed: options.searchSeed,
    maxSteps: options.maxSteps,
  });
  const start = { now: 0n, ifindex: options.ingressIfindex ?? 1, metadata: new Uint8Array(0), absent: [], full: [] };
  for (const packet of [...options.seeds, ...usualPackets.map(buildPacket)]) {
    // Both from empty maps and from those that were given; where these stay they are in the machine.
    search.add({ ...start, packet, entries: [] });
    if (world.entries.length > 0) search.add({ ...start, packet, entries: world.entries });
  }
  return search;
}

/** Throws what {@link openSearch} throws. */
export function findPaths(object: ObjectSpec, program: ProgramSpec, options: FinderOptions): FoundPaths {
  const search = openSearch(object, program, options);
  const { isOver, mostEffort = Number.POSITIVE_INFINITY } = options;
  search.explore(options.budget, () => search.effort >= mostEffort || isOver?.() === true);
  const world = worldOf(object, options);
  const replay = new Replay(world.machine(), program, arrivalOf(program, options), options.maxSteps);
  const ifindex = options.ingressIfindex ?? 1;
  const start = { now: 0n, ifindex, metadata: new Uint8Array(0), entries: world.entries, absent: [], full: [] };
  for (const packet of options.known) replay.run({ ...start, packet });
  const paths = search.found.map((found) => replay.run(found.start));
  const { tried, isDone, unanswered } = search;
  return { paths, tried, isDone, unanswered, coverage: replay.coverage };
}

/** Where every start begins. */
interface World {
  machine(): Machine;
  /** Elements of the maps that were given, where starts have elements of their own. */
  readonly entries: readonly StartEntry[];
}

function worldOf(object: ObjectSpec, options: SearchOptions): World {
  const { maps, keepMaps } = options;
  const bare = (): Machine => new Machine(object, options);
  if (maps === undefined) return { machine: bare, entries: [] };
  const filled = (): Machine => {
    const machine = bare();
    loadMaps(machine, maps.contents, maps.file);
    return machine;
  };
  if (keepMaps === true) return { machine: filled, entries: [] };
  // Loading them says what is wrong with them; what is an element of which map the machine says.
  const machine = filled();
  const entries = Object.entries(maps.contents.maps).flatMap(([name, list]) =>
    list.map((entry) => {
      const map = findMap(machine, name, maps.file);
      const { key, value } = encodeEntry(machine, map, entry);
      return { map: map.index, key, value: value.slice(0, map.spec.valueSize) };
    }),
  );
  return { machine: bare, entries };
}

function arrivalOf({ attach, frags }: ProgramSpec, { cpu }: SearchOptions): Arrival {
  return { cpu: cpu ?? 0, egressIfindex: attach === 'xdp_devmap' ? 2 : 0, frags };
}

/** The interpreter from a start, with all that is to be seen. */
class Replay {
  readonly coverage: Coverage = new Coverage();
  private readonly machine: Machine;
  private readonly interpreter: Interpreter;
  private readonly program: LoadedProgram;
  private readonly arrival: Arrival;
  private readonly decision = new DecisionObserver();

  constructor(machine: Machine, program: ProgramSpec, arrival: Arrival, maxSteps: number | undefined) {
    this.machine = machine;
    this.arrival = arrival;
    this.interpreter = new Interpreter(machine, { maxSteps });
    this.program = machine.programs[machine.object.programs.indexOf(program)] as LoadedProgram;
    const { coverage, decision } = this;
    coverage.of(program);
    this.interpreter.observer = {
      before: (running, pc, depth) => {
        coverage.before(running, pc);
        decision.before(running, pc, depth);
      },
    };
  }

  run(start: StartState): KnownPath {
    const { machine, coverage, decision } = this;
    const before = coverage.branchesRun;
    decision.start();
    machine.transaction.begin();
    fillMaps(machine, start);
    machine.setPacket(arriving(start, this.arrival));
    const { verdict, steps, trap } = this.interpreter.run(this.program);
    const result = {
      start,
      verdict,
      bytes: machine.lane.packet.bytes(),
      redirect: verdict === 4 ? machine.redirect : undefined,
      outputs: [...machine.outputs],
      steps,
      trap: trap === undefined ? undefined : formatTrap(trap),
      decided: decision.line,
    };
    machine.transaction.rollback();
    return { ...result, isNew: coverage.branchesRun > before };
  }
}
