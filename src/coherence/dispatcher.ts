/**
 * Packets and the control plane on their way to a side. Packets of a flow are decided one after the other, wherever
 * they run: so a flow's order of arrival is kept whatever the protocols do. Under {@link Order} `strict` all packets
 * are one flow.
 *
 * A packet that the card has no trace for leaves it, travels, and begins on the host when those before it in its flow
 * are done. Behind packets that have left others may follow, and wait there; who is to run on the card waits there
 * until it knows that those before are done, which takes a word over the link.
 */
import { InternalError } from '../base/index.js';
import type { ElementId, ElementStore, Side } from './element.js';
import type { Message } from './message.js';
import type { Protocol, ProtocolName, Transaction, Work } from './protocol.js';
import { makeProtocol } from './protocols/index.js';
import { Local } from './protocols/local.js';
import { Site } from './site.js';

/** `flow`: as packets of a flow arrive; `strict`: as all packets arrive. */
export type Order = 'flow' | 'strict';

/** What is to be done. */
export interface Job {
  /** `card`: the card has a trace. `miss`: it comes to the card, and goes on to the host. `control`: on the host. */
  readonly where: 'card' | 'miss' | 'control';
  /** Jobs of one flow keep their order; undefined: of none. */
  readonly flow: number | undefined;
  readonly work: Work;
  /** Of `card`: what is done on the host if it turns out that the card can't ({@link Work.run}). */
  readonly elsewhere?: Work | undefined;
}

/** A message or a packet on the link, to the side named; `done`: a packet is, and all before it in its flow. */
export type Parcel =
  | { readonly to: Side; readonly kind: 'message'; readonly message: Message }
  | { readonly to: 'host'; readonly kind: 'packet'; readonly age: number }
  | { readonly to: 'card'; readonly kind: 'done'; readonly age: number };

/** What carries parcels: sooner or later, in any order, it gives each to {@link Dispatcher.deliver}. */
export type Carrier = (parcel: Parcel) => void;

/** Both sides, and the world around them. */
export interface DispatcherOptions {
  readonly stores: { readonly [side in Side]: ElementStore };
  /** Which protocol an element is under, the same answer each time; undefined: each side has one of its own. */
  readonly protocolOf: (element: ElementId) => ProtocolName | undefined;
  /** Those that {@link protocolOf} names. */
  readonly protocols: readonly ProtocolName[];
  /** Default `flow`. */
  readonly order?: Order | undefined;
  readonly carry: Carrier;
  /** Told of each job, in the order in which they take effect. */
  readonly onDecided?: ((age: number) => void) | undefined;
  /** Told of each job when its side knows that it has. */
  readonly onDone?: ((age: number) => void) | undefined;
  /** In place of the shipped ones. For tests. */
  readonly make?: ((name: ProtocolName) => Protocol) | undefined;
}

/**
 * A job in its line. It waits at the card; or it runs there; or it is about to leave, or away, or waits at the host;
 * or runs there; or is done there and the card does not know yet.
 */
interface Entry {
  readonly age: number;
  readonly job: Job;
  isMiss: boolean;
  /** It never got to the host: that it is done says nothing of those before it. */
  isLost: boolean;
  state: 'waits' | 'card' | 'leaves' | 'away' | 'arrived' | 'host' | 'done';
}

/** Jobs of one flow that the card does not know to be done, in order of arrival. */
interface Line {
  readonly flow: number;
  readonly entries: Entry[];
  isBusy: boolean;
}

/** Two sites, and what comes to them. */
export class Dispatcher {
  readonly sites: { readonly [side in Side]: Site };
  private readonly options: DispatcherOptions;
  private readonly lines = new Map<number, Line>();
  private readonly lineOf = new Map<number, Line>();
  private readonly travelling = new Map<number, Transaction>();
  private count = 0;

  constructor(options: DispatcherOptions) {
    this.options = options;
    this.sites = { card: this.site('card'), host: this.site('host') };
  }

  /** The next one arrives; what it is called from now on is its place in the order of arrival. */
  submit(job: Job): number {
    const age = this.count++;
    const entry: Entry = { age, job, isMiss: job.where === 'miss', isLost: false, state: 'waits' };
    const line = this.line(job.flow);
    if (line === undefined) this.begin(entry, undefined);
    else {
      line.entries.push(entry);
      this.lineOf.set(age, line);
      this.advance(line);
    }
    return age;
  }

  /** Is there nothing under way that a packet of this flow would have to wait for? */
  isFree(flow: number): boolean {
    return !this.lines.has(this.options.order === 'strict' ? 0 : flow);
  }

  /** A parcel has arrived. */
  deliver(parcel: Parcel): void {
    if (parcel.kind === 'message') this.sites[parcel.to].receive(parcel.message);
    else if (parcel.kind === 'done') this.learn(parcel.age);
    else this.arrive(parcel.age);
  }

  /** A packet that has left the card does not get to the host: it never ran, and nobody waits for it any more. */
  lose(age: number): void {
    const transaction = this.travelling.get(age);
    if (transaction === undefined) return;
    this.travelling.delete(age);
    this.sites.host.forget(transaction);
    const line = this.lineOf.get(age);
    if (line === undefined) return;
    const entry = entryOf(line, age);
    entry.isLost = true;
    this.doneAtHost(line, entry);
  }

  /** Is everything that was submitted done? */
  get isIdle(): boolean {
    return this.lines.size + this.travelling.size === 0 && this.sites.card.isIdle && this.sites.host.isIdle;
  }

  /** The line of a flow; undefined: it has none. */
  private line(flow: number | undefined): Line | undefined {
    const name = this.options.order === 'strict' ? 0 : flow;
    if (name === undefined) return undefined;
    const known = this.lines.get(name);
    if (known !== undefined) return known;
    const made: Line = { flow: name, entries: [], isBusy: false };
    this.lines.set(name, made);
    return made;
  }

  /** Everything in a line goes as far as it may. */
  private advance(line: Line): void {
    if (line.isBusy) return;
    line.isBusy = true;
    while (this.step(line));
    line.isBusy = false;
    if (line.entries.length === 0) this.lines.delete(line.flow);
  }

  private step(line: Line): boolean {
    const { entries } = line;
    const [first] = entries;
    if (first?.state === 'waits' && !first.isMiss) {
      this.begin(first, line);
      return true;
    }
    // Behind those that have left.
    const next = entries.find(({ state }) => state === 'waits' || state === 'card' || state === 'leaves');
    if (next?.state === 'waits' && next.isMiss) {
      this.begin(next, line);
      return true;
    }
    const atHost = entries.find(({ state }) => state !== 'done');
    if (atHost?.state !== 'arrived') return false;
    atHost.state = 'host';
    const transaction = this.travelling.get(atHost.age) as Transaction;
    this.travelling.delete(atHost.age);
    this.sites.host.begin(transaction);
    return true;
  }

  private begin(entry: Entry, line: Line | undefined): void {
    const { age, job, isMiss } = entry;
    const { where, elsewhere } = job;
    const onDone = (): void => {
      this.options.onDone?.(age);
      if (line === undefined) return;
      if (entry.state === 'card') this.forget(line, entry);
      else this.doneAtHost(line, entry);
    };
    const work = isMiss && where === 'card' ? (elsewhere as Work) : job.work;
    const transaction: Transaction = { age, work, isMiss, uses: new Map(), refusals: 0, onDone };
    if (isMiss) {
      entry.state = 'leaves';
      this.sites.card.leave(age, () => {
        entry.state = 'away';
        this.travelling.set(age, transaction);
        this.options.carry({ to: 'host', kind: 'packet', age });
        if (line !== undefined) this.advance(line);
      });
    } else if (where === 'control') {
      entry.state = 'host';
      this.sites.host.begin(transaction);
    } else {
      entry.state = 'card';
      const onDeclined = (): void => {
        entry.isMiss = true;
        entry.state = 'waits';
        if (line === undefined) this.begin(entry, line);
        else this.advance(line);
      };
      this.sites.card.begin(elsewhere === undefined ? transaction : { ...transaction, onDeclined });
    }
  }

  /** A packet has come to the host. */
  private arrive(age: number): void {
    const transaction = this.travelling.get(age);
    if (transaction === undefined) return;
    const line = this.lineOf.get(age);
    if (line === undefined) {
      this.travelling.delete(age);
      this.sites.host.begin(transaction);
      return;
    }
    entryOf(line, age).state = 'arrived';
    this.advance(line);
  }

  private doneAtHost(line: Line, entry: Entry): void {
    entry.state = 'done';
    this.options.carry({ to: 'card', kind: 'done', age: entry.age });
    this.advance(line);
  }

  /** The card is told that a packet is done: so are those before it, since the host keeps a flow's order. */
  private learn(age: number): void {
    const line = this.lineOf.get(age);
    if (line !== undefined) this.forget(line, entryOf(line, age));
  }

  private forget(line: Line, last: Entry): void {
    const at = line.entries.indexOf(last);
    const known = last.isLost ? line.entries.splice(at, 1) : line.entries.splice(0, at + 1);
    for (const { age } of known) this.lineOf.delete(age);
    this.advance(line);
    if (line.entries.length === 0 && !line.isBusy) this.lines.delete(line.flow);
  }

  private site(side: Side): Site {
    const { stores, protocolOf, protocols, carry, onDecided, make = makeProtocol } = this.options;
    const made = new Map(protocols.map((name) => [name, make(name)]));
    const local = new Local();
    return new Site({
      side,
      store: stores[side],
      protocolOf: (element) => {
        const name = protocolOf(element);
        return name === undefined ? local : (made.get(name) as Protocol);
      },
      protocols: [...made.values()],
      send: (message) => carry({ to: side === 'card' ? 'host' : 'card', kind: 'message', message }),
      onDecided,
    });
  }
}

function entryOf({ entries }: Line, age: number): Entry {
  const found = entries.find((entry) => entry.age === age);
  if (found === undefined) throw new InternalError('coherence', `packet ${age} is not in its line`);
  return found;
}
