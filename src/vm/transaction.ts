/**
 * All or nothing over a lane and its maps. Whatever a program can change is either guest memory, and so known to the
 * journal, or one of the lane's outputs: a transaction is a journal and the length of those, and knows no map type and
 * no helper.
 *
 * One at a time in one guest memory, since the memory notes its stores in one journal.
 */
import { InternalError } from '../base/index.js';
import { Journal } from './journal.js';
import type { Lane } from './lane.js';
import type { MapStore } from './map-store.js';

/** See {@link Transaction.savepoint}. */
export interface Savepoint {
  readonly entries: number;
  readonly bytes: number;
  readonly outputs: number;
}

/** What a lane does to itself and to the maps, to be kept or undone. */
export class Transaction {
  private readonly store: MapStore;
  private readonly lane: Lane;
  private readonly journal = new Journal();
  private outputsAtBegin = 0;

  constructor(store: MapStore, lane: Lane) {
    this.store = store;
    this.lane = lane;
  }

  /** Starts it; transactions do not nest. */
  begin(): void {
    const { memory } = this.store;
    if (memory.journal !== null) throw new InternalError('machine', 'a transaction is already open');
    this.journal.clear();
    memory.journal = this.journal;
    this.outputsAtBegin = this.lane.emitted.length;
  }

  /** Keeps what was done. */
  commit(): void {
    this.close();
  }

  /**
   * Restores everything that a program can change. Stack contents are not restored: a frame is cleared when it is
   * entered.
   */
  rollback(): void {
    this.close();
    this.undo(0, this.outputsAtBegin);
  }

  /** A place in the open transaction that {@link rollbackTo} goes back to. */
  savepoint(): Savepoint {
    return { entries: this.journal.length, bytes: this.journal.oldLength, outputs: this.lane.emitted.length };
  }

  /** Undoes what the open transaction did since the savepoint; it stays open. */
  rollbackTo({ entries, outputs }: Savepoint): void {
    this.mustBeOpen();
    this.undo(entries, outputs);
  }

  private undo(entries: number, outputs: number): void {
    this.journal.rollback(this.store.memory.u8, entries);
    this.lane.emitted.length = outputs;
    this.lane.packet.sync();
    this.store.rolledBack();
  }

  private close(): void {
    this.mustBeOpen();
    this.store.memory.journal = null;
  }

  private mustBeOpen(): void {
    if (this.store.memory.journal !== this.journal) throw new InternalError('machine', 'no transaction is open');
  }
}
