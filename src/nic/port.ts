/**
 * What a card is, whatever it is made of: a place where traces are installed, and packets are offered to them.
 *
 * A packet that is offered is either decided there, by the one trace whose path condition it satisfies, or it misses.
 * A miss has left no mark on packet and maps, so the host can run it from the start; and it brings along where it left
 * the traces, its {@link SideExit}. Cards remember nothing of packets that they have answered for: any number of
 * misses may wait for the host at a time, each with an exit of its own.
 *
 * Two ways lead to a card: {@link CardPort.offer} takes the packet in the machine's packet buffer, {@link
 * CardPort.offerArena} packets that lie in an arena. What comes of them is the same, but for the order in which hits
 * are told.
 */
import type { RecordedTrace } from '../trace/index.js';
import type { PacketArena, TrapSite } from '../vm/index.js';

/** A trace on a card. Offered packets that it decides are hits, and this is what is said of them. */
export interface InstalledTrace {
  readonly kind: 'hit';
  readonly trace: RecordedTrace;
  /** Packets that it has decided since it was installed; whoever owns the card counts them. */
  packets: number;
  /** Other traces whose effects a packet of this one makes, and has undone, before it is this one's turn. */
  readonly bodiesBefore: number;
}

/** A trace that a packet followed up to one of its guards. */
export interface Parent {
  readonly installed: InstalledTrace;
  /** Position of the guard in the trace's history. */
  readonly guard: number;
}

/**
 * A place where packets leave the traces of a card. What is known of recordings that started there lives here
 * (penalties); cards make one for each place, and the same one for each packet that leaves there.
 */
export abstract class SideExit {
  readonly kind = 'miss';
  /** Misses here to let pass before the next recording. */
  wait = 0;
  /** Failed recordings so far. */
  failures = 0;

  /**
   * The trace that a packet left here, and the first of its guards that may have failed. Undefined if none is known to
   * have been followed beyond its first guard.
   */
  abstract parent(): Parent | undefined;
}

/** What came of a packet that was offered: the trace that decided it, or where it left the traces. */
export type Offer = InstalledTrace | SideExit;

/** What came of packets of an arena: so many were decided; the one behind them, if there is one, missed. */
export interface ArenaOffer {
  readonly decided: number;
  /** Where packet `from + decided` left the traces; undefined if all were decided. */
  readonly exit: SideExit | undefined;
}

/** Who offers packets of an arena, and is told what becomes of them. */
export interface ArenaOwner {
  /** Each hit has to be told before the next packet is offered. Else {@link hit} may be told of many at once. */
  readonly inOrder: boolean;
  /** What a record is to say of a packet that the trace decided: its number for the rest of the world, below 2^32. */
  numberOf(trace: InstalledTrace): number;
  /** A trace decided so many packets; of several traces, in the order of their last ones. */
  hit(trace: InstalledTrace, packets: number): void;
  /** Packets `from` to `to` (exclusive) were decided. */
  taken(from: number, to: number): void;
  /** Called when outputs are there that the next packet would wipe out. */
  decided(): void;
  /** So many of the packets that are about to be {@link taken} were run by the program, which is a miss of each. */
  passed?(packets: number): void;
  /** The program, which a card had run packet `index`, was stopped there. */
  trapped?(index: number, site: TrapSite): void;
}

/** A card as the rest of the house sees it. */
export interface CardPort {
  /** What kind of card it is: `software`. */
  readonly name: string;
  /** Traces that it holds at most, sides of regions counted one by one. */
  readonly capacity: number;
  /** Several traces may share a place: the card branches, and has a verdict for each side. */
  readonly holdsRegions: boolean;
  /** Why it can't run a trace, in words; undefined: it can. */
  refusal(trace: RecordedTrace): string | undefined;
  /**
   * Adds a trace that the card does not refuse, while it holds fewer than {@link capacity}. Undefined if it could not
   * be told apart from one that is there.
   */
  install(trace: RecordedTrace): InstalledTrace | undefined;
  /** Takes a trace out: from the next packet on it decides nothing. */
  evict(installed: InstalledTrace): void;
  /** Offers the packet that is in the machine's packet buffer; after a hit what became of it is there. */
  offer(): Offer;
  /**
   * Offers packets `from` to `to` (exclusive) of the arena, in order, up to the first that misses; that one is as it
   * was, in the arena. Records of decided packets hold the verdict at `record.r0` and the trace's number at
   * `record.trace`.
   */
  offerArena(arena: PacketArena, from: number, to: number, owner: ArenaOwner): ArenaOffer;
  /**
   * Look-ups in maps that took longer than they should, since the last time that someone asked; 0 if the card doesn't
   * count them.
   */
  takeSlowLookups(): number;
  /** Between two packets: time for what is not on their way, such as compiling. */
  refresh(): void;
}

/** Offers one packet of an arena by way of the machine's packet buffer; undefined if it was decided. */
export function offerInBuffer(
  offer: () => Offer,
  arena: PacketArena,
  index: number,
  owner: ArenaOwner,
): SideExit | undefined {
  arena.toBuffer(index);
  const offered = offer();
  if (offered.kind === 'miss') return offered;
  arena.fromBuffer(index, offered.trace.verdict);
  arena.setTrace(index, owner.numberOf(offered));
  owner.hit(offered, 1);
  owner.taken(index, index + 1);
  owner.decided();
  return undefined;
}

/** {@link CardPort.offerArena} for cards that know one packet at a time. */
export function offerEach(card: CardPort, arena: PacketArena, from: number, to: number, owner: ArenaOwner): ArenaOffer {
  const offer = (): Offer => card.offer();
  for (let at = from; at < to; at++) {
    const exit = offerInBuffer(offer, arena, at, owner);
    if (exit !== undefined) return { decided: at - from, exit };
  }
  return { decided: to - from, exit: undefined };
}
