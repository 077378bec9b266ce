/**
 * Both sides read copies of their own; what is written is written on the host, by the control plane or by a packet
 * there. A write first has the card stop using its copy: from then until the new one arrives traces that need it wait.
 * So nobody reads an old version after someone has read the new one.
 */
import { UnsupportedError } from '../../base/index.js';
import type { Side, Use } from '../element.js';
import type { Message } from '../message.js';
import type { Access, Cell, Protocol, SiteView, Transaction } from '../protocol.js';

/**
 * On the card, {@link Cell.epoch} is the last version that it may not use any more; on the host, the last one that the
 * card has said so of.
 */
export class Replicate implements Protocol {
  readonly name = 'replicate';
  readonly residence = 'host';

  holdsAtFirst(): boolean {
    return true;
  }

  access(site: SiteView, cell: Cell, use: Use, by: Transaction): Access {
    if (site.side === 'card') {
      if (use !== 'read')
        throw new UnsupportedError(
          '`replicate` carries maps that the card only reads, and a packet on the card writes this one',
          {},
          'take another protocol for the map: migrate, device-home, host-home, replay, stall',
        );
      return cell.version > cell.epoch ? 'ready' : 'wait';
    }
    if (use === 'read' || cell.epoch === cell.version) return 'ready';
    if (cell.asked === undefined) {
      cell.asked = by.age;
      site.send({ kind: 'invalidate', element: cell.element, version: cell.version });
    }
    return 'wait';
  }

  receive(site: SiteView, cell: Cell, message: Message): void {
    switch (message.kind) {
      case 'invalidate':
        cell.epoch = Math.max(cell.epoch, message.version);
        site.send({ kind: 'invalidated', element: cell.element, version: message.version });
        break;
      case 'invalidated':
        cell.epoch = message.version;
        cell.asked = undefined;
        site.wake(cell);
        site.answerLater(cell);
        break;
      case 'update':
        site.takeOver(message.snapshot);
        site.wake(cell);
        break;
      default:
    }
  }

  written(site: SiteView, cell: Cell, by: Side): void {
    if (by === 'host') site.send({ kind: 'update', snapshot: site.snapshot(cell) });
  }

  /** The writer may have changed its mind: then the card learns that the copy it had is good after all. */
  serve(site: SiteView, cell: Cell): boolean {
    if (cell.epoch !== cell.version) return true;
    if (site.oldestParked(({ element }) => element === cell.element) !== undefined) return false;
    cell.version++;
    site.send({ kind: 'update', snapshot: site.snapshot(cell) });
    return true;
  }
}
