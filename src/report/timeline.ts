/**
 * Hits over time: cumulative counts, taken every `step` packets. When there are too many, every other one goes and the
 * step doubles, so that memory stays flat for a capture of any length and the result depends on the packets alone.
 */

/** Counts since the start. */
export interface Moment {
  readonly packets: number;
  readonly hits: number;
  readonly installs: number;
  readonly evictions: number;
}

const mostMoments = 256;

/** Counts over time in at most a fixed number of moments; the last one is always exact. */
export class Timeline {
  readonly moments: Moment[] = [{ packets: 0, hits: 0, installs: 0, evictions: 0 }];
  private step = 1;

  /** Call it as often as wanted; it takes a moment when one is due. */
  note(counts: Moment): void {
    if (counts.packets - (this.moments.at(-1) as Moment).packets >= this.step) this.take(counts);
  }

  /** The last moment, whether due or not. */
  finish(counts: Moment): void {
    if (counts.packets > (this.moments.at(-1) as Moment).packets) this.take(counts);
  }

  /** Notes a moment; when there are too many, keeps every other one and takes the next half as often. */
  private take({ packets, hits, installs, evictions }: Moment): void {
    this.moments.push({ packets, hits, installs, evictions });
    if (this.moments.length <= mostMoments) return;
    this.step *= 2;
    const kept = this.moments.filter((_, i) => i % 2 === 0);
    this.moments.length = 0;
    this.moments.push(...kept);
  }
}
