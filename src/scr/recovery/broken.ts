/**
 * The protocol with one rule broken, each as somebody might write it: what has to be caught, so that what catches it
 * is known to look.
 */
import {
  publishedRecoverable,
  type RecoveryAction,
  type RecoveryGuard,
  type RecoveryProtocol,
  type RecoveryRow,
  type RecoveryState,
  recoveryProtocol,
} from './protocol.js';

/** One of them. */
export interface BrokenRecovery {
  readonly what: string;
  readonly protocol: RecoveryProtocol;
}

/** Changes the row of a state and guard; undefined takes it away. */
function withRow(
  at: RecoveryState,
  when: RecoveryGuard,
  change: Partial<RecoveryRow> | undefined,
  from: RecoveryProtocol = recoveryProtocol,
): RecoveryProtocol {
  const rows = from.rows.flatMap((row) => {
    if (row.at !== at || row.when !== when) return [row];
    return change === undefined ? [] : [{ ...row, ...change }];
  });
  return { ...from, rows };
}

/** Leaves one action out wherever it stands in a state. */
function without(
  at: RecoveryState,
  action: RecoveryAction,
  from: RecoveryProtocol = recoveryProtocol,
): RecoveryProtocol {
  const rows = from.rows.map((row) => {
    return row.at === at ? { ...row, does: row.does.filter((each) => each !== action) } : row;
  });
  return { ...from, rows };
}

const givesUpEarly: RecoveryProtocol = { ...recoveryProtocol, recoverable: publishedRecoverable };

/** All of them. */
export const brokenRecoveries: readonly BrokenRecovery[] = [
  { what: 'does not say what it lacks', protocol: without('mark', 'write LOST') },
  {
    what: 'says LOST of what its packet carries',
    protocol: withRow('publish', 'always', { does: ['write LOST', 'next number'] }),
  },
  {
    what: 'asks the others before it has logged its packet',
    protocol: withRow('classify', 'always', { does: ['begin behind what is applied'], to: 'apply' }),
  },
  {
    what: 'publishes an item before it is written',
    protocol: withRow(
      'reserve',
      'always',
      { to: 'publish' },
      withRow(
        'publish',
        'always',
        { does: ['write HISTORY'], to: 'put' },
        withRow('put', 'always', { does: ['write the item', 'next number'], to: 'reserve' }),
      ),
    ),
  },
  { what: 'writes over an entry without taking it back', protocol: without('reserve', 'write BUSY') },
  {
    what: 'does not look whether what it copied was still the one',
    protocol: withRow('confirm', 'always', { does: ['apply what was copied', 'next number'], to: 'apply' }),
  },
  {
    what: 'takes NOT_INIT for LOST',
    protocol: withRow('search', 'always', { does: ['ask the next'], waits: false }),
  },
  {
    what: 'skips at the first LOST',
    protocol: withRow('search', 'entry is LOST', { does: ['skip', 'next number'], to: 'apply' }),
  },
  {
    what: 'waits where it reads LOST',
    protocol: withRow('search', 'entry is LOST', { does: [], to: 'search', waits: true }),
  },
  {
    what: 'takes an entry of a later number for LOST',
    protocol: withRow('search', 'entry is of a later number', { does: ['ask the next'] }),
  },
  {
    what: 'takes an entry of a later number for the item',
    protocol: withRow('search', 'entry is of a later number', {
      does: ['copy the item', 'apply what was copied', 'next number'],
      to: 'apply',
    }),
  },
  {
    what: 'waits where an entry is of a later number',
    protocol: withRow('search', 'entry is of a later number', undefined),
  },
  {
    what: 'applies what its packet carries and nothing before',
    protocol: withRow('apply', 'the number is not in the packet', undefined),
  },
  {
    what: 'skips what its packet does not carry',
    protocol: withRow('apply', 'the number is not in the packet', { does: ['skip', 'next number'], to: 'apply' }),
  },
  {
    what: 'stops to log when it is out of step',
    protocol: withRow(
      'classify',
      'more is missing than can be recovered',
      { does: ['fall out of step', 'refuse the packet'], to: 'idle' },
      givesUpEarly,
    ),
  },
  {
    what: 'goes on where more is missing than it recovers',
    protocol: withRow(
      'classify',
      'more is missing than can be recovered',
      { does: [] },
      withRow('apply', 'the number is not in the packet', { does: ['skip', 'next number'], to: 'apply' }, givesUpEarly),
    ),
  },
  { what: 'is silent while traffic pauses', protocol: { ...recoveryProtocol, heartbeats: false } },
];
