/**
 * Card and host: one machine (the maps are shared), the card's trace cache in front, the host behind. A packet that no
 * installed trace takes is a miss: the host runs the whole program on it, and if the place where it left the trace tree
 * is not penalised, records the path and installs the trace. Recording is the interpreter's; packets that are not
 * recorded run compiled if the host compiles.
 *
 * Packets come one by one in the machine's packet buffer ({@link Runtime.run}), or many in an arena ({@link
 * Runtime.runArena}). The outcome is the same.
 */

import { UsageError } from '../base/index.js';
import { TraceCache } from '../cache/index.js';
import type { TraceNames } from '../condition/index.js';
import { CompiledCard, type InstalledTrace, type Parent, parentAt, TraceTree } from '../nic/index.js';
import type { ObjectSpec, ProgramSpec } from '../object/index.js';
import {
  type AbortCode,
  type AbortSite,
  AssumptionLedger,
  defaultLimits,
  fingerprint,
  type RecordedTrace,
  Recorder,
  StableValues,
} from '../trace/index.js';
import { Verdicts } from '../verifier/index.js';
import {
  type BatchEngine,
  formatTrap,
  type LoadedProgram,
  Machine,
  type Outcome,
  type Output,
  PacketArena,
  type PacketInput,
  packetMoves,
  programsBehind,
  record,
  type Trap,
  type TrapSite,
} from '../vm/index.js';
import { Card, reserveKeys } from './card.js';
import { Host } from './host.js';
import { addressField, addressName, valueField, valueName } from './map-names.js';
import { Penalties } from './penalties.js';
import { type RuntimeOptions, replacementOf } from './runtime-options.js';
import { TraceRecord } from './trace-record.js';
import { Worth } from './worth.js';

/** A fault of the program at one place. */
export interface FaultRecord {
  readonly kind: Trap['kind'];
  readonly text: string;
  count: number;
  /** Number of the first packet that ran into it. */
  readonly packet: number;
}

export interface AbortRecord {
  readonly site: AbortSite;
  count: number;
}

/** What one packet came to; reused for the next one. */
export interface PacketResult {
  /** Low half of r0; ABORTED after a fault. */
  verdict: number;
  hit: TraceRecord | undefined;
}

export class Runtime {
  readonly machine: Machine;
  readonly program: LoadedProgram;
  readonly host: Host;
  readonly cache: TraceCache | undefined;
  /** The card's traces as WebAssembly. */
  readonly card: CompiledCard | undefined;
  readonly traces: TraceRecord[] = [];
  readonly faults: Map<string, FaultRecord> = new Map();
  readonly aborts: Map<AbortCode, number> = new Map();
  readonly abortSites: Map<string, AbortRecord> = new Map();
  packets = 0;
  hits = 0;
  misses = 0;
  installs = 0;
  /** Installed traces whose recording began at the snapshot of another one, and what they took over from there. */
  sideTraces = 0;
  inheritedSteps = 0;
  inheritedValues = 0;
  inheritedGuards = 0;
  /** Traces that left the card since the control plane changed what they had assumed. */
  retired = 0;
  /** How conditions speak of the object's maps and programs. */
  readonly names: TraceNames;
  private readonly inherits: boolean;
  private readonly keepsRecordings: boolean;
  /** Of how many traces conditions will be read. */
  private readonly conditionsRead: number;
  private readonly recorder: Recorder;
  readonly penalties: Penalties;
  /** What installed traces assume of maps that only the control plane changes. */
  private readonly ledger: AssumptionLedger<InstalledTrace>;
  private readonly recordOf = new WeakMap<InstalledTrace, TraceRecord>();
  private readonly recordByKey = new Map<string, TraceRecord>();
  /** The packet that {@link run} ran last. */
  readonly last: PacketResult = { verdict: 0, hit: undefined };
  /** While set, what the packets of arenas put out is gathered here. */
  gathered: Output[] | undefined = undefined;
  /**
   * While set, told of each packet in order which path it took: the trace that decided it or was recorded from it, if
   * any.
   */
  onPath: ((path: TraceRecord | undefined) => void) | undefined = undefined;
  /** The path of the last packet that was recorded. */
  private recorded: TraceRecord | undefined;
  private madeArena: PacketArena | undefined;
  private front: BatchEngine | undefined;
  private readonly worth: Worth;
  /** 1 for each packet of the arena that the card decided. */
  private isHit: Uint8Array = new Uint8Array(0);

  /**
   * Throws what {@link Machine.admit} throws when the program cannot run here, UsageError for options that make no
   * sense.
   */
  constructor(object: ObjectSpec, program: ProgramSpec, options: RuntimeOptions = {}) {
    const machine = new Machine(object, options);
    this.machine = machine;
    const index = object.programs.indexOf(program);
    const loaded = machine.programs[index];
    if (loaded === undefined) throw new UsageError(`program ${program.name} is not in ${object.name}`);
    machine.admit(loaded);
    this.program = loaded;
    const { verdicts = Verdicts.of(object) } = options;
    this.host = new Host(machine, loaded, {
      kind: options.host ?? 'interp',
      verdicts,
      maxSteps: options.maxSteps,
      settings: options.settings,
      isEager: options.isEager,
      store: options.store,
    });
    this.ledger = new AssumptionLedger(machine);
    const behind = programsBehind(loaded, machine.programs).map(({ spec }) => spec);
    const stable = options.assume === false ? undefined : new StableValues(machine, verdicts, behind);
    this.recorder = new Recorder(machine, { ...defaultLimits, ...options.limits }, stable);
    this.penalties = new Penalties(options.hotloop ?? 1, options.penalties !== false);
    const mayRest = options.card !== false && options.bypass === true && this.host.compiles;
    this.worth = new Worth(machine, mayRest, () => this.card?.takeSlowLookups() ?? 0);
    this.inherits = options.sideTraces !== false;
    this.keepsRecordings = options.keepRecordings === true;
    const { keepConditions = true } = options;
    this.conditionsRead =
      typeof keepConditions === 'number' ? keepConditions : keepConditions ? Number.POSITIVE_INFINITY : 0;
    this.names = {
      map: (map) => machine.maps[map]?.spec.name ?? `map${map}`,
      program: (number) => machine.programs[number]?.spec.name ?? `program ${number}`,
      value: (map, offset, width) => valueName(machine, map, offset, width),
      address: (map, address, width) => addressName(machine, map, address, width),
      valueField: (map, offset) => valueField(machine, map, offset),
      addressField: (map, address) => addressField(machine, map, address),
    };
    const keys = reserveKeys(machine);
    if (options.card !== false) {
      const tree = new TraceTree(machine, keys.start);
      // Other threads would see stores that a trace takes back, and move elements that its look-ups have cached.
      if (options.compiled !== false && !machine.memory.isShared) {
        this.card = new CompiledCard({
          machine,
          program: loaded,
          tree,
          keys: keys.start,
          verdicts,
          patience: options.patience,
          numberOf: (trace) => (this.recordOf.get(trace) as TraceRecord).id,
        });
      }
      this.cache = new TraceCache(this.card ?? tree, replacementOf(options));
      this.cache.onEvict = (trace) => this.noteEviction(trace);
      this.cache.onRemove = (trace) => this.ledger.remove(trace);
    }
  }

  /** Packets that the host ran because the card did not pay. */
  get bypassed(): number {
    return this.worth.bypassed;
  }

  get evictions(): number {
    return this.cache?.evictions ?? 0;
  }

  /** Recorded traces that were given no place. */
  get refusals(): number {
    return this.cache?.refusals ?? 0;
  }

  /** Puts a packet in and runs it. What it left behind is in the machine until the next one. */
  run(input: PacketInput): PacketResult {
    this.machine.setPacket(input);
    return this.runCurrent();
  }

  /** Runs the packet that is in the machine. */
  runCurrent(): PacketResult {
    const { cache, machine, last: result } = this;
    this.retire();
    this.packets++;
    result.hit = undefined;
    const { packet } = machine;
    this.card?.refresh();
    // Cards hold a packet in one piece.
    if (cache !== undefined && !this.worth.rests && packet.fragmentCount === 0) {
      const installed = cache.run();
      if (installed !== undefined) {
        const record = this.recordOf.get(installed) as TraceRecord;
        record.packets++;
        this.hits++;
        this.worth.hit(installed, record, 1);
        this.worth.ran(1);
        result.verdict = record.verdict;
        result.hit = record;
        this.onPath?.(record);
        return result;
      }
    }
    this.worth.miss();
    const records = cache !== undefined && !this.worth.rests && this.isWorthRecording(cache);
    const outcome = records ? this.record(cache) : this.host.run();
    this.misses++;
    this.worth.ran(1);
    result.verdict = outcome.verdict;
    if (outcome.trap !== undefined) this.noteFault(outcome.trap, this.packets);
    this.notePath();
    return result;
  }

  /** The arena that {@link runArena} takes packets from. */
  get arena(): PacketArena {
    this.madeArena ??= new PacketArena(this.machine, { moves: packetMoves(this.program, this.machine.programs) });
    return this.madeArena;
  }

  /** Runs the packets that are in the arena, in order; verdicts and all else are in their records. */
  runArena(): void {
    const { arena, cache, host } = this;
    this.retire();
    if (cache !== undefined) {
      this.front ??= new Card(cache, this.card, arena, {
        recordOf: (installed) => this.recordOf.get(installed) as TraceRecord,
        hit: (installed, packets) => this.countHits(installed, packets),
        taken: (from, to) => this.noteTaken(from, to),
        decided: () => this.gather(),
      });
    }
    const before = this.packets;
    const onTrap = (index: number, site: TrapSite): void => this.noteFault(site, before + index + 1);
    this.packets += arena.count;
    if (this.isHit.length < arena.capacity) this.isHit = new Uint8Array(arena.capacity);
    else this.isHit.fill(0);
    for (let at = 0; at < arena.count; ) {
      // A decision about the card falls between two packets.
      const end = at + this.worth.most(arena.count - at);
      if (cache === undefined || this.front === undefined || this.worth.rests) {
        const next = host.runArena(arena, at, end, onTrap);
        this.gather();
        this.misses += next - at;
        this.worth.ran(next - at);
        at = next;
        continue;
      }
      const hits = this.front.runBatch(arena.recordOf(at), end - at, record.size);
      this.worth.ran(hits);
      at += hits;
      if (at === end) continue;
      this.worth.miss();
      if (this.isWorthRecording(cache)) {
        arena.toBuffer(at);
        const outcome = this.record(cache);
        arena.fromBuffer(at, outcome.verdict);
        if (outcome.trap !== undefined) onTrap(at, outcome.trap);
      } else {
        host.runArena(arena, at, at + 1, onTrap);
      }
      this.misses++;
      this.worth.ran(1);
      this.notePath();
      this.gather();
      at++;
    }
  }

  /** The trace that decided packet `i` of the arena; undefined if the host did. */
  hitOf(i: number): TraceRecord | undefined {
    return this.isHit[i] === 1 ? this.traces[this.arena.trace(i)] : undefined;
  }

  private countHits(installed: InstalledTrace, packets: number): void {
    const record = this.recordOf.get(installed) as TraceRecord;
    this.hits += packets;
    record.packets += packets;
    this.worth.hit(installed, record, packets);
  }

  /** Packets `from` to `to` (exclusive) of the arena have been decided by traces. */
  private noteTaken(from: number, to: number): void {
    this.isHit.fill(1, from, to);
    if (this.onPath === undefined) return;
    for (let i = from; i < to; i++) this.onPath(this.traces[this.arena.trace(i)]);
  }

  /** After a miss. */
  private notePath(): void {
    this.onPath?.(this.recorded);
    this.recorded = undefined;
  }

  private gather(): void {
    this.gathered?.push(...this.machine.outputs);
  }

  /** Asks about the last miss. */
  private isWorthRecording(cache: TraceCache): boolean {
    return this.penalties.admits(cache.lastExit);
  }

  /** Runs the packet that is in the machine on the interpreter, records its path, and installs the trace. */
  private record(cache: TraceCache): Outcome {
    const { recorder, program, penalties } = this;
    const { interpreter } = this.host;
    const exit = cache.lastExit;
    const parent = this.inherits ? parentAt(exit) : undefined;
    recorder.start(
      program,
      interpreter.registers,
      parent === undefined ? undefined : { history: parent.installed.trace.history, guard: parent.guard },
    );
    interpreter.observer = recorder;
    const outcome = interpreter.run(program);
    interpreter.observer = null;
    const recording = recorder.finish(outcome);
    if (recording.kind === 'abort') {
      this.worth.recorded(true);
      this.noteAbort(recording.site);
      penalties.failed(exit);
      return outcome;
    }
    if (this.install(cache, recording.trace, parent)) penalties.succeeded(exit);
    else {
      this.noteAbort({ code: 'useless', detail: undefined, program, pc: 0 });
      penalties.failed(exit);
    }
    return outcome;
  }

  /** Offers a trace to the cache; false if the same one is there already. */
  private install(cache: TraceCache, trace: RecordedTrace, parent: Parent | undefined): boolean {
    const key = fingerprint(trace.code, trace.verdict);
    const known = this.recordByKey.get(key);
    // Looked up now: the parent may be the one that has to make room.
    const parentId = parent === undefined ? undefined : this.recordOf.get(parent.installed)?.id;
    const record = known ?? new TraceRecord(this.traces.length, trace, this.names);
    const installation = cache.install(trace, record.id);
    if (installation.kind === 'there') return false;
    if (known === undefined) {
      this.traces.push(record);
      this.recordByKey.set(key, record);
    }
    this.recorded = record;
    if (installation.kind === 'refused') {
      // What it cost was for nothing, as with a trace that leaves at once.
      this.worth.recorded(true);
      this.penalties.evicted(0);
      if (record.trace === trace) this.release(record);
      return true;
    }
    this.installs++;
    record.trace = trace;
    record.parent =
      trace.start === undefined || parentId === undefined ? undefined : { id: parentId, guard: trace.start.guards };
    if (trace.start !== undefined) {
      this.sideTraces++;
      this.inheritedSteps += trace.start.step;
      this.inheritedValues += trace.start.values;
      this.inheritedGuards += trace.start.guards;
    }
    record.packetsAtInstall = record.packets;
    record.installs++;
    this.worth.recorded(record.installs > 1);
    this.recordOf.set(installation.trace, record);
    if (trace.assumptions.length > 0) this.ledger.add(installation.trace, trace.assumptions);
    return true;
  }

  /** Takes traces off the card whose assumptions the control plane has undone. */
  private retire(): void {
    for (const installed of this.ledger.failed()) {
      this.cache?.remove(installed);
      this.retired++;
      this.release(this.recordOf.get(installed));
    }
  }

  private release(record: TraceRecord | undefined): void {
    if (record !== undefined && !this.keepsRecordings) record.release(this.willBeRead(record));
  }

  /**
   * Counts of packets only grow: what is not among those that decide most by now is there in the end only if it is
   * installed again.
   */
  private willBeRead({ packets }: TraceRecord): boolean {
    const { conditionsRead, traces } = this;
    if (conditionsRead === Number.POSITIVE_INFINITY) return true;
    let before = 0;
    for (const other of traces) if (other.packets > packets && ++before >= conditionsRead) return false;
    return conditionsRead > 0;
  }

  private noteEviction(installed: InstalledTrace): void {
    const record = this.recordOf.get(installed);
    if (record === undefined) return;
    this.penalties.evicted(record.packets - record.packetsAtInstall);
    this.release(record);
  }

  private noteAbort(site: AbortSite): void {
    this.aborts.set(site.code, (this.aborts.get(site.code) ?? 0) + 1);
    const key = `${site.code} ${site.program.index} ${site.pc} ${site.detail ?? ''}`;
    const record = this.abortSites.get(key);
    if (record === undefined) this.abortSites.set(key, { site, count: 1 });
    else record.count++;
  }

  private noteFault(site: TrapSite, packet: number): void {
    const key = `${site.program.index} ${site.insn} ${site.trap.kind}`;
    const record = this.faults.get(key);
    if (record === undefined) this.faults.set(key, { kind: site.trap.kind, text: formatTrap(site), count: 1, packet });
    else record.count++;
  }
}
