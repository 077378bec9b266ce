/**
 * The progress line: only on a terminal, only after a second, `12,000 packets, 4,000/s, 3 s left`. Most runs are
 * shorter than that and show nothing. It is on stderr, in one line that is drawn over, so that stdout can be piped;
 * who prints something else calls `clear` first.
 */

import { formatNumber } from '../text/index.js';
import type { Io } from './command.js';

/**
 * Where the work ends, as far as that is known: by packets (a number or a limit), by bytes of the file that is read.
 */
export interface Extent {
  readonly packets?: number | undefined;
  readonly bytes?: number | undefined;
}

/** Milliseconds before the line is shown for the first time, and between two times (five a second can be read). */
const patience = 1000;
const pause = 200;

/** One line on a terminal, after the first second: packets, rate, and what time is left where the end is known. */
export class Progress {
  private readonly io: Io;
  private readonly extent: Extent;
  private readonly unit: string;
  private readonly start = Date.now();
  /** Milliseconds since 1970 of the last drawing; 0 before the first. */
  private shown = 0;

  /** `unit`: what is counted as packets, in the plural. */
  constructor(io: Io, extent: Extent = {}, unit = 'packets') {
    this.io = io;
    this.extent = extent;
    this.unit = unit;
  }

  /** Draws the line if it is time to. `bytes`: how many of the file have been read. */
  show(packets: number, bytes = 0): void {
    const now = Date.now();
    if (!this.io.flags.progress || now - this.start < patience || now - this.shown < pause) return;
    this.shown = now;
    const rate = Math.round((packets * 1000) / (now - this.start));
    const left = secondsLeft(this.extent, { packets, bytes }, (now - this.start) / 1000);
    const words = left === undefined ? '' : `, ${durationText(left)} left`;
    this.io.err(`\r${formatNumber(packets)} ${this.unit}, ${formatNumber(rate)}/s${words}\u001b[K`);
  }

  /** Takes the line away, so that something else can be printed there. */
  clear(): void {
    if (this.shown > 0) this.io.err('\r\u001b[K');
  }
}

/**
 * Seconds until the first of the known ends, at the rate so far; undefined where none is known. The mean since the
 * start and no recent rate: it jumps less, and packets of one capture cost about the same.
 */
export function secondsLeft(end: Extent, done: Required<Extent>, seconds: number): number | undefined {
  const shares = [share(done.packets, end.packets), share(done.bytes, end.bytes)].filter((part) => part > 0);
  if (shares.length === 0) return undefined;
  const most = Math.min(1, Math.max(...shares));
  return (seconds * (1 - most)) / most;
}

/** Share of the work that is done; 0 where the whole is not known. */
function share(done: number | undefined, all: number | undefined): number {
  return all === undefined || all === 0 || !Number.isFinite(all) ? 0 : (done ?? 0) / all;
}

/** `42 s`, `3 min 05 s`, `2 h 07 min`. */
export function durationText(seconds: number): string {
  const whole = Math.ceil(seconds);
  const two = (number: number): string => String(number).padStart(2, '0');
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  return `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} min`;
}
