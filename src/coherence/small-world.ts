/**
 * Small worlds: a few elements of one byte, a handful of packets that read, write and add, and one way through all
 * that may happen between two sites. Who goes through all ways is {@link explore} (explore.ts).
 */
import { Dispatcher, type DispatcherOptions, type Job, type Parcel } from './dispatcher.js';
import type { ElementId, ElementStore, Use, Value } from './element.js';
import { firstImpossible, type Operation } from './linearizable.js';
import type { Protocol, ProtocolName, Work } from './protocol.js';

/**
 * What a packet does, step by step. `read`: looks; `update`: writes a number made of what was there and its own;
 * `add`: adds one without looking; `if`: goes on only if the element is odd.
 */
export type Step = { readonly op: 'read' | 'update' | 'add' | 'if'; readonly element: ElementId };

/** A packet of a world, or an act of the control plane. */
export interface ToyJob {
  readonly where: Job['where'];
  readonly flow: number | undefined;
  readonly steps: readonly Step[];
}

/** A world. */
export interface World {
  readonly protocolOf: (element: ElementId) => ProtocolName;
  readonly protocols: readonly ProtocolName[];
  readonly jobs: readonly ToyJob[];
  readonly order?: DispatcherOptions['order'];
  readonly make?: ((name: ProtocolName) => Protocol) | undefined;
}

class ToyStore implements ElementStore {
  readonly bytes = new Map<ElementId, number>();

  get(element: ElementId): number {
    return this.bytes.get(element) ?? 0;
  }

  read(element: ElementId): Value {
    return new Uint8Array([this.get(element)]);
  }

  write(element: ElementId, value: Value): void {
    this.bytes.set(element, value?.[0] ?? 0);
  }

  add(element: ElementId, share: Value): void {
    this.bytes.set(element, (this.get(element) + (share?.[0] ?? 0)) & 0xff);
  }

  difference(element: ElementId, after: Value): Value {
    return new Uint8Array([(after?.[0] ?? 0) - this.get(element)]);
  }

  takeShare(element: ElementId): Value {
    const share = this.read(element);
    this.bytes.set(element, 0);
    return share;
  }
}

/** Runs the steps over bytes; what it read is what a packet's verdict would show. */
function runSteps(steps: readonly Step[], id: number, bytes: Map<ElementId, number>): [Map<ElementId, Use>, number[]] {
  const uses = new Map<ElementId, Use>();
  const seen: number[] = [];
  for (const { op, element } of steps) {
    const old = bytes.get(element) ?? 0;
    if (op === 'add') {
      bytes.set(element, (old + 1) & 0xff);
      if (!uses.has(element)) uses.set(element, 'add');
      continue;
    }
    seen.push(old);
    if (op === 'update') bytes.set(element, (old * 5 + 2 * id + 1) & 0xff);
    if (op === 'update' || uses.get(element) === undefined) uses.set(element, op === 'update' ? 'write' : 'read');
    if (op === 'if' && old % 2 === 0) break;
  }
  return [uses, seen];
}

class ToyWork implements Work {
  seen: number[] = [];
  private readonly steps: readonly Step[];
  private readonly id: number;
  private readonly bytes: Map<ElementId, number>;
  private before: [ElementId, number][] = [];

  constructor(steps: readonly Step[], id: number, store: ToyStore) {
    this.steps = steps;
    this.id = id;
    this.bytes = store.bytes;
  }

  run(): ReadonlyMap<ElementId, Use> {
    this.before = [...this.bytes];
    const [uses, seen] = runSteps(this.steps, this.id, this.bytes);
    this.seen = seen;
    return uses;
  }

  keep(): void {}

  undo(): void {
    this.bytes.clear();
    for (const [element, byte] of this.before) this.bytes.set(element, byte);
  }
}

/** One way through a world, as far as it has come. */
export class Run {
  readonly dispatcher: Dispatcher;
  readonly parcels: Parcel[] = [];
  /** Ages, in the order of their decisions. */
  readonly decided: number[] = [];
  private readonly world: World;
  private readonly stores = { card: new ToyStore(), host: new ToyStore() };
  private readonly works: ToyWork[] = [];
  private readonly calls: number[] = [];
  private readonly returns: number[] = [];
  /** Of each job that is done: how many had been called. */
  private readonly calledBefore: number[] = [];
  private time = 0;

  constructor(world: World) {
    this.world = world;
    this.dispatcher = new Dispatcher({
      stores: this.stores,
      protocolOf: world.protocolOf,
      protocols: world.protocols,
      order: world.order,
      make: world.make,
      carry: (parcel) => this.carry(parcel),
      onDecided: (age) => this.decided.push(age),
      onDone: (age) => {
        this.returns[age] = this.time++;
        this.calledBefore[age] = this.works.length;
      },
    });
  }

  /** How many things may happen next: the next job comes, or one of the parcels arrives. */
  get choices(): number {
    return this.parcels.length + (this.works.length < this.world.jobs.length ? 1 : 0);
  }

  choose(choice: number): void {
    const parcel = this.parcels[choice];
    if (parcel !== undefined) {
      this.parcels.splice(choice, 1);
      this.dispatcher.deliver(parcel);
      return;
    }
    const id = this.works.length;
    const { where, flow, steps } = this.world.jobs[id] as ToyJob;
    const work = new ToyWork(steps, id, this.stores[where === 'card' ? 'card' : 'host']);
    this.works.push(work);
    this.calls[id] = this.time++;
    this.dispatcher.submit({ where, flow, work });
  }

  /** That the card hears later that a packet is done is as if the next one of its flow came later. */
  private carry(parcel: Parcel): void {
    if (parcel.kind === 'done') this.dispatcher.deliver(parcel);
    else this.parcels.push(parcel);
  }

  /** Equal for runs that can't be told apart from now on. */
  get state(): string {
    const parcels = this.parcels.map((parcel) => JSON.stringify(parcel, plain)).sort();
    const { sites } = this.dispatcher;
    // Which jobs came after which were done is judged in the end, so it is part of the state.
    const done = this.works.map(({ seen }, id) => [seen, this.calledBefore[id]]);
    return JSON.stringify([sites.card, sites.host, this.dispatcher, parcels, this.decided, done], plain);
  }

  /** What is wrong with a run that has come to its end; undefined: nothing. */
  fault(): string | undefined {
    if (!this.dispatcher.isIdle || this.returns.filter((at) => at !== undefined).length < this.works.length)
      return 'stands still';
    const bytes = this.replayed();
    return typeof bytes === 'string' ? bytes : (this.finalFault(bytes) ?? this.flowFault() ?? this.historyFault());
  }

  /** The bytes after all jobs in the order of decisions; text: a job saw something else than it did. */
  private replayed(): Map<ElementId, number> | string {
    const bytes = new Map<ElementId, number>();
    if (this.decided.length !== this.works.length) return `${this.decided.length} decisions`;
    for (const id of this.decided) {
      const [, seen] = runSteps((this.world.jobs[id] as ToyJob).steps, id, bytes);
      const { seen: really } = this.works[id] as ToyWork;
      if (seen.join() !== really.join()) return `job ${id} saw ${really.join()} for ${seen.join()}`;
    }
    return bytes;
  }

  private finalFault(bytes: Map<ElementId, number>): string | undefined {
    for (const [element, byte] of bytes) {
      const really = this.finalByte(element);
      if (byte !== really) return `element ${element} is ${really} for ${byte} in the end`;
    }
    return undefined;
  }

  /** Where an element is in the end depends on its protocol. */
  private finalByte(element: ElementId): number {
    const { card, host } = this.stores;
    const { sites } = this.dispatcher;
    if (this.world.protocolOf(element) === 'combine') return (card.get(element) + host.get(element)) & 0xff;
    return sites.host.owns(element) ? host.get(element) : card.get(element);
  }

  private flowFault(): string | undefined {
    const last = new Map<number, number>();
    for (const id of this.decided) {
      const flow = this.world.order === 'strict' ? 0 : this.world.jobs[id]?.flow;
      if (flow === undefined) continue;
      if ((last.get(flow) ?? -1) > id) return `job ${id} after ${last.get(flow)} of its flow`;
      last.set(flow, id);
    }
    return undefined;
  }

  /** Element by element, without asking the protocol for its order. */
  private historyFault(): string | undefined {
    for (const element of new Set(this.world.jobs.flatMap(({ steps }) => steps.map((step) => step.element)))) {
      const wrong = firstImpossible(this.history(element), '0');
      if (wrong !== undefined) return `the history of element ${element} is not linearizable`;
    }
    return undefined;
  }

  private history(element: ElementId): Operation[] {
    return this.works.flatMap(({ seen }, id) => {
      const { steps } = this.world.jobs[id] as ToyJob;
      let [read, value, at]: [string | undefined, number | undefined, number] = [undefined, undefined, 0];
      let added = 0n;
      for (const { op, element: touched } of steps) {
        if (op !== 'add' && at >= seen.length) break;
        const old = op === 'add' ? undefined : seen[at++];
        if (touched === element && op === 'add') added++;
        else if (touched === element) read ??= String(old);
        if (touched === element && op === 'update') value = ((old as number) * 5 + 2 * id + 1) & 0xff;
      }
      if (read === undefined && added === 0n) return [];
      const operation = { call: this.calls[id] as number, return: this.returns[id] as number };
      if (added > 0n) return [{ ...operation, read: undefined, write: undefined, add: added }];
      return [{ ...operation, read, write: value === undefined ? undefined : String(value) }];
    });
  }
}

function plain(key: string, value: unknown): unknown {
  if (['protocol', 'options', 'before', 'job', 'lineOf'].includes(key)) return undefined;
  if (value instanceof Map) return [...value];
  if (value instanceof Set) return [...value];
  return value;
}
