/**
 * An element has one owner at a time, who does with it as he likes. The other side asks for it, and then is the owner.
 * Each change of owner is an epoch: a request says in which one the element was given away, so that one that comes too
 * late, or before the element itself, is known for what it is.
 *
 * An owner keeps an element for an older transaction that waits here for others: younger ones get it after that.
 */
import type { Side, Use } from '../element.js';
import type { Message } from '../message.js';
import type { Access, Cell, Protocol, SiteView, Transaction } from '../protocol.js';

/** Ownership moves on a miss. */
export class Migrate implements Protocol {
  readonly name = 'migrate';
  readonly residence = 'owner';

  holdsAtFirst(side: Side): boolean {
    return side === 'card';
  }

  access(site: SiteView, cell: Cell, _use: Use, { age }: Transaction): Access {
    if (cell.holds) return 'ready';
    if (cell.asked === undefined || age < cell.asked) {
      cell.asked = age;
      site.send({ kind: 'want', element: cell.element, age, epoch: cell.epoch });
    }
    return 'wait';
  }

  receive(site: SiteView, cell: Cell, message: Message): void {
    if (message.kind === 'want') {
      const { age, epoch } = message;
      if (epoch < cell.epoch) return;
      if (cell.wanted === undefined || age < cell.wanted.age) cell.wanted = { age, epoch };
      site.answerLater(cell);
    } else if (message.kind === 'grant') {
      site.takeOver(message.snapshot);
      cell.epoch = message.epoch;
      cell.holds = true;
      cell.asked = undefined;
      site.wake(cell);
    }
  }

  /** Gives the element away, if it is here and no older transaction waits. */
  serve(site: SiteView, cell: Cell): boolean {
    const { wanted } = cell;
    if (wanted === undefined) return true;
    if (!cell.holds || this.isKept(site, cell, wanted.age)) return false;
    cell.wanted = undefined;
    cell.holds = false;
    cell.epoch++;
    site.send({ kind: 'grant', epoch: cell.epoch, snapshot: site.snapshot(cell) });
    return true;
  }

  protected isKept(site: SiteView, cell: Cell, age: number): boolean {
    const oldest = site.oldestParked(({ element }) => element === cell.element);
    return oldest !== undefined && oldest < age;
  }
}
