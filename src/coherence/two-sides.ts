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
import {
  type BpfMap,
  currentRedirect,
  type LoadedProgram,
  Machine,
  type MachineOptions,
  MapLog,
  type Output,
  type PacketInput,
  type RedirectTarget,
  readRedirect,
} from '../vm/index.js';
import { type Carrier, Dispatcher, type DispatcherOptions, type Order } from './dispatcher.js';
import type { ElementId, Side, Use, Value } from './element.js';
import { type ElementPlace, ElementTable, MachineStore, usesOf } from './elements.js';
import type { ProtocolName, Work } from './protocol.js';
import type { SharedMap } from './sharing.js';

/** What a packet came to. */
export interface Decision {
  readonly verdict: number;
  readonly bytes: Uint8Array;
  readonly redirect: RedirectTarget | undefined;
  readonly outputs: readonly Output[];
}

/** One program on a machine that is one of the sides, or all there is. */
export class Replica {
  readonly machine: Machine;
  private readonly program: LoadedProgram;
  private readonly interpreter: Interpreter;
  private readonly seed: bigint;

  /** Throws InputError if the object has no such program. */
  constructor(object: ObjectSpec, program: number, options: MachineOptions) {
    this.machine = new Machine(object, { ...options, cpus: 2 });
    this.interpreter = new Interpreter(this.machine);
    this.seed = options.seed ?? 1n;
    const found = this.machine.programs[program];
    if (found === undefined) throw new InputError(`the object has no program ${program}`);
    this.machine.admit(found);
    this.program = found;
  }

  /** Runs a packet; `number` is its place in the order of arrival. */
  run(packet: PacketInput, side: Side, number: number): Decision {
    const { machine } = this;
    machine.setPacket({ ...packet, cpu: side === 'card' ? 0 : 1 });
    machine.lane.seedRandom(this.seed + BigInt(number));
    const { verdict, trap } = this.interpreter.run(this.program);
    if (trap !== undefined) throw new InputError(`packet ${number + 1} ends in a trap`);
    return {
      verdict,
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

  constructor(object: ObjectSpec, program: number, options: MachineOptions, side: Side, table: ElementTable) {
    super(object, program, options);
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
  private readonly act: (replica: SideReplica) => Result;

  constructor(replica: SideReplica, act: (replica: SideReplica) => Result) {
    this.replica = replica;
    this.act = act;
  }

  run(): ReadonlyMap<ElementId, Use> {
    const { replica } = this;
    replica.log.clear();
    replica.machine.transaction.begin();
    this.result = this.act(replica);
    return replica.uses();
  }

  keep(): void {
    this.replica.machine.transaction.commit();
  }

  undo(): void {
    this.replica.machine.transaction.rollback();
  }
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
  readonly order?: Order | undefined;
  readonly shared: readonly SharedMap[];
  readonly carry: Carrier;
  /** Fills the maps of a machine: called for each side, with equal results. */
  readonly fill?: ((machine: Machine) => void) | undefined;
  readonly onDecided?: DispatcherOptions['onDecided'];
  readonly onDone?: DispatcherOptions['onDone'];
  /** See {@link DispatcherOptions.make}. */
  readonly make?: DispatcherOptions['make'];
}

/** A program on card and host. */
export class TwoSides {
  readonly dispatcher: Dispatcher;
  readonly table: ElementTable;
  private readonly sides: { readonly [side in Side]: SideReplica };
  private readonly packets = new Map<number, ReplicaWork<Decision>>();
  private readonly acts = new Map<number, ReplicaWork<Value>>();
  private count = 0;

  constructor(object: ObjectSpec, program: number, options: TwoSidesOptions) {
    const { shared, carry, fill, order, onDecided, onDone, make } = options;
    this.table = new ElementTable(shared);
    const side = (name: Side): SideReplica => {
      const replica = new SideReplica(object, program, options.machine ?? {}, name, this.table);
      fill?.(replica.machine);
      return replica;
    };
    this.sides = { card: side('card'), host: side('host') };
    this.emptyShares();
    this.dispatcher = new Dispatcher({
      stores: { card: this.sides.card.store, host: this.sides.host.store },
      protocolOf: (element) => this.protocolOf(element),
      order,
      carry,
      onDecided,
      onDone: (number) => {
        onDone?.(number);
        this.packets.delete(number);
        this.acts.delete(number);
      },
      make,
    });
  }

  /** A packet comes. `isHit`: the card has a trace for it. `flow`: see {@link Dispatcher}. Returns its number. */
  packet(packet: PacketInput, flow: number, isHit: boolean): number {
    const number = this.count++;
    const side = isHit ? 'card' : 'host';
    const work = new ReplicaWork(this.sides[side], (replica) => replica.run(packet, side, number));
    this.packets.set(number, work);
    return this.dispatcher.submit({ where: isHit ? 'card' : 'miss', flow, work });
  }

  /** The control plane does something. Returns its number, in one sequence with those of packets. */
  control(act: ControlAct): number {
    const work = new ReplicaWork(this.sides.host, ({ machine }) => controlAct(machine, act));
    this.acts.set(this.count++, work);
    return this.dispatcher.submit({ where: 'control', flow: undefined, work });
  }

  /** What became of a packet; until it is done. */
  decision(number: number): Decision | undefined {
    return this.packets.get(number)?.result;
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
