/**
 * The card decides, and sends a log of what it writes, which the host applies to copies of its own: so a transaction
 * of the host begins at once, with copies that are half a round trip old at most, and is refused only if the card
 * wrote meanwhile. The log is paid for by every packet that writes.
 */
import type { Side } from '../element.js';
import type { Message } from '../message.js';
import type { Access, Cell, Protocol, SiteView } from '../protocol.js';

/** The log goes from card to host. */
export class Replay implements Protocol {
  readonly name = 'replay';
  readonly residence = 'card';

  holdsAtFirst(): boolean {
    return true;
  }

  access(site: SiteView): Access {
    return site.side === 'card' ? 'ready' : 'validate';
  }

  /** An entry of the log. Entries may come in any order: those that are behind the copy say nothing new. */
  receive(site: SiteView, _cell: Cell, message: Message): void {
    if (message.kind === 'update') site.takeOver(message.snapshot);
  }

  /** What the host wrote it learns with the answer. */
  written(site: SiteView, cell: Cell, by: Side): void {
    if (site.side === 'card' && by === 'card') site.send({ kind: 'update', snapshot: site.snapshot(cell) });
  }
}
