/**
 * The card waits: from the moment in which a slow packet leaves it until that is done, no packet on the card uses the
 * maps. Meanwhile the elements are the host's, who fetches those that it needs, and sends back what it wrote when it
 * is done. As a pipeline would do it, the slow packet leaves after those before it.
 *
 * What the host has fetched counts as long as slow packets are under way without a gap.
 */
import type { ElementId, Side, Use } from '../element.js';
import type { Message, Snapshot } from '../message.js';
import type { Access, Cell, Protocol, ReleaseMessage, SiteView, Transaction } from '../protocol.js';

/** One for all such maps of a side. {@link Cell.asked} and {@link Cell.epoch} are periods of {@link Stall.period}. */
export class Stall implements Protocol {
  readonly name = 'stall';
  readonly residence = 'card';
  /** On the card: ages of those that are away. On the host: of those that are here and have used such an element. */
  private readonly away = new Set<number>();
  /** On the host: what the control plane does; true: the card knows of it, and waits. */
  private readonly control = new Map<number, boolean>();
  /** On the card: what the control plane of the host asks for, by age. */
  private readonly requests = new Map<number, ElementId>();
  /** On the host: counts the times in which copies count. */
  protected period = 0;
  /** On the host: what the transaction that commits has written. */
  private unsent: Snapshot[] = [];
  private readonly isMine = (cell: Cell): boolean => cell.protocol === this;

  holdsAtFirst(side: Side): boolean {
    return side === 'card';
  }

  access(site: SiteView, cell: Cell, _use: Use, { age, isMiss }: Transaction): Access {
    if (site.side === 'card') return this.away.size === 0 ? 'ready' : 'wait';
    if (!isMiss && this.control.get(age) !== true) {
      if (!this.control.has(age)) site.send({ kind: 'want', element: cell.element, age, epoch: 0 });
      this.control.set(age, false);
      return 'wait';
    }
    this.away.add(age);
    if (cell.epoch === this.period) return 'ready';
    if (cell.asked !== this.period) site.send({ kind: 'fetch', element: cell.element, epoch: this.period });
    cell.asked = this.period;
    return 'wait';
  }

  receive(site: SiteView, cell: Cell, message: Message): void {
    switch (message.kind) {
      case 'fetch':
        site.send({ kind: 'value', epoch: message.epoch, snapshot: site.snapshot(cell) });
        break;
      case 'value':
        // If the host's copy is newer it is on its way to the card, which has not touched the element since.
        site.takeOver(message.snapshot);
        cell.epoch = message.epoch;
        site.wake(cell);
        break;
      case 'want':
        this.requests.set(message.age, cell.element);
        site.answerLater(cell);
        break;
      case 'grant':
        this.control.set(message.epoch, true);
        site.wakeAll();
        break;
      default:
    }
  }

  /** The control plane's turn comes when a slow packet's would. */
  serve(site: SiteView, cell: Cell): boolean {
    for (const [age, element] of this.requests) {
      if (element !== cell.element) continue;
      if (!this.mayLeave(site, age)) return false;
      this.requests.delete(age);
      this.left(site, age);
      site.send({ kind: 'grant', epoch: age, snapshot: site.snapshot(cell) });
    }
    return true;
  }

  mayLeave(site: SiteView, age: number): boolean {
    if (site.side !== 'card') return true;
    const oldest = site.oldestParked(this.isMine);
    return (oldest === undefined || oldest > age) && !site.isAnyLocked(this.isMine);
  }

  left(site: SiteView, age: number): void {
    if (site.side === 'card') this.away.add(age);
  }

  written(site: SiteView, cell: Cell): void {
    if (site.side === 'host') this.unsent.push(site.snapshot(cell));
  }

  done(site: SiteView, { age, isMiss }: Transaction): void {
    if (site.side !== 'host') return;
    if (isMiss || this.control.delete(age)) site.send({ kind: 'release', age, written: this.unsent });
    this.unsent = [];
    this.away.delete(age);
    if (this.away.size === 0) this.period++;
  }

  released(site: SiteView, { age, written }: ReleaseMessage): void {
    for (const snapshot of written) site.takeOver(snapshot);
    this.away.delete(age);
    if (this.away.size === 0) site.wakeAll();
  }
}
