/**
 * A program on two sides with a link on which everything takes any time and overtakes everything: packets are hits or
 * misses at random, the control plane reads and writes in between, parcels arrive in random order. A witness follows
 * the decisions, and for the elements that are used first the histories are checked for themselves.
 */
import type { ObjectSpec } from '../object/index.js';
import type { Machine, MachineOptions, PacketInput } from '../vm/index.js';
import type { DispatcherOptions, Order, Parcel } from './dispatcher.js';
import type { SharedMap } from './sharing.js';
import { type ControlAct, TwoSides } from './two-sides.js';
import { faultText, Witness, type WitnessFault } from './witness.js';

/** What happens. */
export interface CampaignOptions {
  readonly object: ObjectSpec;
  /** Index of the program. */
  readonly program: number;
  readonly shared: readonly SharedMap[];
  readonly packets: Iterable<{ readonly packet: PacketInput; readonly flow: number }>;
  /** Share of packets that miss, 0 to 1. */
  readonly misses: number;
  readonly seed: number;
  readonly machine?: MachineOptions | undefined;
  readonly fill?: ((machine: Machine) => void) | undefined;
  readonly order?: Order | undefined;
  /** Parcels and packets under way at most; default 16. */
  readonly window?: number | undefined;
  /** What the control plane does after a packet, if anything. */
  readonly control?: ((random: () => number) => ControlAct | undefined) | undefined;
  readonly make?: DispatcherOptions['make'];
  /** Share of misses that are lost on their way to the host, 0 to 1; default none. */
  readonly losses?: number | undefined;
  /** The card is taken out when so many packets have come; default: it stays. */
  readonly removeAfter?: number | undefined;
}

/** What came of it. */
export interface CampaignResult {
  readonly packets: number;
  readonly misses: number;
  /** Of the misses: lost on their way. */
  readonly lost: number;
  readonly acts: number;
  /** Messages by kind. */
  readonly messages: ReadonlyMap<string, number>;
  /** The first thing that is wrong; undefined: nothing. */
  readonly fault: string | undefined;
}

/** A packet or an act, as the witness needs it. */
type Note =
  | { readonly kind: 'packet'; readonly packet: PacketInput; readonly flow: number }
  | { readonly kind: 'act'; readonly act: ControlAct };

/** Runs it to its end, or to the first fault. Equal options, equal results. */
export function runCampaign(options: CampaignOptions): CampaignResult {
  return new Campaign(options).run();
}

class Campaign {
  private readonly options: CampaignOptions;
  private readonly random: () => number;
  private readonly parcels: Parcel[] = [];
  private readonly notes = new Map<number, Note>();
  private readonly messages = new Map<string, number>();
  private readonly sides: TwoSides;
  private readonly witness: Witness;
  private fault: string | undefined;
  private next = 0;
  private packets = 0;
  private misses = 0;
  private lost = 0;

  constructor(options: CampaignOptions) {
    const { object, program, machine = {}, fill, shared, order, make, seed } = options;
    this.options = options;
    this.random = randomFrom(seed);
    this.witness = new Witness(object, program, machine, fill);
    this.sides = new TwoSides(object, program, {
      machine,
      shared,
      order,
      fill,
      make,
      carry: (parcel) => this.carry(parcel),
      onDecided: (number) => this.decided(number),
      onDone: (number) => this.notes.delete(number),
    });
  }

  run(): CampaignResult {
    const { packets, window = 16 } = this.options;
    for (const { packet, flow } of packets) {
      while (this.parcels.length > 0 && (this.notes.size >= window || this.random() < 0.6)) this.deliver();
      if (this.fault !== undefined) break;
      this.arrive(packet, flow);
    }
    while (this.parcels.length > 0 && this.fault === undefined) this.deliver();
    if (this.sides.dispatcher.isIdle) this.note(this.witness.maps(this.sides));
    else this.fault ??= 'it stands still';
    const { packets: count, misses, lost, messages, fault } = this;
    return { packets: count, misses, lost, acts: this.next - count, messages, fault };
  }

  private arrive(packet: PacketInput, flow: number): void {
    const isHit = this.random() >= this.options.misses;
    this.packets++;
    if (!isHit) this.misses++;
    this.notes.set(this.next++, { kind: 'packet', packet, flow });
    this.sides.packet(packet, flow, isHit);
    if (this.packets === this.options.removeAfter) this.sides.removeCard();
    const act = this.options.control?.(this.random);
    if (act === undefined) return;
    this.notes.set(this.next++, { kind: 'act', act });
    this.sides.control(act);
  }

  private carry(parcel: Parcel): void {
    const kind = parcel.kind === 'message' ? parcel.message.kind : parcel.kind;
    this.messages.set(kind, (this.messages.get(kind) ?? 0) + 1);
    this.parcels.push(parcel);
  }

  /** Any of the parcels arrives. */
  private deliver(): void {
    const at = Math.floor(this.random() * this.parcels.length);
    const parcel = this.parcels[at] as Parcel;
    const last = this.parcels.pop() as Parcel;
    if (at < this.parcels.length) this.parcels[at] = last;
    const { losses = 0 } = this.options;
    if (parcel.kind !== 'packet' || losses === 0 || this.random() >= losses) this.sides.deliver(parcel);
    else {
      this.lost++;
      this.notes.delete(parcel.age);
      this.sides.lose(parcel.age);
    }
  }

  private note(fault: WitnessFault | undefined): void {
    this.fault ??= fault && faultText(fault);
  }

  private decided(number: number): void {
    const note = this.notes.get(number);
    if (note === undefined) this.fault ??= `${number} is decided, and is not under way`;
    else if (note.kind === 'act') this.note(this.witness.control(note.act, number, this.sides.found(number)));
    else {
      const { packet, flow } = note;
      const decision = this.sides.decision(number);
      if (decision === undefined) this.fault ??= `packet ${number} is decided, and has not run`;
      else this.note(this.witness.packet(packet, this.sides.sideOf(number), number, flow, decision));
    }
  }
}

/** Numbers from 0 to below 1 (xorshift; Marsaglia 2003). */
function randomFrom(seed: number): () => number {
  let state = (seed * 0x9e3779b1 + 1) >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state / 2 ** 32;
  };
}
