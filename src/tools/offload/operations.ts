/**
 * Calls of a daemon, made up by a seeded generator: cards come and go, programs are loaded, maps change.
 *
 * Names are drawn from a few, without a look at what exists: so calls meet what is there, what is gone and what is in
 * use, and refusals are tried as well as successes. A campaign is told again by its seed alone.
 */
import { frames, writeObject } from './sample.js';

/** One call. */
export interface Operation {
  readonly name: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
export function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b_79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

const sample = writeObject();
/** A byte as two digits. Keys and values are sent as texts of such digits. */
const hex = (value: number): string => value.toString(16).padStart(2, '0');

/** Any of the calls that change something, over a few names, so that many are refused and many are not. */
export function anyOperation(random: () => number): Operation {
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  const device = pick(['a', 'b', 'c']);
  const dev = `${device}p${pick([0, 1])}`;
  const pin = pick(['p0', 'p1', 'p2', 'p3']);
  const map = pick(['m0', 'm1']);
  const key = `${hex(Math.floor(random() * 12))}000000`;
  const value = `${hex(Math.floor(random() * 256))}00000000000000`;
  const choices: readonly Operation[] = [
    { name: 'device/add', body: { name: device, card: pick(['nfp4000', 'netdevsim', 'hxdp', 'pipeline']), ports: 2 } },
    { name: 'prog/load', body: { object: sample, dev, pin, offload: pick(['required', 'preferred']) } },
    {
      name: 'map/create',
      body: { name: map, type: pick(['hash', 'array']), key: 4, value: 8, entries: 2, dev, pin: map },
    },
    { name: 'map/create', body: { name: map, type: 'hash', key: 4, value: 8, entries: 8, pin: map } },
    ...Array.from({ length: 6 }, () => ({
      name: 'map/update',
      body: { pinned: map, key, value, flags: pick(['any', 'exist', 'noexist']) },
    })),
    { name: 'map/delete', body: { pinned: map, key } },
    {
      name: 'net/attach',
      body: { pinned: pin, dev, type: pick(['xdp', 'xdpoffload', 'xdpgeneric']), overwrite: random() < 0.5 },
    },
    { name: 'net/detach', body: { dev, type: pick(['xdp', 'xdpoffload', 'xdpgeneric']) } },
    { name: 'net/mtu', body: { dev, mtu: pick([1500, 9000]) } },
    { name: 'prog/pin', body: { pinned: pin, path: pick(['p4', 'p5']) } },
    { name: 'unpin', body: { path: pick([pin, map, 'p4', 'p5']) } },
    { name: 'device/set', body: { name: device, knob: pick(['bpf_bind_accept', 'random']), on: random() < 0.7 } },
    { name: 'device/remove', body: { name: random() < 0.2 ? device : dev } },
  ];
  // Half of the time a map is changed: most traffic of a daemon is that.
  return random() < 0.4 ? (choices[4] as Operation) : pick(choices);
}

/** As {@link anyOperation}, and those of traffic: for daemons whose clock stands still, so that a twin can follow. */
export function anyWithTraffic(random: () => number): Operation {
  if (random() < 0.9) return anyOperation(random);
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  const name = pick(['t0', 't1']);
  const dev = `${pick(['a', 'b', 'c'])}p${pick([0, 1])}`;
  return pick<Operation>([
    { name: 'traffic/start', body: { name, dev, capture: frames, rate: 0, loops: pick([0, 1, 3]) } },
    { name: 'traffic/stop', body: { name } },
    { name: 'traffic/show', body: {} },
    { name: 'map/events', body: { pinned: pick(['m0', 'm1']) } },
  ]);
}
