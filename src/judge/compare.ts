/** Runs the same packets through two subjects and reports the first difference. */
import type { ObjectSpec } from '../object/index.js';
import { binaryToHex, type Contents, hex, type Observation, type Packet, type Subject } from './subject.js';

/** Where two subjects part, in words. */
export interface Difference {
  /** Index of the packet; -1: before the first (filling maps). */
  readonly packet: number;
  readonly what: string;
}

/** What is compared, and when. */
export interface CompareOptions {
  /** Maps with at most so many elements are compared after each packet, larger ones at the end. */
  readonly eachPacketLimit?: number;
  /** Called before each packet, e.g. to set the hidden input map. */
  readonly before?: (index: number) => void;
}

/** What came of a comparison: how far it got, and why no further. */
export interface Comparison {
  readonly packets: number;
  readonly difference: Difference | undefined;
  /** Count of each verdict that the first subject gave. */
  readonly verdicts: ReadonlyMap<number, number>;
}

/**
 * Feeds all packets to both and stops at the first difference in verdict, bytes, metadata, redirect target, outputs or
 * map contents. Both must have
 * been set up alike.
 */
export function comparePackets(
  object: ObjectSpec,
  a: Subject,
  b: Subject,
  packets: readonly Packet[],
  options: CompareOptions = {},
): Comparison {
  const limit = options.eachPacketLimit ?? 64;
  const small = object.maps.flatMap((spec, i) => (spec.maxEntries <= limit ? [i] : []));
  const all = [...object.maps.keys()];
  const verdicts = new Map<number, number>();
  for (const [index, packet] of packets.entries()) {
    options.before?.(index);
    const [left, right] = [a.run(packet), b.run(packet)];
    verdicts.set(left.verdict, (verdicts.get(left.verdict) ?? 0) + 1);
    const what = compareObservations(a, left, b, right) ?? compareMaps(object, a, b, small);
    if (what !== undefined) return { packets: index + 1, difference: { packet: index, what }, verdicts };
  }
  const what = compareMaps(object, a, b, all) ?? compareDrained(object, a, b);
  const difference = what === undefined ? undefined : { packet: packets.length - 1, what };
  return { packets: packets.length, difference, verdicts };
}

/** What differs of one packet, in words; two that stopped are equal whatever they did before. */
function compareObservations(a: Subject, left: Observation, b: Subject, right: Observation): string | undefined {
  const say = (what: string, l: unknown, r: unknown): string => `${what}: ${a.name} ${l}, ${b.name} ${r}`;
  if ((left.stopped === undefined) !== (right.stopped === undefined)) {
    return say('stopped', left.stopped ?? 'no', right.stopped ?? 'no');
  }
  if (left.stopped !== undefined) return undefined;
  if (left.verdict !== right.verdict) return say('verdict', left.verdict, right.verdict);
  if (left.data.length !== right.data.length) return say('packet length', left.data.length, right.data.length);
  if (Buffer.compare(left.data, right.data) !== 0) {
    const at = left.data.findIndex((byte, i) => byte !== right.data[i]);
    return say(`packet byte ${at}`, left.data[at], right.data[at]);
  }
  const [metaLeft, metaRight] = [hex(left.meta), hex(right.meta)];
  if (metaLeft !== metaRight) return say('metadata', metaLeft || 'none', metaRight || 'none');
  const [outLeft, outRight] = [left.outputs.join(', '), right.outputs.join(', ')];
  return outLeft === outRight ? undefined : say('output', outLeft || 'none', outRight || 'none');
}

/** The first element that differs of the maps that both can read. */
function compareMaps(object: ObjectSpec, a: Subject, b: Subject, indexes: readonly number[]): string | undefined {
  for (const index of indexes) {
    const [left, right] = [a.contents(index), b.contents(index)];
    if (left === undefined || right === undefined) continue;
    const what = firstDifference(left, right);
    if (what === undefined) continue;
    const { key, l, r } = what;
    const show = (value: string | undefined): string => (value === undefined ? 'has none' : binaryToHex(value));
    return `map \`${object.maps[index]?.name}\`, key ${binaryToHex(key)}: ${a.name} ${show(l)}, ${b.name} ${show(r)}`;
  }
  return undefined;
}

/**
 * Both lists are sorted by key, so the first place where they part names a key that one of them lacks or has
 * otherwise.
 */
function firstDifference(left: Contents, right: Contents): { key: string; l?: string; r?: string } | undefined {
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const [l, r] = [left[i], right[i]];
    if (l !== undefined && r !== undefined && l[0] === r[0] && l[1] === r[1]) continue;
    if (l !== undefined && (r === undefined || l[0] < r[0])) return { key: l[0], l: l[1] };
    if (r !== undefined && (l === undefined || r[0] < l[0])) return { key: r[0], r: r[1] };
    return { key: l?.[0] ?? '', l: l?.[1] ?? '', r: r?.[1] ?? '' };
  }
  return undefined;
}

/** What queues and stacks held at the end, in order. */
function compareDrained(object: ObjectSpec, a: Subject, b: Subject): string | undefined {
  for (const index of object.maps.keys()) {
    const [left, right] = [a.drain(index), b.drain(index)];
    if (left.join() === right.join()) continue;
    return `contents of \`${object.maps[index]?.name}\`: ${a.name} [${left.join(', ')}], ${b.name} [${right.join(', ')}]`;
  }
  return undefined;
}
