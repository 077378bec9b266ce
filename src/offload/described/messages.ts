/**
 * Every reason for which the driver of our own cards refuses a program or a map, in the form of the table for
 * Netronome's (`nfp/messages.ts`). The words are ours: no driver of such a card is in Linux. `{name}` is filled in,
 * and the log has `[jitnic] ` before them.
 */
import type { ErrnoName } from '../../platform/index.js';

/** Stable names of all reasons. */
export const cardMessageCodes = ['instruction', 'packet-size', 'rows', 'map-flags', 'map-memory', 'mtu'] as const;

/** A reason's stable name. */
export type CardMessageCode = (typeof cardMessageCodes)[number];

const other = 'attach it to the driver (`xdpdrv`), or take a card that can: `jitnic card show NAME`';

/** All reasons by their stable name: text, error number, and what to do about it. */
export const cardMessages: Readonly<
  Record<CardMessageCode, { readonly text: string; readonly errno: ErrnoName; readonly hint: string }>
> = {
  instruction: { text: '{what}', errno: 'EOPNOTSUPP', hint: other },
  'packet-size': {
    text: 'packet read up to byte {bytes}, the card holds {most}',
    errno: 'EOPNOTSUPP',
    hint: 'bound what the program reads',
  },
  rows: {
    text: 'program of {rows} rows, the instruction store has {most}',
    errno: 'ENOSPC',
    hint: 'make it smaller (`jitnic opt --goal size`), or take a card with more lanes',
  },
  'map-flags': { text: 'map flags 0x{flags} not supported', errno: 'EINVAL', hint: 'leave the flags out' },
  'map-memory': {
    text: 'map of {bytes} B, {left} B are left for maps',
    errno: 'ENOMEM',
    hint: 'lower max_entries, or take maps off the card',
  },
  mtu: {
    text: 'MTU {mtu}, the card holds packets of {most} B',
    errno: 'EINVAL',
    hint: 'set a smaller MTU: jitnic device show says which there is',
  },
};

/** The text with its values. */
export function cardMessage(code: CardMessageCode, values: Readonly<Record<string, string | number>> = {}): string {
  return `[jitnic] ${cardMessages[code].text.replace(/\{(\w+)\}/g, (_, name: string) => String(values[name]))}`;
}
