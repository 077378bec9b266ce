/** A capture that is held, through a session: in pieces, so that messages come in between. */
import type { Session } from '../runtime/index.js';
import type { HeldCapture } from './capture.js';
import type { Turns } from './protocol.js';

/** Milliseconds between two turns. */
export const turnEvery = 20;

/** Packets up to `to` (exclusive); false: it was stopped before. `what` says what for, `each` hears of each piece. */
export async function runUpTo(
  session: Session,
  capture: HeldCapture,
  to: number,
  what: string,
  turns: Turns,
  each?: (packets: number) => void,
): Promise<boolean> {
  let last = turns.now();
  let done = 0;
  for (const batch of capture.batches) {
    const end = Math.min(batch.count, to - done);
    for (let at = 0; at < end; ) {
      const ran = session.runBatch(batch, at, end - at);
      each?.(ran);
      at += ran;
      if (turns.now() - last < turnEvery) continue;
      turns.progress({ what, packets: done + at, share: (done + at) / to });
      await turns.turn();
      last = turns.now();
      if (turns.isStopped) return false;
    }
    done += Math.max(0, end);
    if (done >= to) break;
  }
  return true;
}
