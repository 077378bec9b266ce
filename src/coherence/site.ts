/**
 * One side: its transactions, and what it knows of the elements. A transaction is run on the copies at hand. If its
 * protocols have it wait for an element, it is undone and tried again later; if all copies were good, it is kept. If
 * some are good only as far as this side knows, it is undone, what it relies on at this side is locked, and the other
 * side is asked; that one compares versions, writes, and answers: so a transaction is decided at one instant at one
 * place, and its order among all others is that of these instants.
 *
 * Nobody waits for one another: a transaction that waits holds nothing; who has asked the other side holds its locks,
 * and is answered at once, or after a younger one that has asked already. An older transaction is never refused for
 * the sake of a younger one's locks, and one that was refused again and again has its elements kept for it, so each
 * gets its turn (wound-wait; Rosenkrantz, Stearns, Lewis, System level concurrency control for distributed database
 * systems, TODS 1978).
 */
import { InternalError } from '../base/index.js';
import { type ElementId, type ElementStore, otherSide, type Side, type Value } from './element.js';
import type { Claim, Message, Snapshot } from './message.js';
import type { Cell, Protocol, SiteView, Transaction } from './protocol.js';

/** Refusals after which a transaction has its elements kept for it. */
const patience = 2;

/** A transaction that the other side is asked about. */
interface Prepared {
  readonly transaction: Transaction;
  readonly locked: readonly Cell[];
  /** What it writes at this side, once it is accepted, and what it adds. */
  readonly writes: readonly { readonly cell: Cell; readonly value: Value }[];
  readonly shares: readonly { readonly cell: Cell; readonly value: Value }[];
}

/** What a site is told of the world. */
export interface SiteOptions {
  readonly side: Side;
  readonly store: ElementStore;
  readonly protocolOf: (element: ElementId) => Protocol;
  readonly protocols: readonly Protocol[];
  readonly send: (message: Message) => void;
  /**
   * Told of each transaction, of either side, at the instant in which this side decides it: the order of these
   * instants is the order of transactions.
   */
  readonly onDecided?: ((age: number) => void) | undefined;
}

/** One side. */
export class Site implements SiteView {
  readonly side: Side;
  readonly store: ElementStore;
  private readonly options: SiteOptions;
  private readonly cells = new Map<ElementId, Cell>();
  private readonly queue = new Set<Transaction>();
  /** Those that wait, and the cells that they still wait for. */
  private readonly parked = new Map<Transaction, Set<Cell>>();
  private readonly prepared = new Map<number, Prepared>();
  /** Questions of the other side that wait for a lock here. */
  private readonly waiting = new Set<Message & { readonly kind: 'prepare' }>();
  private readonly reservations = new Map<number, readonly Cell[]>();
  private readonly leaving = new Map<number, () => void>();
  /** Requests of the other side that wait for transactions here. */
  private readonly unanswered = new Set<Cell>();
  private isBusy = false;

  constructor(options: SiteOptions) {
    this.options = options;
    this.side = options.side;
    this.store = options.store;
  }

  /** Runs a transaction as soon as it can be. */
  begin(transaction: Transaction): void {
    this.queue.add(transaction);
    this.pump();
  }

  /** A packet that the card leaves to the host: `go` is called when it may, at once if nothing speaks against it. */
  leave(age: number, go: () => void): void {
    this.leaving.set(age, go);
    this.pump();
  }

  /** A packet that was to come here is lost on its way: protocols that wait for it need not. */
  forget(transaction: Transaction): void {
    for (const protocol of this.options.protocols) protocol.done?.(this, transaction);
    this.pump();
  }

  /** A message of the other side. */
  receive(message: Message): void {
    switch (message.kind) {
      case 'prepare':
        this.waiting.add(message);
        break;
      case 'accepted':
      case 'refused':
        this.decided(message);
        break;
      case 'forgo':
        this.unreserve(message.age);
        break;
      case 'value':
      case 'grant':
      case 'update':
        this.toProtocol(message.snapshot.element, message);
        break;
      case 'release':
        for (const protocol of this.options.protocols) protocol.released?.(this, message);
        break;
      default:
        this.toProtocol(message.element, message);
    }
    this.pump();
  }

  /** Is nothing under way here? */
  get isIdle(): boolean {
    return this.queue.size + this.parked.size + this.prepared.size + this.waiting.size + this.leaving.size === 0;
  }

  /** When nothing is under way: is the element what it is here? Of a sum each side has a share. */
  owns(element: ElementId): boolean {
    const { protocol, holds } = this.cell(element);
    return protocol.residence === 'owner' ? holds : protocol.residence !== otherSide(this.side);
  }

  // What protocols see.

  cell(element: ElementId): Cell {
    const known = this.cells.get(element);
    if (known !== undefined) return known;
    const protocol = this.options.protocolOf(element);
    const cell: Cell = {
      element,
      protocol,
      version: 0,
      holds: protocol.holdsAtFirst(this.side),
      asked: undefined,
      epoch: -1,
      wanted: undefined,
      lock: undefined,
      adding: 0,
      reserved: undefined,
      parked: new Set(),
    };
    this.cells.set(element, cell);
    return cell;
  }

  send(message: Message): void {
    this.options.send(message);
  }

  wake(cell: Cell): void {
    for (const transaction of cell.parked) {
      const waits = this.parked.get(transaction);
      waits?.delete(cell);
      if (waits === undefined || waits.size === 0) this.queue.add(transaction);
    }
    cell.parked.clear();
  }

  wakeAll(): void {
    for (const transaction of this.parked.keys()) this.queue.add(transaction);
  }

  answerLater(cell: Cell): void {
    this.unanswered.add(cell);
  }

  snapshot(cell: Cell): Snapshot {
    return { element: cell.element, version: cell.version, value: this.store.read(cell.element) };
  }

  takeOver({ element, version, value }: Snapshot): boolean {
    const cell = this.cell(element);
    if (version < cell.version) return false;
    if (version > cell.version) this.store.write(element, value);
    cell.version = version;
    return true;
  }

  oldestParked(of: (cell: Cell) => boolean): number | undefined {
    let oldest: number | undefined;
    for (const { age, uses } of this.parked.keys()) {
      if (oldest !== undefined && oldest < age) continue;
      for (const element of uses.keys()) if (of(this.cell(element))) oldest = age;
    }
    return oldest;
  }

  isAnyLocked(of: (cell: Cell) => boolean): boolean {
    for (const { locked } of this.prepared.values()) if (locked.some(of)) return true;
    return false;
  }

  // What drives it: everything that can be tried is, the oldest first, until nothing can.

  private pump(): void {
    if (this.isBusy) return;
    this.isBusy = true;
    try {
      while (this.step());
    } finally {
      this.isBusy = false;
    }
  }

  private step(): boolean {
    let next: Transaction | undefined;
    for (const each of this.queue) if (next === undefined || each.age < next.age) next = each;
    if (next !== undefined) {
      this.queue.delete(next);
      this.unpark(next);
      this.attempt(next);
      return true;
    }
    for (const question of this.waiting) if (this.judge(question)) return true;
    for (const cell of this.unanswered) if (this.answer(cell)) return true;
    for (const [age, go] of this.leaving) if (this.depart(age, go)) return true;
    return false;
  }

  private answer(cell: Cell): boolean {
    if (cell.lock !== undefined || cell.adding > 0 || cell.protocol.serve?.(this, cell) === false) return false;
    this.unanswered.delete(cell);
    return true;
  }

  private depart(age: number, go: () => void): boolean {
    const { protocols } = this.options;
    if (!protocols.every((protocol) => protocol.mayLeave?.(this, age) ?? true)) return false;
    this.leaving.delete(age);
    for (const protocol of protocols) protocol.left?.(this, age);
    go();
    return true;
  }

  // Transactions of this side.

  private attempt(transaction: Transaction): void {
    const { work } = transaction;
    const uses = work.run();
    if (uses === undefined) {
      this.decline(transaction);
      return;
    }
    transaction.uses = uses;
    const here: Cell[] = [];
    const there: Cell[] = [];
    const waits: Cell[] = [];
    for (const [element, use] of transaction.uses) {
      const cell = this.cell(element);
      const isHeld =
        cell.lock !== undefined ||
        (use !== 'add' && cell.adding > 0) ||
        (cell.reserved !== undefined && cell.reserved < transaction.age);
      const access = isHeld ? 'wait' : cell.protocol.access(this, cell, use, transaction);
      (access === 'ready' ? here : access === 'validate' ? there : waits).push(cell);
    }
    if (waits.length > 0) {
      work.undo();
      this.park(transaction, waits);
    } else if (there.length === 0) {
      work.keep();
      this.options.onDecided?.(transaction.age);
      for (const cell of here) if (transaction.uses.get(cell.element) !== 'read') this.wrote(cell, this.side);
      this.finish(transaction);
    } else this.prepare(transaction, here, there);
  }

  /** This side can't do it after all: what was kept or asked for it is not needed. */
  private decline(transaction: Transaction): void {
    const { onDeclined } = transaction;
    if (onDeclined === undefined) throw new InternalError('coherence', 'work that no side can do');
    this.settle(transaction);
    onDeclined();
  }

  private park(transaction: Transaction, cells: readonly Cell[]): void {
    this.parked.set(transaction, new Set(cells));
    for (const cell of cells) cell.parked.add(transaction);
  }

  private unpark(transaction: Transaction): void {
    for (const cell of this.parked.get(transaction) ?? []) cell.parked.delete(transaction);
    this.parked.delete(transaction);
  }

  private prepare(transaction: Transaction, here: readonly Cell[], there: readonly Cell[]): void {
    const { age, uses, work, refusals } = transaction;
    const isRead = (cell: Cell): boolean => uses.get(cell.element) === 'read';
    const after = (cell: Cell): { cell: Cell; value: Value } => ({ cell, value: this.store.read(cell.element) });
    const claims = there.map(
      (cell): Claim => ({
        element: cell.element,
        version: cell.version,
        write: isRead(cell) ? undefined : after(cell),
      }),
    );
    const added = here.filter(({ element }) => uses.get(element) === 'add');
    const used = here.filter((cell) => !added.includes(cell));
    const writes = used.filter((cell) => !isRead(cell)).map(after);
    // Others of this side would only be refused for what this one writes at the other.
    const locked = [...used, ...there.filter((cell) => !isRead(cell))];
    const sums = added.map(after);
    work.undo();
    const shares = sums.map(({ cell, value }) => ({ cell, value: this.store.difference(cell.element, value) }));
    for (const cell of locked) cell.lock = age;
    for (const cell of added) cell.adding++;
    this.prepared.set(age, { transaction, locked, writes, shares });
    this.send({ kind: 'prepare', age, insists: refusals >= patience, claims });
  }

  /** The other side has decided about a transaction of this one. */
  private decided(message: Message & { readonly kind: 'accepted' | 'refused' }): void {
    const prepared = this.prepared.get(message.age);
    if (prepared === undefined) throw new InternalError('coherence', `nothing was asked about ${message.age}`);
    const { transaction, locked, writes, shares } = prepared;
    this.prepared.delete(message.age);
    for (const cell of locked) cell.lock = undefined;
    for (const { cell } of shares) cell.adding--;
    for (const snapshot of message.fresh) this.takeOver(snapshot);
    if (message.kind === 'accepted') {
      for (const { cell, value } of writes) {
        this.store.write(cell.element, value);
        this.wrote(cell, this.side);
      }
      for (const { cell, value } of shares) {
        this.store.add(cell.element, value);
        this.wrote(cell, this.side);
      }
      this.finish(transaction);
      return;
    }
    transaction.refusals++;
    for (const element of transaction.uses.keys()) this.wake(this.cell(element));
    this.queue.add(transaction);
  }

  private finish(transaction: Transaction): void {
    this.settle(transaction);
    for (const protocol of this.options.protocols) protocol.done?.(this, transaction);
    transaction.onDone();
  }

  private settle(transaction: Transaction): void {
    const { age, uses, refusals } = transaction;
    for (const element of uses.keys()) {
      const cell = this.cell(element);
      this.wake(cell);
      cell.protocol.settled?.(this, cell, transaction);
    }
    // Elements that are kept for it are not, once it is done without them.
    if (refusals > patience) this.send({ kind: 'forgo', age });
  }

  private wrote(cell: Cell, by: Side): void {
    cell.version++;
    cell.protocol.written?.(this, cell, by);
  }

  // Transactions of the other side.

  /** Answers a question; false: it has to wait for a lock. */
  private judge(question: Message & { readonly kind: 'prepare' }): boolean {
    const { age, claims, insists } = question;
    const cells = claims.map(({ element }) => this.cell(element));
    if (cells.some(({ lock }) => lock !== undefined && lock > age)) return false;
    this.waiting.delete(question);
    this.unreserve(age);
    const isGood = claims.every(({ version }, at) => {
      const { lock, reserved, version: current } = cells[at] as Cell;
      return lock === undefined && (reserved === undefined || reserved > age) && version === current;
    });
    if (!isGood) {
      if (insists) this.reserve(age, cells);
      this.send({ kind: 'refused', age, fresh: cells.map((cell) => this.snapshot(cell)) });
      return true;
    }
    this.options.onDecided?.(age);
    for (const [at, cell] of cells.entries()) {
      const { write } = claims[at] as Claim;
      if (write === undefined) continue;
      this.store.write(cell.element, write.value);
      this.wrote(cell, otherSide(this.side));
      this.wake(cell);
    }
    this.send({ kind: 'accepted', age, fresh: cells.map((cell) => this.snapshot(cell)) });
    return true;
  }

  private reserve(age: number, cells: readonly Cell[]): void {
    const kept = cells.filter(({ reserved }) => reserved === undefined || reserved > age);
    for (const cell of kept) cell.reserved = age;
    this.reservations.set(age, kept);
  }

  private unreserve(age: number): void {
    for (const cell of this.reservations.get(age) ?? []) {
      if (cell.reserved !== age) continue;
      cell.reserved = undefined;
      this.wake(cell);
    }
    this.reservations.delete(age);
  }

  private toProtocol(element: ElementId, message: Message): void {
    const cell = this.cell(element);
    cell.protocol.receive(this, cell, message);
  }
}
