/**
 * Protocols with one line broken, each as somebody might write it: what has to be caught, so that what catches it is
 * known to look.
 */
import type { Side, Use } from './element.js';
import type { Message } from './message.js';
import type { Access, Cell, Protocol, ProtocolName, SiteView, Transaction } from './protocol.js';
import { Combine } from './protocols/combine.js';
import { Home } from './protocols/home.js';
import { Migrate } from './protocols/migrate.js';
import { Replay } from './protocols/replay.js';
import { Replicate } from './protocols/replicate.js';
import { Stall } from './protocols/stall.js';

/** One of them. */
export interface BrokenProtocol {
  readonly protocol: ProtocolName;
  readonly what: string;
  readonly make: () => Protocol;
}

/** The other side is not asked: its copy is as good as any. */
class UnaskedHome extends Home {
  override access(): Access {
    return 'ready';
  }
}

/** What was asked for is taken for what is there, although no answer has come. */
class HastyHome extends Home {
  override access(site: SiteView, cell: Cell, use: Use, by: Transaction): Access {
    const access = super.access(site, cell, use, by);
    return access === 'validate' ? 'ready' : access;
  }
}

class GenerousMigrate extends Migrate {
  override serve(site: SiteView, cell: Cell): boolean {
    const { holds } = cell;
    const isServed = super.serve(site, cell);
    // Goes on using what it gave away.
    cell.holds = holds;
    return isServed;
  }
}

class EmptyMigrate extends Migrate {
  override receive(site: SiteView, cell: Cell, message: Message): void {
    // The right comes without the bytes.
    if (message.kind === 'grant')
      super.receive(site, cell, { ...message, snapshot: { ...message.snapshot, version: cell.version } });
    else super.receive(site, cell, message);
  }
}

class ForgetfulMigrate extends Migrate {
  override serve(site: SiteView, cell: Cell): boolean {
    // A request that comes before the element itself is dropped.
    if (!cell.holds) cell.wanted = undefined;
    return super.serve(site, cell);
  }
}

class HastyReplicate extends Replicate {
  override access(site: SiteView, cell: Cell, use: Use, by: Transaction): Access {
    return site.side === 'host' ? 'ready' : super.access(site, cell, use, by);
  }
}

class DeafReplicate extends Replicate {
  override access(site: SiteView, cell: Cell, use: Use, by: Transaction): Access {
    return site.side === 'card' ? 'ready' : super.access(site, cell, use, by);
  }
}

class DoubleCombine extends Combine {
  override serve(site: SiteView, cell: Cell): boolean {
    const before = cell.wanted === undefined ? undefined : site.store.read(cell.element);
    const isServed = super.serve(site, cell);
    // Keeps the share that it hands over.
    if (isServed && before !== undefined) site.store.write(cell.element, before);
    return isServed;
  }
}

class HastyCombine extends Combine {
  override access(site: SiteView, cell: Cell, use: Use, by: Transaction): Access {
    return use === 'read' ? 'ready' : super.access(site, cell, use, by);
  }
}

class RestlessCombine extends Combine {
  override serve(site: SiteView, cell: Cell): boolean {
    const isServed = super.serve(site, cell);
    // Goes on adding while the other side reads.
    cell.holds = true;
    return isServed;
  }
}

class UnaskedReplay extends Replay {
  override access(): Access {
    return 'ready';
  }
}

class DisorderedReplay extends Replay {
  override receive(site: SiteView, cell: Cell, message: Message): void {
    if (message.kind !== 'update') return;
    // The entry that comes last counts, not the newest.
    site.store.write(cell.element, message.snapshot.value);
    cell.version = Math.max(cell.version, message.snapshot.version);
  }
}

class RestlessStall extends Stall {
  override access(site: SiteView, cell: Cell, use: Use, by: Transaction): Access {
    return site.side === 'card' ? 'ready' : super.access(site, cell, use, by);
  }
}

class StaleStall extends Stall {
  override done(site: SiteView, by: Transaction): void {
    // What was fetched counts for ever.
    const { period } = this;
    super.done(site, by);
    this.period = period;
  }
}

class SilentStall extends Stall {
  override written(): void {
    // What the host wrote is not sent back.
  }
}

const homes: readonly (readonly [ProtocolName, Side])[] = [
  ['device-home', 'card'],
  ['host-home', 'host'],
];

/** All of them. */
export const brokenProtocols: readonly BrokenProtocol[] = [
  ...homes.flatMap(([protocol, side]): BrokenProtocol[] => [
    { protocol, what: 'commits without asking', make: () => new UnaskedHome(protocol, side) },
    { protocol, what: 'fetches, and commits without asking', make: () => new HastyHome(protocol, side) },
  ]),
  { protocol: 'migrate', what: 'goes on using what it gave away', make: () => new GenerousMigrate() },
  { protocol: 'migrate', what: 'gives the right without the bytes', make: () => new EmptyMigrate() },
  { protocol: 'migrate', what: 'drops a request that comes early', make: () => new ForgetfulMigrate() },
  { protocol: 'replicate', what: 'writes before the card has stopped', make: () => new HastyReplicate() },
  { protocol: 'replicate', what: 'reads after it was told to stop', make: () => new DeafReplicate() },
  { protocol: 'combine', what: 'keeps the share that it hands over', make: () => new DoubleCombine() },
  { protocol: 'combine', what: 'reads its own share alone', make: () => new HastyCombine() },
  { protocol: 'combine', what: 'adds while the other side reads', make: () => new RestlessCombine() },
  { protocol: 'replay', what: 'commits without asking', make: () => new UnaskedReplay() },
  { protocol: 'replay', what: 'takes the log in the order of arrival', make: () => new DisorderedReplay() },
  { protocol: 'stall', what: 'does not wait', make: () => new RestlessStall() },
  { protocol: 'stall', what: 'keeps copies for ever', make: () => new StaleStall() },
  { protocol: 'stall', what: 'does not send back what was written', make: () => new SilentStall() },
];
