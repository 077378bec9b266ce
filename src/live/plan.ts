/** What is attached to an interface and what could be done with it, found without changing anything. */
import { InputError } from '../base/index.js';
import type { Bpf, KernelIds } from '../linux/index.js';
import type { ObjectSpec } from '../object/index.js';
import { errnoName } from '../platform/index.js';
import { type Attachment, findAttachment, type HiddenTraits, hiddenTraits } from './attachment.js';
import { writtenByProgram } from './read-only.js';
import { findSites, type LookupSite } from './sites.js';
import { type TakenProgram, takeProgram } from './taken-program.js';

/** What attaching found, without having changed anything. */
export interface LivePlan {
  readonly attachment: Attachment;
  readonly taken: TakenProgram;
  readonly traits: HiddenTraits;
  readonly sites: readonly LookupSite[];
  /** Why there are no sites to be known. */
  readonly why: string | undefined;
}

/** Reads what is attached to an interface and what could be done; changes nothing. Throws with why it can't be. */
export function planLive(bpf: Bpf, ids: KernelIds, device: string, object?: ObjectSpec): LivePlan {
  const attachment = findAttachment(ids, device);
  const fd = ids.open('program', attachment.programId);
  if (fd < 0) throw new InputError(`program ${attachment.programId} cannot be opened: ${errnoName(fd)}`);
  const taken = takeProgram(bpf, ids, fd, object);
  try {
    const traits = hiddenTraits(bpf, fd);
    const found = findSites(taken.object, taken.program);
    const written = writtenByProgram(taken);
    const sites = 'why' in found ? [] : found.filter(({ map }) => written[map] === undefined);
    return { attachment, taken, traits, sites, why: 'why' in found ? found.why : undefined };
  } catch (error) {
    taken.close();
    throw error;
  }
}
