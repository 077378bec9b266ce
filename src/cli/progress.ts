import type { Io } from './command.js';
import { formatNumber } from './output.js';

/** One line on a terminal, after the first second: packets, rate, and what time is left where the number of packets is known. */
export class Progress {
  private readonly io: Io;
  private readonly total: number | undefined;
  private readonly start = Date.now();
  private shown = 0;

  constructor(io: Io, total?: number) {
    this.io = io;
    this.total = total;
  }

  show(packets: number): void {
    const now = Date.now();
    if (!this.io.flags.progress || now - this.start < 1000 || now - this.shown < 200) return;
    this.shown = now;
    const rate = Math.round((packets * 1000) / (now - this.start));
    const left = this.total === undefined ? '' : `, ${Math.ceil((this.total - packets) / rate)} s left`;
    this.io.err(`\r${formatNumber(packets)} packets, ${formatNumber(rate)}/s${left}\u001b[K`);
  }

  clear(): void {
    if (this.shown > 0) this.io.err('\r\u001b[K');
  }
}
