/** Helpers that compiled traces know more of than that they are called. */
import type { Value } from '../../ir/index.js';
import { isRedirector, isMover as movesPacket } from '../../jit/index.js';
import { changesAny, helperId, helpersWhere } from '../../platform/index.js';

const functions: ReadonlySet<number> = new Set([helperId.get_prandom_u32, helperId.csum_diff]);
const locks = helpersWhere((row) => changesAny(row, 'lock'));
const changers = helpersWhere((row) => changesAny(row, 'elements'));

/** Moves the packet's ends. */
export function isMover({ detail }: Value): boolean {
  return detail?.kind === 'call' && movesPacket(detail.helper);
}

/** Says where the packet goes. */
export function isRedirect({ detail }: Value): boolean {
  return detail?.kind === 'call' && isRedirector(detail.helper);
}

/** A function of the module, which changes nothing but what {@link CallLowering} undoes. */
export function isInModule(id: number): boolean {
  return functions.has(id);
}

/** Elements of maps may be elsewhere afterwards. */
export function movesElements(id: number): boolean {
  return changers.has(id);
}

/** A compiled trace does it without JavaScript, as a rule. */
export function isDoneByCard(id: number): boolean {
  return movesPacket(id) || isRedirector(id) || functions.has(id) || locks.has(id);
}
