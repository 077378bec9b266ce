/**
 * The original program in its place again, where the process that took it over is gone.
 *
 * Until then nothing was wrong: versions fall back to the table's look-up at the first change, as the watcher is
 * pinned. Only a version that the state names is replaced. The state is written before each swap, so none is attached
 * unnamed.
 */
import { InputError } from '../base/index.js';
import type { Bpf, KernelIds } from '../linux/index.js';
import { errnoName } from '../platform/index.js';
import { attachedProgram, swap } from './attachment.js';
import { writeJournal } from './journal.js';
import type { LivePlace, LiveState } from './state.js';

/**
 * Puts the original back for a process that is gone. False: somebody else changed what is attached, it stays. Throws
 * where the kernel refuses.
 */
export function putBack(bpf: Bpf, ids: KernelIds, place: LivePlace, state: LiveState): boolean {
  const id = attachedProgram(state.attachment.device);
  let isOurs = id === state.program.id;
  if (state.versionIds.includes(id)) {
    const original = bpf.getPinned(place.pin('original'));
    const current = ids.open('program', id);
    if (original < 0 || current < 0) {
      throw new InputError(
        `the original program of \`${state.attachment.device}\` is not to be had: ${errnoName(original)}`,
      );
    }
    swap(ids, state.attachment, original, current);
    bpf.close(original);
    bpf.close(current);
    isOurs = true;
  }
  writeJournal(place.journal, 'detached', isOurs ? `program ${state.program.id} is back` : 'what is attached stays');
  place.clear();
  return isOurs;
}
