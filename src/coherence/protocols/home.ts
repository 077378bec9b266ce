/**
 * One side is the element's home, for good: it alone decides. The other one fetches the element, works on the copy,
 * and asks the home to commit: two round trips for what takes none at home, and a third each time that the home was
 * faster.
 */
import type { ElementId, Side, Use } from '../element.js';
import type { Message } from '../message.js';
import type { Access, Cell, Protocol, ProtocolName, SiteView, Transaction } from '../protocol.js';

/** `device-home` and `host-home`. */
export class Home implements Protocol {
  readonly name: ProtocolName;
  readonly residence: Side;

  constructor(name: ProtocolName, home: Side) {
    this.name = name;
    this.residence = home;
  }

  /** Elsewhere a copy counts until a transaction has used it. */
  holdsAtFirst(side: Side): boolean {
    return side === this.residence;
  }

  access(site: SiteView, cell: Cell, _use: Use, by: Transaction): Access {
    if (site.side === this.residence) return 'ready';
    if (cell.holds) return 'validate';
    if (cell.asked === undefined) {
      cell.asked = by.age;
      site.send({ kind: 'fetch', element: cell.element, epoch: 0 });
    }
    return 'wait';
  }

  receive(site: SiteView, cell: Cell, message: Message): void {
    if (message.kind === 'fetch') this.tell(site, cell.element);
    if (message.kind !== 'value') return;
    site.takeOver(message.snapshot);
    cell.asked = undefined;
    cell.holds = true;
    site.wake(cell);
  }

  settled(site: SiteView, cell: Cell): void {
    if (site.side !== this.residence) cell.holds = false;
  }

  private tell(site: SiteView, element: ElementId): void {
    site.send({ kind: 'value', epoch: 0, snapshot: site.snapshot(site.cell(element)) });
  }
}
