/**
 * Facts in the words of the kernel's verifier log, for people: `scalar(umax=255,var_off=(0x0; 0xff))`,
 * `pkt(off=14,r=34)`.
 */
import type { SlotFact, ValueFact } from './facts.js';
import { rangeParts, signedText } from './reg-text.js';

/** `maps`: the object's, for their names. */
export function factText(fact: ValueFact, maps: readonly { readonly name: string }[]): string {
  if (fact.kind === 'any') return 'anything';
  if (fact.kind === 'scalar') {
    if (fact.range.isConst) return signedText(BigInt.asIntN(64, fact.range.value));
    return `scalar(${rangeParts(fact.range).join(',')})`;
  }
  const { to, offset, framesUp, ahead, size, nullable } = fact;
  const fixed = offset.isConst ? offset.smin : undefined;
  if (to === 'fp' && fixed !== undefined) {
    const frame = framesUp === 0 ? '' : `[-${framesUp}]`;
    return `fp${frame}${fixed === 0n ? '' : fixed < 0n ? fixed : `+${fixed}`}`;
  }
  const parts: string[] = [];
  const name = maps[fact.map]?.name;
  if (name !== undefined) parts.push(`map=${name}`);
  if (fixed === undefined) parts.push(...rangeParts(offset));
  else if (fixed !== 0n) parts.push(`off=${fixed}`);
  if (ahead > 0) parts.push(`r=${ahead}`);
  if (to === 'mem') parts.push(`sz=${size}`);
  return `${to}${nullable ? '_or_null' : ''}(${parts.join(',')})`;
}

/** What stands after `fp-8=`. */
export function slotFactText(slot: SlotFact, maps: readonly { readonly name: string }[]): string {
  if (slot.kind === 'spill') return `${slot.size === 8 ? '' : `low ${slot.size} bytes: `}${factText(slot.value, maps)}`;
  return slot.kind === 'zero' ? 'zeros' : 'bytes';
}
