/** What a snapshot's frames hold on the stack. */

import { liveSlots } from '../code/index.js';
import { stackAddress } from '../ir/index.js';
import { stackSize } from '../platform/index.js';
import type { StackByte } from './recorded-memory.js';
import type { History, Snapshot, StackSlot } from './snapshot.js';

/** Slots that were written and may still be read, by frame, from the bottom up. */
export function stackSlots(history: History, snapshot: Snapshot): StackSlot[] {
  const bytes = writtenBytes(history, snapshot);
  const live = liveSlots(snapshot.program.insns);
  const slots: StackSlot[] = [];
  for (const [frame, shot] of snapshot.frames.entries()) {
    const { pc } = shot;
    for (let offset = -stackSize; offset < 0; ) {
      const first = bytes.get(stackAddress(frame, offset));
      if (first === undefined || !live.isLiveByte(pc, offset)) {
        offset++;
        continue;
      }
      let size = 1;
      while (size < 8 && offset + size < 0 && continues(first, bytes.get(stackAddress(frame, offset + size)), size))
        size++;
      slots.push({ frame, offset, size, value: first === 'memory' ? undefined : first.value });
      offset += size;
    }
  }
  return slots;
}

/** Does the next byte belong to the same slot? */
function continues(first: StackByte, next: StackByte | undefined, distance: number): boolean {
  if (next === undefined || first === 'memory' || next === 'memory') return first === next;
  return next.value === first.value && next.byte === first.byte + distance;
}

/** What each stack byte held at the snapshot: replays spills, fills and cleared frames up to there. */
function writtenBytes(history: History, snapshot: Snapshot): ReadonlyMap<number, StackByte> {
  const bytes = new Map<number, StackByte>();
  for (let i = 0; i < snapshot.changes; i++) {
    const change = history.changes[i];
    if (change?.kind === 'frame') for (let at = -stackSize; at < 0; at++) bytes.delete(stackAddress(change.depth, at));
    else if (change?.kind === 'spill')
      for (let b = 0; b < change.size; b++) bytes.set(change.address + b, { value: change.value, byte: b });
    else if (change?.kind === 'filled')
      for (const [b, byte] of change.bytes.entries()) bytes.set(change.address + b, byte);
  }
  return bytes;
}
