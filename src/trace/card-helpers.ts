/** Helpers that compiled traces know more of than that they are called. */
import type { Value } from '../ir/index.js';

export const helper = {
  updateElem: 2,
  deleteElem: 3,
  prandom: 7,
  redirect: 23,
  csumDiff: 28,
  adjustHead: 44,
  redirectMap: 51,
  adjustMeta: 54,
  adjustTail: 65,
  spinLock: 93,
  spinUnlock: 94,
} as const;

const movers: ReadonlySet<number> = new Set([helper.adjustHead, helper.adjustMeta, helper.adjustTail]);
const redirectors: ReadonlySet<number> = new Set([helper.redirect, helper.redirectMap]);
const functions: ReadonlySet<number> = new Set([helper.prandom, helper.csumDiff]);
const locks: ReadonlySet<number> = new Set([helper.spinLock, helper.spinUnlock]);

/** Moves the packet's ends. */
export function isMover({ detail }: Value): boolean {
  return detail?.kind === 'call' && movers.has(detail.helper);
}

/** Says where the packet goes. */
export function isRedirect({ detail }: Value): boolean {
  return detail?.kind === 'call' && redirectors.has(detail.helper);
}

/** A function of the module, which changes nothing but what {@link CallLowering} undoes. */
export function isInModule(id: number): boolean {
  return functions.has(id);
}

/** Elements of maps may be elsewhere afterwards. */
export function movesElements(id: number): boolean {
  return id === helper.updateElem || id === helper.deleteElem;
}

/** A compiled trace does it without JavaScript, as a rule. */
export function isDoneByCard(id: number): boolean {
  return movers.has(id) || redirectors.has(id) || functions.has(id) || locks.has(id);
}
