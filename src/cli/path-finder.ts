/**
 * Finds paths of a program from a given start: every packet finds the maps as they were given, so what is found can be
 * seen again by running its packet alone.
 */
import { DecisionObserver, type SourceLine } from '../cases/index.js';
import { Coverage, PathSearch } from '../explore/index.js';
import { Interpreter } from '../interp/index.js';
import type { ObjectSpec, ProgramSpec } from '../object/index.js';
import { buildPacket } from '../packet/index.js';
import { PathRecorder, type SessionOptions, type TraceRecord } from '../runtime/index.js';
import { formatTrap, loadMaps, Machine, type Output, type PacketInput, type RedirectTarget } from '../vm/index.js';

/** A path with a packet that takes it. */
export interface KnownPath {
  readonly packet: Uint8Array;
  readonly record: TraceRecord;
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
  /** Every path was left at every guard: more packets would find nothing. */
  readonly isDone: boolean;
  readonly coverage: Coverage;
}

/** Packets that a search begins with: the usual protocols, and what is too short for them. */
const usual: readonly string[] = [
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
export interface FinderOptions extends SessionOptions {
  /** Packets to try. */
  readonly budget: number;
  readonly searchSeed: number;
  /** Packets to begin with besides the usual ones. */
  readonly seeds: readonly Uint8Array[];
  /** What ran before: ways that count as known. */
  readonly known: readonly Uint8Array[];
}

/** Throws what a session throws. */
export function findPaths(object: ObjectSpec, program: ProgramSpec, options: FinderOptions): FoundPaths {
  const world = { ...options, check: false, script: undefined };
  const { session } = new PathRecorder(object, program, { ...world, compiled: false, host: 'interp', penalties: true });
  const { runtime } = session;
  const { machine } = runtime;
  const arriving = (data: Uint8Array): PacketInput => ({
    data,
    now: 0n,
    cpu: options.cpu ?? 0,
    ingressIfindex: options.ingressIfindex ?? 1,
    egressIfindex: program.attach === 'xdp_devmap' ? 2 : 0,
    frags: program.frags,
  });
  let known = 0;
  const search = new PathSearch(
    {
      run: (data) => {
        machine.transaction.begin();
        runtime.run(arriving(data));
        machine.transaction.rollback();
        return runtime.traces.length > known ? runtime.traces[known++]?.trace : undefined;
      },
      keysOf: (map) => Array.from(machine.maps[map]?.entries() ?? [], ({ key }) => key),
    },
    options.searchSeed,
  );
  for (const packet of [...options.seeds, ...usual.map(buildPacket)]) search.add(packet);
  search.explore(options.budget);
  const replay = new Replay(object, program, world);
  for (const packet of options.known) replay.run(arriving(packet));
  const paths = search.found.map(({ packet }, i) => ({
    packet,
    record: runtime.traces[i] as TraceRecord, // they are found in the order of the records
    ...replay.run(arriving(packet)),
  }));
  return { paths, tried: search.tried, isDone: search.isDone, coverage: replay.coverage };
}

/** The interpreter from the same start, with all that is to be seen. */
class Replay {
  readonly coverage: Coverage = new Coverage();
  private readonly machine: Machine;
  private readonly interpreter: Interpreter;
  private readonly program: Machine['programs'][number];
  private readonly decision = new DecisionObserver();

  constructor(object: ObjectSpec, program: ProgramSpec, options: SessionOptions) {
    this.machine = new Machine(object, options);
    if (options.maps !== undefined) loadMaps(this.machine, options.maps.contents, options.maps.file);
    this.interpreter = new Interpreter(this.machine, { maxSteps: options.maxSteps });
    this.program = this.machine.programs[object.programs.indexOf(program)] as Machine['programs'][number];
    const { coverage, decision } = this;
    coverage.of(program);
    this.interpreter.observer = {
      before: (running, pc, depth) => {
        coverage.before(running, pc);
        decision.before(running, pc, depth);
      },
    };
  }

  run(input: PacketInput): Omit<KnownPath, 'packet' | 'record'> {
    const { machine, coverage, decision } = this;
    const before = coverage.branchesRun;
    decision.start();
    machine.transaction.begin();
    machine.setPacket(input);
    const { verdict, steps, trap } = this.interpreter.run(this.program);
    const result = {
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
