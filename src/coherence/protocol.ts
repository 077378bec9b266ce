/**
 * What a coherence protocol has to say. It rules the elements of its maps; the site ({@link Site}) runs transactions
 * and asks it, element by element, whether this side may use its copy.
 */
import type { ElementId, ElementStore, Side, Use } from './element.js';
import type { Message, Snapshot } from './message.js';

/** See {@link Protocol.released}. */
export type ReleaseMessage = Extract<Message, { readonly kind: 'release' }>;

/** A packet, or what the control plane does: all or nothing, on one side. */
export interface Work {
  /**
   * Runs on the side's copies, whatever they are worth; what it did is kept or undone by the next call. Called again
   * after an {@link undo}, with other copies. Undefined: this side can't do it as things stand, and has done nothing.
   */
  run(): ReadonlyMap<ElementId, Use> | undefined;
  keep(): void;
  undo(): void;
}

/** A transaction that is under way at a site. */
export interface Transaction {
  /** Its place in the order of arrival, different for each: the older ones win. */
  readonly age: number;
  readonly work: Work;
  /** It came over the link: the card knows that it is away. */
  readonly isMiss: boolean;
  /** Of the last attempt. */
  uses: ReadonlyMap<ElementId, Use>;
  refusals: number;
  /** Told once, when it has committed. */
  readonly onDone: () => void;
  /** Told in place of it if this side can't do the work: it is no transaction of this side any more. */
  readonly onDeclined?: (() => void) | undefined;
}

/** A request of the other side that is not answered yet. */
export interface Wanted {
  readonly age: number;
  readonly epoch: number;
}

/** What a side knows of an element besides its bytes. What a field means more closely is its protocol's matter. */
export interface Cell {
  readonly element: ElementId;
  readonly protocol: Protocol;
  /** Counts the commits that wrote the copy of this side. */
  version: number;
  /** This side may use its copy as it is. */
  holds: boolean;
  /** Age of the oldest transaction for which a message is under way that asks for it. */
  asked: number | undefined;
  /** Of ownership, of a fetch, of a stall; -1 at first. */
  epoch: number;
  /** The oldest that asks for the element from the other side, and what it knew. */
  wanted: Wanted | undefined;
  /** Age of the transaction of this side that is being decided at the other one, and relies on this copy. */
  lock: number | undefined;
  /** Such transactions that add to it, without having read it. */
  adding: number;
  /** Age of the other side's transaction that this element is kept for. */
  reserved: number | undefined;
  /** Transactions of this side that wait for it. */
  readonly parked: Set<Transaction>;
}

/**
 * May a transaction use the copy of this side? `ready`: yes, and this side decides; `validate`: yes, if the other side
 * agrees when it commits; `wait`: not now, it is tried again when the cell is woken.
 */
export type Access = 'ready' | 'validate' | 'wait';

/** What a protocol sees of a site. */
export interface SiteView {
  readonly side: Side;
  readonly store: ElementStore;
  cell(element: ElementId): Cell;
  send(message: Message): void;
  /** Those that wait for the cell, and for no other, are tried again. */
  wake(cell: Cell): void;
  /** All that wait here are. */
  wakeAll(): void;
  /** {@link Protocol.serve} is asked about the cell, again and again, until it says that it has answered. */
  answerLater(cell: Cell): void;
  /** The element as it is here. */
  snapshot(cell: Cell): Snapshot;
  /** Takes over bytes and version; false: they are older than what is here, and nothing is done. */
  takeOver(snapshot: Snapshot): boolean;
  /** The age of the oldest that waits here and uses such an element. */
  oldestParked(of: (cell: Cell) => boolean): number | undefined;
  /** Does a transaction that is being decided rely on such an element? */
  isAnyLocked(of: (cell: Cell) => boolean): boolean;
}

/** All there are. */
export const protocolNames = [
  'device-home',
  'host-home',
  'migrate',
  'replicate',
  'combine',
  'replay',
  'stall',
] as const;

/** One of {@link protocolNames}. */
export type ProtocolName = (typeof protocolNames)[number];

/** One protocol on one side, for one map or several. */
export interface Protocol {
  /** `local`: none is needed. */
  readonly name: ProtocolName | 'local';
  /** Where elements are when nothing is under way: at one side, at their owner's, or on both as shares of a sum. */
  readonly residence: Side | 'owner' | 'sum';
  /** Does this side hold the element at first? */
  holdsAtFirst(side: Side): boolean;
  access(site: SiteView, cell: Cell, use: Use, by: Transaction): Access;
  /** A message that is about the element, of the kinds that the site leaves to protocols. */
  receive(site: SiteView, cell: Cell, message: Message): void;
  /** The element has been written at this side, by a transaction of `by`; the version is the new one. */
  written?(site: SiteView, cell: Cell, by: Side): void;
  /** A transaction of this side that used it is done. */
  settled?(site: SiteView, cell: Cell, by: Transaction): void;
  /** Answers a request that had to wait ({@link SiteView.answerLater}); false: it still has to. */
  serve?(site: SiteView, cell: Cell): boolean;
  /** A slow packet is about to leave the card. False: not yet, it is asked again. */
  mayLeave?(site: SiteView, age: number): boolean;
  /** It has left. */
  left?(site: SiteView, age: number): void;
  /** A transaction is done at this side. */
  done?(site: SiteView, by: Transaction): void;
  /** The other side says that a slow packet is done. */
  released?(site: SiteView, message: ReleaseMessage): void;
}
