/**
 * Packets and the control plane on their way to a side. Packets of a flow begin one after the other, each when the one
 * before it is done, wherever they run: so a flow's order of arrival is kept whatever the protocols do. Under
 * {@link Order} `strict` all packets are one flow.
 *
 * A packet that the card has no trace for leaves it, travels, and begins on the host.
 */
import type { ElementId, ElementStore, Side } from './element.js';
import type { Message } from './message.js';
import type { Protocol, ProtocolName, Transaction, Work } from './protocol.js';
import { protocolNames } from './protocol.js';
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
}

/** A message or a packet on the link, to the side named. */
export type Parcel =
  | { readonly to: Side; readonly kind: 'message'; readonly message: Message }
  | { readonly to: 'host'; readonly kind: 'packet'; readonly age: number };

/** What carries parcels: sooner or later, in any order, it gives each to {@link Dispatcher.deliver}. */
export type Carrier = (parcel: Parcel) => void;

/** Both sides, and the world around them. */
export interface DispatcherOptions {
  readonly stores: { readonly [side in Side]: ElementStore };
  /** Which protocol an element is under, the same answer each time; undefined: each side has one of its own. */
  readonly protocolOf: (element: ElementId) => ProtocolName | undefined;
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

/** Jobs of one flow: the first one is under way. */
type Line = { readonly age: number; readonly job: Job }[];

/** Two sites, and what comes to them. */
export class Dispatcher {
  readonly sites: { readonly [side in Side]: Site };
  private readonly options: DispatcherOptions;
  private readonly lines = new Map<number, Line>();
  private readonly travelling = new Map<number, Transaction>();
  private count = 0;

  constructor(options: DispatcherOptions) {
    this.options = options;
    this.sites = { card: this.site('card'), host: this.site('host') };
  }

  /** The next one arrives; what it is called from now on is its place in the order of arrival. */
  submit(job: Job): number {
    const age = this.count++;
    const flow = this.options.order === 'strict' ? 0 : job.flow;
    if (flow === undefined) {
      this.begin(age, job, undefined);
      return age;
    }
    const line = this.lines.get(flow);
    if (line === undefined) {
      this.lines.set(flow, [{ age, job }]);
      this.begin(age, job, flow);
    } else line.push({ age, job });
    return age;
  }

  /** A parcel has arrived. */
  deliver(parcel: Parcel): void {
    if (parcel.kind === 'message') {
      this.sites[parcel.to].receive(parcel.message);
      return;
    }
    const transaction = this.travelling.get(parcel.age);
    this.travelling.delete(parcel.age);
    if (transaction !== undefined) this.sites.host.begin(transaction);
  }

  /** Is everything that was submitted done? */
  get isIdle(): boolean {
    return this.lines.size + this.travelling.size === 0 && this.sites.card.isIdle && this.sites.host.isIdle;
  }

  private begin(age: number, { where, work }: Job, flow: number | undefined): void {
    const onDone = (): void => {
      this.options.onDone?.(age);
      if (flow !== undefined) this.next(flow);
    };
    const transaction: Transaction = { age, work, isMiss: where === 'miss', uses: new Map(), refusals: 0, onDone };
    if (where === 'miss')
      this.sites.card.leave(age, () => {
        this.travelling.set(age, transaction);
        this.options.carry({ to: 'host', kind: 'packet', age });
      });
    else this.sites[where === 'card' ? 'card' : 'host'].begin(transaction);
  }

  private next(flow: number): void {
    const line = this.lines.get(flow);
    line?.shift();
    const [first] = line ?? [];
    if (first === undefined) this.lines.delete(flow);
    else this.begin(first.age, first.job, flow);
  }

  private site(side: Side): Site {
    const { stores, protocolOf, carry, onDecided, make = makeProtocol } = this.options;
    const made = new Map(protocolNames.map((name) => [name, make(name)]));
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
