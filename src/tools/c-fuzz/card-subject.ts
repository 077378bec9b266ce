/**
 * Card and host as a {@link Subject}: packets one by one through the packet buffer ({@link CardSubject}), or all of
 * them in an arena before the first is looked at ({@link ArenaSubject}).
 */

import { loopback, MachineMaps, type Observation, type Packet } from '../../judge/index.js';
import type { ObjectSpec, ProgramSpec } from '../../object/index.js';
import { BatchBuilder, type PacketBatch } from '../../packet/index.js';
import { Session, type SessionOptions } from '../../runtime/index.js';
import { Verdicts } from '../../verifier/index.js';
import type { Machine } from '../../vm/index.js';

/** A way in which packets reach traces; the name stands in reports and in `npm run fuzz` output. */
export interface CardMode {
  readonly name: string;
  /** Places of the card. */
  readonly cacheSize: number;
  /** Sides of a region; false: each trace has a place of its own; absent: as a user has it. */
  readonly regions?: number | false;
  /** Branches on state are guards, none is joined: more of them stand behind effects. */
  readonly joins?: false;
  /** Traces are compiled, after the first packet that one of them decided; else the executor runs them. */
  readonly compiled: boolean;
  /** The host runs compiled code where no path is recorded. */
  readonly host: 'interp' | 'wasm';
  /** Packets go through an arena, and are compared with one another's outcomes only after the last. */
  readonly arena: boolean;
  /** No verifier has been asked: every access is checked as it happens, and a check that fails is a miss. */
  readonly unverified?: boolean;
  /**
   * As `jitnic run --check` does it: the interpreter runs beside, and memory, redirect targets and lines that were
   * printed, of which the kernel says nothing, are compared, too.
   */
  readonly beside?: boolean;
}

/** Every way in which packets reach traces. */
export const cardModes: readonly CardMode[] = [
  { name: 'card of 2', cacheSize: 2, regions: false, compiled: true, host: 'interp', arena: false, joins: false },
  { name: 'card of 64', cacheSize: 64, compiled: true, host: 'wasm', arena: false },
  { name: 'card of 64, not compiled', cacheSize: 64, compiled: false, host: 'interp', arena: false },
  {
    name: 'card of 2, not compiled, unverified',
    cacheSize: 2,
    regions: false,
    compiled: false,
    host: 'interp',
    arena: false,
    joins: false,
    unverified: true,
  },
  { name: 'card of 64, arena', cacheSize: 64, compiled: true, host: 'wasm', arena: true, joins: false },
  { name: 'card of 2, arena', cacheSize: 2, regions: false, compiled: true, host: 'interp', arena: true },
  { name: 'card of 64, arena, not compiled', cacheSize: 64, compiled: false, host: 'wasm', arena: true },
  { name: 'card of 64, unverified', cacheSize: 64, compiled: true, host: 'interp', arena: false, unverified: true },
  // Where the host interprets, packets come one by one, each within a transaction of the checker's.
  { name: 'card of 64, --check', cacheSize: 64, compiled: true, host: 'interp', arena: false, beside: true },
  {
    name: 'card of 64, not compiled, --check',
    cacheSize: 64,
    compiled: false,
    host: 'interp',
    arena: false,
    beside: true,
  },
  { name: 'card of 64, arena, --check', cacheSize: 64, compiled: true, host: 'wasm', arena: true, beside: true },
  // Places for a few of the traces: regions grow, lose sides that are cold, and go as a whole.
  { name: 'regions', cacheSize: 2, regions: 4, compiled: true, host: 'interp', arena: false },
  { name: 'regions of 2, not compiled', cacheSize: 2, regions: 2, compiled: false, host: 'wasm', arena: false },
  { name: 'regions, arena', cacheSize: 2, regions: 4, compiled: true, host: 'wasm', arena: true },
  {
    name: 'regions, unverified',
    cacheSize: 2,
    regions: 4,
    compiled: true,
    host: 'interp',
    arena: false,
    unverified: true,
  },
  {
    name: 'regions, not compiled, --check',
    cacheSize: 2,
    regions: 4,
    compiled: false,
    host: 'interp',
    arena: false,
    beside: true,
  },
];

/**
 * A session that records eagerly and never rests, so that a few dozen packets reach traces. Packets are of one CPU, as
 * in a test run of the kernel, the clock stands still, and the program is known to be accepted.
 */
function openSession(object: ObjectSpec, program: ProgramSpec, mode: CardMode, cpus: number): Session {
  const options: SessionOptions = {
    cpus,
    cpu: 0,
    cacheSize: mode.cacheSize,
    regions: mode.regions,
    compiled: mode.compiled,
    host: mode.host,
    verdicts: mode.unverified === true ? Verdicts.none() : Verdicts.trusting(),
    check: mode.beside,
    // A path is recorded the first time it is seen, and compiled after the first packet that hits: campaigns are
    // short.
    isEager: true,
    ...(mode.joins === undefined ? {} : { limits: { joins: mode.joins } }),
    patience: 1,
    ingressIfindex: loopback,
    clock: { kind: 'fixed', ns: 0n },
    // Nobody prints conditions here, and keeping them costs time for each trace.
    keepConditions: false,
  };
  return new Session(object, program, options);
}

/** What both ways have in common: a session, the maps on both of its machines, and what the checker found. */
abstract class SessionSubject extends MachineMaps {
  readonly name: string;
  protected readonly machine: Machine;
  protected readonly session: Session;

  /** Throws what {@link Session} throws for what does not run here. `cpus`: those of per-CPU maps. */
  constructor(object: ObjectSpec, program: ProgramSpec, mode: CardMode, cpus: number) {
    super();
    this.name = mode.name;
    this.session = openSession(object, program, mode, cpus);
    this.machine = this.session.runtime.machine;
    this.session.change((machine) => this.removeListeners(machine));
  }

  /** Packets that traces decided so far. */
  get hits(): number {
    return this.session.runtime.hits;
  }

  override update(map: number, key: Uint8Array, value: Uint8Array, flags = 0n): number {
    let result = -1;
    this.session.change((machine) => {
      result = machine.maps[map]?.updateElem(key, value, flags) ?? -1;
    });
    return result;
  }

  override remove(map: number, key: Uint8Array): number {
    let result = -1;
    this.session.change((machine) => {
      result = machine.maps[map]?.deleteElem(key) ?? -1;
    });
    return result;
  }

  /** Faults of all kinds together. */
  protected countFaults(): number {
    let count = 0;
    for (const fault of this.session.runtime.faults.values()) count += fault.count;
    return count;
  }

  /** What the interpreter beside has seen otherwise, as what stopped the packet: the kernel is never stopped. */
  protected found(): Pick<Observation, 'stopped'> {
    const { difference } = this.session;
    if (difference === undefined) return {};
    const { what, card, interpreter } = difference;
    return { stopped: `by --check: ${what}: card ${card}, interpreter ${interpreter}` };
  }
}

/** Packets one at a time: after each, its verdict, bytes, metadata and outputs can be compared, and the maps. */
export class CardSubject extends SessionSubject {
  run(packet: Packet): Observation {
    const { machine, session } = this;
    // A fault of the host is not thrown but counted; comparison wants to know at which packet it came.
    const faults = this.countFaults();
    const { verdict } = session.run({ data: packet.data, time: 0n });
    return {
      verdict,
      data: machine.lane.packet.bytes(),
      meta: machine.lane.packet.metaBytes(),
      outputs: this.records(machine.outputs),
      ...(this.countFaults() > faults ? { stopped: 'a fault' } : {}),
      ...this.found(),
    };
  }
}

/**
 * All packets at once, as `jitnic run` has them: what batches alone can get wrong (state carried from one packet to
 * the next in a compiled loop, a hit within a batch that changed a map) shows only here.
 */
export class ArenaSubject extends SessionSubject {
  private readonly packets: readonly Packet[];
  private readonly observed: Observation[] = [];

  /** `packets`: all that {@link run} is going to be called with, in that order. Outputs are not observed. */
  constructor(object: ObjectSpec, program: ProgramSpec, mode: CardMode, cpus: number, packets: readonly Packet[]) {
    super(object, program, mode, cpus);
    this.packets = packets;
  }

  run(): Observation {
    if (this.observed.length === 0) this.runAll();
    const first = this.observed.shift();
    if (first === undefined) throw new Error('more packets than were promised');
    return first;
  }

  /**
   * Runs the batch to its end. The session stops in the middle of one where it has to record or compile, and says how
   * far it came.
   */
  private runAll(): void {
    const { session, observed } = this;
    const batch = batchOf(this.packets);
    for (let from = 0; from < batch.count; ) {
      const done = session.runBatch(batch, from, batch.count);
      for (let i = 0; i < done; i++) {
        const { verdict, bytes } = session.decided(i);
        observed.push({ verdict, data: bytes, meta: session.metadata(i), outputs: [], ...this.found() });
      }
      if (session.difference !== undefined) return;
      from += done;
    }
    session.finish();
    const last = observed.pop();
    if (last !== undefined) observed.push({ ...last, ...this.found() });
  }
}

/** The packets as columns over one array of bytes: the form in which captures are read. */
function batchOf(packets: readonly Packet[]): PacketBatch {
  const builder = new BatchBuilder(packets.length);
  const bytes = new Uint8Array(packets.reduce((sum, { data }) => sum + data.length, 0));
  let at = 0;
  for (const { data } of packets) {
    bytes.set(data, at);
    builder.add(at, data.length, data.length, 0, 0, 0);
    at += data.length;
  }
  return builder.finish(bytes);
}
