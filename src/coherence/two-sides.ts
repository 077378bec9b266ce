/**
 * A program on card and host, each with maps of its own, and protocols between them. Who uses this decides which
 * packets the card has traces for, and carries the parcels; what packets do is what the interpreter does, on the
 * copies of the side that has the packet.
 *
 * The card is CPU 0 and the host CPU 1. Random numbers are a packet's own, so that it draws the same ones wherever and
 * whenever it runs.
 */
import { InputError } from '../base/index.js';
import { Interpreter } from '../interp/index.js';
import type { ObjectSpec } from '../object/index.js';
import { isPercpuMap } from '../platform/index.js';
import {
  type BpfMap,
  currentRedirect,
  Machine,
  type MachineOptions,
  MapLog,
  type Output,
  type PacketInput,
  type RedirectTarget,
  readRedirect,
} from '../vm/index.js';
import { type Carrier, Dispatcher, type DispatcherOptions, type Job, type Order, type Parcel } from './dispatcher.js';
import type { ElementId, Side, Use, Value } from './element.js';
import {
  dumpMap,
  type ElementPlace,
  ElementTable,
  elementOf,
  MachineStore,
  noKey,
  restore,
  usesOf,
} from './elements.js';
import type { ProtocolName, Work } from './protocol.js';
import type { SharedMap } from './sharing.js';

/** What a packet came to. */
export interface Decision {
  readonly verdict: number;
  /** Instructions that it took where it ran, if they are counted there. */
  readonly steps: number;
  readonly bytes: Uint8Array;
  readonly redirect: RedirectTarget | undefined;
  readonly outputs: readonly Output[];
}

/** What a run of a packet came to, and how many instructions it took where they are counted. */
export interface EngineOutcome {
  readonly verdict: number;
  readonly steps: number;
}

/** Runs the packet that is in a machine; `number` is its place in the order of arrival. */
export interface PacketEngine {
  readonly machine: Machine;
  /** Undefined: it has no way to run it, and has done nothing. */
  run(number: number): EngineOutcome | undefined;
}

/** The interpreter on a machine of its own. Throws InputError if the object has no such program. */
export function interpreterEngine(object: ObjectSpec, program: number, options: MachineOptions): PacketEngine {
  const machine = new Machine(object, { ...options, cpus: 2 });
  const interpreter = new Interpreter(machine);
  const found = machine.programs[program];
  if (found === undefined) throw new InputError(`the object has no program ${program}`);
  machine.admit(found);
  return { machine, run: () => interpreter.run(found) };
}

/** One program on a machine that is one of the sides, or all there is. */
export class Replica {
  readonly machine: Machine;
  private readonly engine: PacketEngine;
  private readonly seed: bigint;

  constructor(engine: PacketEngine, seed = 1n) {
    this.machine = engine.machine;
    this.engine = engine;
    this.seed = seed;
  }

  /** Runs a packet; `number` is its place in the order of arrival. Undefined: see {@link PacketEngine.run}. */
  run(packet: PacketInput, side: Side, number: number): Decision | undefined {
    const { machine } = this;
    machine.setPacket({ ...packet, cpu: side === 'card' ? 0 : 1 });
    machine.lane.seedRandom(this.seed + BigInt(number));
    const outcome = this.engine.run(number);
    if (outcome === undefined) return undefined;
    return {
      verdict: outcome.verdict,
      steps: outcome.steps,
      bytes: machine.lane.packet.bytes(),
      redirect: readRedirect(currentRedirect(machine)),
      outputs: machine.outputs.map(copyOf),
    };
  }
}

/** A record is a view of memory that the next packet uses. */
function copyOf(output: Output): Output {
  return output.kind === 'printk' ? output : { ...output, data: output.data.slice() };
}

/** One side's share in the work of both. */
class SideReplica extends Replica {
  readonly side: Side;
  readonly log: MapLog;
  readonly store: MachineStore;
  private readonly table: ElementTable;

  constructor(engine: PacketEngine, seed: bigint | undefined, side: Side, table: ElementTable) {
    super(engine, seed);
    this.side = side;
    this.table = table;
    this.store = new MachineStore(this.machine, table);
    this.log = MapLog.open(this.machine);
  }

  /** What has been done to shared elements since the log was cleared. */
  uses(): Map<ElementId, Use> {
    return usesOf(this.machine, this.table, this.log.ops);
  }
}

/** Something that is done on one side, all or nothing, and what came of it. */
class ReplicaWork<Result> implements Work {
  result: Result | undefined = undefined;
  private readonly replica: SideReplica;
  private readonly act: (replica: SideReplica) => Result | undefined;
  /** Can it be that this side has no way to do it? */
  private readonly mayDecline: boolean;

  constructor(replica: SideReplica, mayDecline: boolean, act: (replica: SideReplica) => Result | undefined) {
    this.replica = replica;
    this.act = act;
    this.mayDecline = mayDecline;
  }

  run(): ReadonlyMap<ElementId, Use> | undefined {
    const { replica } = this;
    replica.log.clear();
    replica.machine.transaction.begin();
    this.result = this.act(replica);
    if (this.result !== undefined || !this.mayDecline) return replica.uses();
    this.undo();
    return undefined;
  }

  keep(): void {
    this.replica.machine.transaction.commit();
  }

  undo(): void {
    this.replica.machine.transaction.rollback();
  }
}

/** A packet under way: what it is on either side, and where it ran last. */
interface PacketWork {
  readonly on: { readonly [side in Side]: ReplicaWork<Decision> };
  side: Side;
}

/** What the control plane does to one element, all or nothing. */
export type ControlAct =
  | { readonly kind: 'read'; readonly map: number; readonly key: Uint8Array }
  | { readonly kind: 'update'; readonly map: number; readonly key: Uint8Array; readonly value: Uint8Array }
  | { readonly kind: 'delete'; readonly map: number; readonly key: Uint8Array };

/** Does it to a machine's maps; what a read found, undefined where there is no such key, or the call gave an error. */
export function controlAct(machine: Machine, act: ControlAct): Value {
  const map = machine.maps[act.map];
  if (map === undefined) throw new InputError(`there is no map ${act.map}`);
  if (act.kind === 'update') map.updateElem(act.key, act.value);
  else if (act.kind === 'delete') map.deleteElem(act.key);
  else {
    const found = map.lookupElem(act.key);
    return typeof found === 'number' ? undefined : found;
  }
  return undefined;
}

/** How two sides are made. */
export interface TwoSidesOptions {
  readonly machine?: MachineOptions | undefined;
  /** In place of interpreters: engines whose machines have two CPUs, equal maps, and the program admitted. */
  readonly engines?: { readonly [side in Side]: PacketEngine } | undefined;
  readonly order?: Order | undefined;
  readonly shared: readonly SharedMap[];
  readonly carry: Carrier;
  /** Fills the maps of a machine: called for each side, with equal results. */
  readonly fill?: ((machine: Machine) => void) | undefined;
  /** Told of each run of a packet, before it is known whether that will be kept. */
  readonly onRun?: ((number: number, side: Side, decision: Decision) => void) | undefined;
  readonly onDecided?: DispatcherOptions['onDecided'];
  readonly onDone?: DispatcherOptions['onDone'];
  /** Told of each packet that {@link TwoSides.lose} is told of. */
  readonly onLost?: ((number: number) => void) | undefined;
  /** See {@link DispatcherOptions.make}. */
  readonly make?: DispatcherOptions['make'];
}

/** A program on card and host. */
export class TwoSides {
  readonly dispatcher: Dispatcher;
  readonly table: ElementTable;
  private readonly options: TwoSidesOptions;
  private readonly sides: { readonly [side in Side]: SideReplica };
  private readonly packets = new Map<number, PacketWork>();
  private readonly acts = new Map<number, ReplicaWork<Value>>();
  private count = 0;
  /** The card is being taken out: packets and acts that come now wait until nothing is under way; then it is out. */
  private card: 'in' | 'leaving' | 'out' = 'in';
  private readonly late: (() => void)[] = [];
  /** On the link. Some that nobody waits for say what a side has written: the log, what a stalled card is to take. */
  private messages = 0;

  constructor(object: ObjectSpec, program: number, options: TwoSidesOptions) {
    const { shared, carry, fill, order, onDecided, make, machine = {}, engines } = options;
    this.options = options;
    this.table = new ElementTable(shared);
    const side = (name: Side): SideReplica => {
      const engine = engines?.[name] ?? interpreterEngine(object, program, machine);
      fill?.(engine.machine);
      return new SideReplica(engine, machine.seed, name, this.table);
    };
    this.sides = { card: side('card'), host: side('host') };
    this.emptyShares();
    this.dispatcher = new Dispatcher({
      stores: { card: this.sides.card.store, host: this.sides.host.store },
      protocolOf: (element) => this.protocolOf(element),
      protocols: [...new Set(shared.flatMap(({ protocol }) => protocol ?? []))],
      order,
      carry: (parcel) => {
        if (parcel.kind === 'message') this.messages++;
        carry(parcel);
      },
      onDecided,
      onDone: (number) => this.done(number),
      make,
    });
  }

  /** The number that the next packet or act will have. */
  get next(): number {
    return this.count;
  }

  /**
   * A packet comes. `isHit`: the card has a trace for it, as far as is known; its engine may find that it has none.
   * `flow`: see {@link Dispatcher}. Returns its number.
   */
  packet(packet: PacketInput, flow: number, isHit: boolean): number {
    const number = this.count++;
    const on = (side: Side): ReplicaWork<Decision> =>
      new ReplicaWork(this.sides[side], side === 'card', (replica) => {
        const decision = replica.run(packet, side, number);
        if (decision === undefined) return undefined;
        work.side = side;
        this.options.onRun?.(number, side, decision);
        return decision;
      });
    const work: PacketWork = { on: { card: on('card'), host: on('host') }, side: isHit ? 'card' : 'host' };
    const { card, host } = work.on;
    this.packets.set(number, work);
    const job: Job = isHit ? { where: 'card', work: card, elsewhere: host, flow } : { where: 'miss', work: host, flow };
    this.submit(number, job, host);
    return number;
  }

  /** The control plane does something. Returns its number, in one sequence with those of packets. */
  control(act: ControlAct): number {
    const number = this.count++;
    const work = new ReplicaWork(this.sides.host, false, ({ machine }) => controlAct(machine, act));
    this.acts.set(number, work);
    this.submit(number, { where: 'control', flow: undefined, work }, work);
    return number;
  }

  /** A parcel has arrived. */
  deliver(parcel: Parcel): void {
    if (parcel.kind === 'message') this.messages--;
    this.dispatcher.deliver(parcel);
    this.leaveWhenIdle();
  }

  /**
   * The card is taken out, in order: what is under way ends and is told, then the host gets all that the card has, and
   * what came meanwhile, and all that comes from then on, it does alone.
   */
  removeCard(): void {
    if (this.card === 'in') this.card = 'leaving';
    this.leaveWhenIdle();
  }

  private leaveWhenIdle(): void {
    if (this.card !== 'leaving' || !this.dispatcher.isIdle || this.messages > 0) return;
    this.gather('host');
    this.card = 'out';
    for (const go of this.late.splice(0)) go();
  }

  private submit(number: number, job: Job, onHost: Work): void {
    const alone = (): void => {
      onHost.run();
      onHost.keep();
      this.options.onDecided?.(number);
      this.done(number);
    };
    if (this.card === 'in') this.dispatcher.submit(job);
    else if (this.card === 'leaving') this.late.push(alone);
    else alone();
  }

  private done(number: number): void {
    this.options.onDone?.(number);
    this.packets.delete(number);
    this.acts.delete(number);
  }

  /** A packet that has left the card is lost on its way: see {@link Dispatcher.lose}. */
  lose(number: number): void {
    this.dispatcher.lose(number);
    this.packets.delete(number);
    this.options.onLost?.(number);
    this.leaveWhenIdle();
  }

  /** What became of a packet; until it is done. */
  decision(number: number): Decision | undefined {
    const work = this.packets.get(number);
    return work?.on[work.side].result;
  }

  /** Where a packet ran last; until it is done. */
  sideOf(number: number): Side {
    return this.packets.get(number)?.side ?? 'host';
  }

  /** What a read of the control plane found; until it is done. */
  found(number: number): Value {
    return this.acts.get(number)?.result;
  }

  /** Where a packet runs, or ran. */
  machineOf(side: Side): Machine {
    return this.sides[side].machine;
  }

  /** The bytes of an element when nothing is under way. */
  value(element: ElementId): Value {
    const { card, host } = this.dispatcher.sites;
    if (this.protocolOf(element) === 'combine') return this.sum(element);
    return this.sides[host.owns(element) && !card.owns(element) ? 'host' : 'card'].store.read(element);
  }

  /** What a map has under a key when nothing is under way, both sides together. Of a map that is one: no key. */
  valueAt(map: number, key: Uint8Array): Value {
    if (this.card === 'out') return this.aloneAt(map, key);
    const element = this.table.of(map, key);
    if (this.table.shared[map]?.protocol !== undefined && element !== undefined) return this.value(element);
    const [card, host] = [this.sides.card.machine.maps[map], this.sides.host.machine.maps[map]];
    const [mine, theirs] = [elementOf(card, key), elementOf(host, key)];
    if (card === undefined || !isPercpuMap(card.spec.type) || mine === undefined || theirs === undefined) return mine;
    // Each side's own CPU's values.
    const both = mine.slice();
    both.set(theirs.subarray(mine.length / 2), mine.length / 2);
    return both;
  }

  private aloneAt(map: number, key: Uint8Array): Value {
    const found = this.sides.host.machine.maps[map];
    return found !== undefined && key.length === 0 && found.spec.keySize > 0 ? dumpMap(found) : elementOf(found, key);
  }

  /** Keys that either side has in a map, by their text. */
  keysOf(map: number): Map<string, Uint8Array> {
    const keys = new Map<string, Uint8Array>();
    for (const { machine } of [this.sides.card, this.sides.host])
      for (const { key } of machine.maps[map]?.entries() ?? []) keys.set(key.join(), key);
    return keys;
  }

  /** When nothing is under way: one side's maps become what both have together. */
  gather(side: Side): void {
    for (const map of this.sides[side].machine.maps) {
      const { index, spec } = map;
      const { protocol, grain } = this.table.shared[index] ?? {};
      if (protocol === undefined && !isPercpuMap(spec.type)) continue;
      if (protocol !== undefined && grain === 'map') {
        restore(map, this.valueAt(index, noKey) ?? noKey);
        continue;
      }
      for (const key of this.keysOf(index).values()) {
        const value = this.valueAt(index, key);
        if (value !== undefined) map.updateElem(key, value);
        else if (elementOf(map, key) !== undefined) map.deleteElem(key);
      }
    }
  }

  private sum(element: ElementId): Value {
    const { card, host } = this.sides;
    const share = host.store.read(element);
    const before = card.store.read(element);
    card.store.add(element, share);
    const sum = card.store.read(element);
    card.store.write(element, before);
    return sum;
  }

  /** The card's shares of sums are nothing at first: what is there is the host's. */
  private emptyShares(): void {
    const { machine } = this.sides.card;
    for (const { map, protocol } of this.table.shared) {
      if (protocol !== 'combine') continue;
      const counters = machine.maps[map] as BpfMap;
      for (const { key, value } of [...counters.writtenEntries()])
        counters.updateElem(key, new Uint8Array(value.length));
    }
  }

  private protocolOf(element: ElementId): ProtocolName | undefined {
    return this.table.shared[(this.table.places[element] as ElementPlace).map]?.protocol;
  }
}
