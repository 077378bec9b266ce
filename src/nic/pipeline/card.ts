/**
 * The pipelined card behind the port: it takes traces that fit its stages, as many as its match table has conditions.
 * What they do to packets the software card does, one packet after the other, so what is right there is right here;
 * that packets under way do not get in each other's way is shown by running them interleaved (execute.ts).
 */
import type { MapSpec } from '../../object/index.js';
import type { RecordedTrace } from '../../trace/index.js';
import type { PacketArena } from '../../vm/index.js';
import { type CardDescription, numberOf } from '../description.js';
import type { ArenaOffer, ArenaOwner, CardPort, InstalledTrace, Offer } from '../port.js';
import { lowerTrace, type PipelinedTrace, type PipelineRefusal } from './lower.js';

/** Traces as stages, in front of a card that runs them. */
export class PipelineCard implements CardPort {
  readonly name = 'pipeline';
  readonly capacity: number;
  readonly holdsRegions = false;
  private readonly inner: CardPort;
  private readonly card: CardDescription;
  private readonly maps: readonly MapSpec[];
  private readonly lowered = new WeakMap<RecordedTrace, PipelinedTrace | PipelineRefusal>();

  constructor(inner: CardPort, card: CardDescription, maps: readonly MapSpec[]) {
    this.inner = inner;
    this.card = card;
    this.maps = maps;
    // A newcomer is there before the one that has to go has left.
    this.capacity = numberOf(card, 'front.entries') + 1;
  }

  /** The trace as stages, or why it does not fit. */
  lower(trace: RecordedTrace): PipelinedTrace | PipelineRefusal {
    const known = this.lowered.get(trace) ?? lowerTrace(trace.code, this.maps, this.card);
    this.lowered.set(trace, known);
    return known;
  }

  refusal(trace: RecordedTrace): string | undefined {
    const made = this.lower(trace);
    return made.kind === 'refused' ? made.what : this.inner.refusal(trace);
  }

  install(trace: RecordedTrace): InstalledTrace | undefined {
    return this.inner.install(trace);
  }

  evict(installed: InstalledTrace): void {
    this.inner.evict(installed);
  }

  offer(): Offer {
    return this.inner.offer();
  }

  offerArena(arena: PacketArena, from: number, to: number, owner: ArenaOwner): ArenaOffer {
    return this.inner.offerArena(arena, from, to, owner);
  }

  takeSlowLookups(): number {
    return this.inner.takeSlowLookups();
  }

  refresh(): void {
    this.inner.refresh();
  }
}
