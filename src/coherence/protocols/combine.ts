/**
 * Counters: each side adds to a share of its own, and the element is the sum of the shares. Who reads asks the other
 * side for its share, and with it for its right to add, until he is done; nor is anything added at his own side
 * meanwhile. So a reader sees the sum of one instant, and of the same instant as all else that he sees.
 *
 * An older transaction does not wait for a younger reader, on either side: it has the reader begin again.
 */
import { UnsupportedError } from '../../base/index.js';
import type { ElementId, Use, Value } from '../element.js';
import type { Message } from '../message.js';
import type { Access, Cell, Protocol, SiteView, Transaction } from '../protocol.js';

/** Who reads an element at this side. */
interface Reader {
  readonly age: number;
  /** Which time it is that the other side stopped; undefined: it has not answered yet. */
  stop: number | undefined;
}

/**
 * {@link Cell.holds}: this side may add; if not, {@link Cell.asked} is the oldest that wants to. {@link Cell.epoch}
 * counts the times it stopped, each of which has one share on its way there and one word on its way back.
 */
export class Combine implements Protocol {
  readonly name = 'combine';
  readonly residence = 'sum';
  private readonly readers = new Map<ElementId, Reader>();
  /** Shares that have come from the other side: all up to a number, and the numbers of later ones. */
  private readonly shares = new Map<ElementId, { upTo: number; readonly early: Set<number> }>();
  /** Of the times that this side stopped, how many are over. */
  private readonly resumes = new Map<ElementId, number>();

  holdsAtFirst(): boolean {
    return true;
  }

  access(site: SiteView, cell: Cell, use: Use, { age }: Transaction): Access {
    const { element } = cell;
    if (use === 'write')
      throw new UnsupportedError(
        '`combine` carries counters that are only added to, and this map is written otherwise',
        {},
        'take another protocol for the map: migrate, device-home, host-home, replay, stall',
      );
    if (!this.yields(site, cell, age)) return 'wait';
    if (!cell.holds) {
      if (cell.asked === undefined || age < cell.asked) site.send({ kind: 'want', element, age, epoch: cell.epoch });
      cell.asked = Math.min(age, cell.asked ?? age);
      return 'wait';
    }
    if (use === 'add') return 'ready';
    const reader = this.readers.get(element);
    if (reader === undefined) {
      this.readers.set(element, { age, stop: undefined });
      site.send({ kind: 'drain', element, age });
    }
    // Each time it stopped the other side sent one share; they come in any order.
    return reader?.stop === undefined || !this.isComplete(element, reader.stop) ? 'wait' : 'ready';
  }

  receive(site: SiteView, cell: Cell, message: Message): void {
    switch (message.kind) {
      case 'drain':
        if (cell.wanted === undefined || message.age < cell.wanted.age) cell.wanted = { age: message.age, epoch: 0 };
        site.answerLater(cell);
        break;
      case 'share':
        this.drained(site, cell, message.age, message.share, message.stop);
        break;
      case 'want':
        if (cell.lock === undefined) this.yields(site, cell, message.age);
        break;
      case 'resume':
        this.resume(site, cell);
        break;
      default:
    }
  }

  /** Hands the share over, and the right to add, unless an older reader counts on it. */
  serve(site: SiteView, cell: Cell): boolean {
    const { wanted, element } = cell;
    if (wanted === undefined) return true;
    if (!this.yields(site, cell, wanted.age)) return false;
    cell.wanted = undefined;
    cell.holds = false;
    cell.epoch++;
    site.send({ kind: 'share', element, age: wanted.age, stop: cell.epoch, share: site.store.takeShare(element) });
    return true;
  }

  settled(site: SiteView, cell: Cell, { age }: Transaction): void {
    if (this.readers.get(cell.element)?.age === age) this.giveUp(site, cell);
  }

  /** The other side's share has come, for a reader who may have gone meanwhile. */
  private drained(site: SiteView, { element }: Cell, age: number, share: Value, stop: number): void {
    site.store.add(element, share);
    this.arrived(element, stop);
    site.wake(site.cell(element));
    const reader = this.readers.get(element);
    if (reader?.age !== age || reader.stop !== undefined) {
      site.send({ kind: 'resume', element });
      return;
    }
    reader.stop = stop;
  }

  private arrived(element: ElementId, stop: number): void {
    const shares = this.shares.get(element) ?? { upTo: -1, early: new Set() };
    this.shares.set(element, shares);
    shares.early.add(stop);
    while (shares.early.delete(shares.upTo + 1)) shares.upTo++;
  }

  /** Have all shares come up to that of a time at which the other side stopped? */
  private isComplete(element: ElementId, stop: number): boolean {
    return (this.shares.get(element)?.upTo ?? -1) >= stop;
  }

  /** One of the times that this side stopped is over; it adds again when all are. */
  private resume(site: SiteView, cell: Cell): void {
    const resumed = (this.resumes.get(cell.element) ?? 0) + 1;
    this.resumes.set(cell.element, resumed);
    if (resumed <= cell.epoch) return;
    cell.holds = true;
    cell.asked = undefined;
    site.wake(cell);
  }

  /** May a transaction of that age go on here? A younger reader begins again, an older one is waited for. */
  private yields(site: SiteView, cell: Cell, age: number): boolean {
    const reader = this.readers.get(cell.element);
    if (reader === undefined || reader.age === age) return true;
    if (reader.age < age) return false;
    this.giveUp(site, cell);
    return true;
  }

  /** There is no reader any more. */
  private giveUp(site: SiteView, cell: Cell): void {
    const { element } = cell;
    const stop = this.readers.get(element)?.stop;
    this.readers.delete(element);
    if (stop !== undefined) site.send({ kind: 'resume', element });
    site.wake(cell);
  }
}
