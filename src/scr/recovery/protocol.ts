/**
 * The protocol by which replicas find what a loss on the way to one of them took, as data: what a log's entry may be,
 * the states of a core, and a row for each thing that it may do. The model checker (`world.ts`), the simulation
 * (`simulate.ts`) and the broken protocols that have to be found (`broken.ts`) all run these rows.
 *
 * The sequencer numbers packets from 1 and hands number n to core n mod k, with the items of the k - 1 packets before
 * it. Each core has a ring of entries that the others may read, and writes nothing else that is shared. An entry says
 * which number it is about and what this core knows of it: its item, or that it never got it. What is published of a
 * number stays so until the ring comes round.
 *
 * Why no core waits for ever: before a core waits for others it has published all numbers up to its packet's. Who
 * waits for number m at another core has published m, and that one has not: along a chain of waits what is published
 * becomes strictly less, so there is no ring of waits. The last of a chain waits for a packet, and the sequencer sees
 * to it that one comes ({@link RecoveryProtocol.heartbeats}). Why no copies differ: an item is skipped only where
 * every core has published that it lacks it, which none takes back.
 *
 * From the artifact of Xu et al., NSDI 2025: logs of 1,024 entries {history, LOST, NOT_INIT}, waiting while NOT_INIT,
 * skipping what is LOST everywhere. Ours: entries carry their number and are marked while they are overwritten (the
 * ring comes round), a core that can't recover stops to answer but goes on to log, and packets without contents where
 * traffic pauses.
 */

/** What an entry is, by the two low bits of its tag; the number that it is about stands above them. */
export const entryKinds = { 'not-init': 0, lost: 1, history: 2, busy: 3 } as const;

/** States of a core. `shared` are those whose step touches a log: between any two such steps others may come. */
export const recoveryStates = [
  { name: 'idle', shared: false, what: 'between two packets' },
  { name: 'classify', shared: false, what: 'a packet is here: how many numbers are missing before what it carries?' },
  { name: 'mark', shared: true, what: 'publishes what never came as LOST' },
  { name: 'reserve', shared: true, what: 'takes back the entry that stands in the place of the next one' },
  { name: 'put', shared: true, what: 'writes the item' },
  { name: 'publish', shared: true, what: 'publishes it' },
  { name: 'apply', shared: false, what: 'replays what the packet carries, then runs the packet' },
  { name: 'search', shared: true, what: "asks the other cores' logs for a number, one after the other" },
  { name: 'copy', shared: true, what: 'reads an item out of a log' },
  { name: 'confirm', shared: true, what: 'looks whether it was still the one' },
] as const;

/** A state's name. */
export type RecoveryState = (typeof recoveryStates)[number]['name'];

/** What a row may ask. `entry` is that of the core which is asked, in the place of the number that is looked for. */
export const recoveryGuards = [
  'always',
  'no packet',
  'more is missing than can be recovered',
  'the number is not in the packet',
  'the number is behind the packet',
  'the place is taken',
  'out of step',
  'all were asked, and one is past it',
  'all were asked',
  'entry is the item',
  'entry is LOST',
  'entry is of a later number',
] as const;

/** One of {@link recoveryGuards}. */
export type RecoveryGuard = (typeof recoveryGuards)[number];

/** What a row may do. */
export const recoveryActions = [
  'take the packet',
  'begin behind what is logged',
  'begin behind what is applied',
  'next number',
  'fall out of step',
  'write LOST',
  'write BUSY',
  'write the item',
  'write HISTORY',
  'apply what the packet carries',
  'apply what was copied',
  'skip',
  'ask the first of the others',
  'ask the next',
  'note that it is past',
  'copy the item',
  'refuse the packet',
] as const;

/** One of {@link recoveryActions}. */
export type RecoveryAction = (typeof recoveryActions)[number];

/** A row: of those of a state the first whose guard holds counts. */
export interface RecoveryRow {
  readonly at: RecoveryState;
  readonly when: RecoveryGuard;
  readonly does: readonly RecoveryAction[];
  readonly to: RecoveryState;
  /** It can't go on until others have done something. */
  readonly waits?: boolean;
}

/** A protocol: its rows, and what surrounds them. */
export interface RecoveryProtocol {
  readonly rows: readonly RecoveryRow[];
  /**
   * When traffic pauses the sequencer hands out packets without contents, numbered like others, until each core has
   * got one.
   */
  readonly heartbeats: boolean;
  /** Numbers that may be missing before a packet is given up, for so many cores and entries. */
  readonly recoverable: (cores: number, entries: number) => number;
}

const row = (
  at: RecoveryState,
  when: RecoveryGuard,
  does: readonly RecoveryAction[],
  to: RecoveryState,
): RecoveryRow => ({ at, when, does, to });
const wait = (at: RecoveryState, when: RecoveryGuard): RecoveryRow => ({ at, when, does: [], to: at, waits: true });

/** Entries of a core's log, as published. */
export const logEntries = 1024;

/** Numbers that may be missing as published: of a gap of k + 1 or more it is said that it is congestion. */
export const publishedRecoverable = (cores: number): number => cores;

/** As many as the log still holds when the packet's own items are in it. */
export const windowRecoverable = (cores: number, entries: number): number => Math.max(0, entries - cores);

/** The protocol. */
export const recoveryProtocol: RecoveryProtocol = {
  rows: [
    wait('idle', 'no packet'),
    row('idle', 'always', ['take the packet', 'begin behind what is logged'], 'classify'),
    row('classify', 'more is missing than can be recovered', ['fall out of step'], 'mark'),
    row('classify', 'always', [], 'mark'),
    row('mark', 'the number is not in the packet', ['write LOST', 'next number'], 'mark'),
    row('mark', 'always', [], 'reserve'),
    row('reserve', 'the number is behind the packet', ['begin behind what is applied'], 'apply'),
    row('reserve', 'the place is taken', ['write BUSY'], 'put'),
    row('reserve', 'always', [], 'put'),
    row('put', 'always', ['write the item'], 'publish'),
    row('publish', 'always', ['write HISTORY', 'next number'], 'reserve'),
    row('apply', 'out of step', ['refuse the packet'], 'idle'),
    row('apply', 'the number is behind the packet', [], 'idle'),
    row('apply', 'the number is not in the packet', ['ask the first of the others'], 'search'),
    row('apply', 'always', ['apply what the packet carries', 'next number'], 'apply'),
    row('search', 'all were asked, and one is past it', ['fall out of step'], 'apply'),
    row('search', 'all were asked', ['skip', 'next number'], 'apply'),
    row('search', 'entry is the item', [], 'copy'),
    row('search', 'entry is LOST', ['ask the next'], 'search'),
    row('search', 'entry is of a later number', ['note that it is past', 'ask the next'], 'search'),
    // NOT_INIT, or of the last round of the ring: that core has not come so far.
    wait('search', 'always'),
    row('copy', 'always', ['copy the item'], 'confirm'),
    row('confirm', 'entry is the item', ['apply what was copied', 'next number'], 'apply'),
    row('confirm', 'always', ['note that it is past', 'ask the next'], 'search'),
  ],
  heartbeats: true,
  recoverable: windowRecoverable,
};
