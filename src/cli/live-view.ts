/**
 * `jitnic live log DEV` and `jitnic live top DEV`: what was decided and why, and how it goes. Both only read the files
 * that the looking-after process writes, and never ask it: they work while it is busy, and after it was killed, which
 * is when the log is wanted most. Files are found by the number of the interface, since names can change.
 */
import { exitCodes, InputError, UsageError } from '../base/index.js';
import { Route } from '../linux/index.js';
import { isLookedAfter, LivePlace, type LiveState, readJournal } from '../live/index.js';
import { formatNumber, formatTable } from '../text/index.js';
import { pauseUnless } from './interrupt.js';
import type { LiveOperation } from './live-operation.js';

/** Where an interface's things are. Throws InputError where there is no such interface. */
export function placeOf(device: string): LivePlace {
  const route = new Route();
  const found = route.interface(device);
  route.close();
  if (found === undefined) {
    throw new InputError(`there is no interface \`${device}\` in this network namespace`, {}, 'see `ip link`');
  }
  return new LivePlace(found.ifindex);
}

/** `time` is in seconds since 1970. UTC, to milliseconds: `2025-01-31 12:00:00.123`. */
const timeText = (time: number): string => new Date(time * 1000).toISOString().slice(0, 23).replace('T', ' ');

/** JSON: `jitnic.live-log/1`. */
export const logOperation: LiveOperation = {
  name: 'log',
  summary: 'what was decided, and why',
  example: 'jitnic live log eth0',
  flags: [],
  declare: () => {},
  run: ([device], _flags, io) => {
    if (device === undefined) throw new UsageError('the log of which interface?', {}, logOperation.example);
    const entries = readJournal(placeOf(device).journal);
    if (io.flags.json) io.json('jitnic.live-log/1', { device, entries });
    else for (const { time, kind, what } of entries) io.out(`${timeText(time)}  ${kind.padEnd(11)}  ${what}\n`);
    return exitCodes.ok;
  },
};

/** Exit 1 where nothing is looked after. JSON: `jitnic.live-top/1`, once. */
export const topOperation: LiveOperation = {
  name: 'top',
  summary: 'rate, versions, hit rate and gain, again and again on a terminal',
  example: 'jitnic live top eth0',
  flags: ['once'],
  declare: (command) => {
    command.option('--once', 'top: print it once');
  },
  run: async ([device], flags, io) => {
    if (device === undefined) throw new UsageError('top of which interface?', {}, topOperation.example);
    const place = placeOf(device);
    const isOnce = flags['once'] === true || io.flags.json || !io.isInteractive;
    const interrupt = isOnce ? undefined : io.catchInterrupt();
    for (;;) {
      const state = place.read();
      if (io.flags.json) {
        io.json('jitnic.live-top/1', { device, state: state === undefined ? null : jsonOf(state) });
        return state === undefined ? exitCodes.negative : exitCodes.ok;
      }
      if (state === undefined) {
        io.out(`${device}: nothing is looked after\n`);
        return exitCodes.negative;
      }
      // Cursor to the corner, then clear: the picture is drawn over itself, as top(1) does.
      if (!isOnce) io.out('\x1b[H\x1b[2J');
      io.out(viewText(device, state));
      if (isOnce || interrupt === undefined) return exitCodes.ok;
      await pauseUnless(interrupt, 1000);
      if (interrupt.requested) return exitCodes.interrupted;
    }
  },
};

/**
 * `state` of `jitnic.live-top/1`. What was not measured yet is null, never 0: a rate of 0 is a finding. Times are in
 * nanoseconds a packet, `hit_rate` is a share of 1.
 */
function jsonOf(state: LiveState): Record<string, unknown> {
  const { view, program } = state;
  return {
    looked_after: isLookedAfter(state),
    pid: state.pid,
    program,
    running: view.running,
    versions: view.versions,
    swaps: view.swaps,
    rollbacks: view.rollbacks,
    changes: view.changes,
    packets_per_second: view.packetsPerSecond ?? null,
    hit_rate: view.hitRate ?? null,
    original_ns: view.originalNs ?? null,
    version_ns: view.versionNs ?? null,
    sites: view.sites,
  };
}

/** The same for people; `-` is what was not measured yet. The gain is of time: 2 times is half the time a packet. */
function viewText(device: string, state: LiveState): string {
  const { view, program } = state;
  const known = (value: number | undefined, digits: number): string =>
    value === undefined ? '-' : formatNumber(Number(value.toFixed(digits)));
  const { originalNs, versionNs } = view;
  const gain = originalNs === undefined || versionNs === undefined ? undefined : originalNs / versionNs;
  const rows: (readonly [string, string])[] = [
    ['program', `${program.id} ${program.name}, tag ${program.tag}`],
    ['looked after by', isLookedAfter(state) ? `process ${state.pid}` : `nobody: process ${state.pid} is gone`],
    ['running', view.running],
    ['packets a second', known(view.packetsPerSecond, 0)],
    ['versions made', String(view.versions)],
    ['swaps', String(view.swaps)],
    ['taken back', String(view.rollbacks)],
    ['changes of maps', String(view.changes)],
    ['look-ups answered by comparisons', view.hitRate === undefined ? '-' : `${(100 * view.hitRate).toFixed(0)} %`],
    ['ns a packet, original', known(originalNs, 1)],
    ['ns a packet, version', known(versionNs, 1)],
    ['gain', gain === undefined ? '-' : `${gain.toFixed(2)} times`],
    ...view.sites.map(({ map, what }): readonly [string, string] => [`map ${map}`, what]),
  ];
  return formatTable([{ title: device }, { title: '' }], rows);
}
