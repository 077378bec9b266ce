/**
 * Scripts of control-plane changes (`--maps-script`): updates and deletions of map elements at a time or before a
 * packet. One JSON array, or one object a line; the format is described in `docs/maps.md`.
 */
import { InputError } from '../base/index.js';
import { at, encodeEntry, encodeKey, findMap, isRecord, type MapHolder, parseJson, refuse } from './map-json.js';

/**
 * When a change is made: just before the first packet whose timestamp is not earlier, or before a packet by number.
 */
export type ChangeTime =
  /** Nanoseconds since the first packet. */
  | { readonly kind: 'time'; readonly ns: bigint }
  /** Packets are counted from 1. */
  | { readonly kind: 'packet'; readonly number: number };

/** One change of a map during a run. */
export interface MapChange {
  readonly at: ChangeTime;
  readonly op: 'update' | 'delete';
  readonly map: string;
  readonly key: unknown;
  readonly value: unknown;
  readonly cpu: number | undefined;
  readonly flags: 'any' | 'noexist' | 'exist';
  /** For messages: `change 3`. */
  readonly label: string;
}

const fields: ReadonlySet<string> = new Set(['at', 'op', 'map', 'key', 'value', 'cpu', 'flags']);
const flagNumbers = { any: 0n, noexist: 1n, exist: 2n } as const;
const units: { readonly [unit: string]: number } = { ns: 1, us: 1e3, ms: 1e6, s: 1e9 };

/** The changes in the order of the script. Throws InputError naming file and change. */
export function parseMapsScript(text: string, file?: string): MapChange[] {
  const items = text.trimStart().startsWith('[') ? parseJson(text, file) : parseLines(text, file);
  if (!Array.isArray(items)) throw new InputError('not a list of changes', { file });
  return items.map((item: unknown, i) => {
    const label = `change ${i + 1}`;
    return at(file, label, () => parseChange(item, label));
  });
}

function parseLines(text: string, file: string | undefined): unknown[] {
  const items: unknown[] = [];
  text.split('\n').forEach((line, i) => {
    if (line.trim() !== '') items.push(parseJson(line, file, i + 1));
  });
  return items;
}

function parseChange(item: unknown, label: string): MapChange {
  if (!isRecord(item)) throw new InputError('not an object');
  const unknown = Object.keys(item).find((field) => !fields.has(field));
  if (unknown !== undefined)
    throw new InputError(`there is no field \`${unknown}\``, {}, `fields are ${[...fields].join(', ')}`);
  const { op, map, flags = 'any', cpu } = item;
  if (op !== 'update' && op !== 'delete') throw new InputError('`op` is not `update` or `delete`');
  if (typeof map !== 'string') throw new InputError('`map` is not the name of a map');
  if (flags !== 'any' && flags !== 'noexist' && flags !== 'exist')
    throw new InputError('`flags` is not `any`, `noexist` or `exist`');
  if (op === 'delete' && (item.value !== undefined || item.flags !== undefined))
    throw new InputError('a deletion has no value and no flags');
  if (cpu !== undefined && typeof cpu !== 'number') throw new InputError('`cpu` is not a number');
  return { at: parseTime(item.at), op, map, key: item.key, value: item.value, cpu, flags, label };
}

function parseTime(time: unknown): ChangeTime {
  if (typeof time === 'number' && Number.isFinite(time) && time >= 0)
    return { kind: 'time', ns: BigInt(Math.round(time)) };
  const match = typeof time === 'string' ? /^([0-9]+(?:\.[0-9]+)?)\s*(ns|us|ms|s)$/.exec(time.trim()) : null;
  if (match !== null) return { kind: 'time', ns: BigInt(Math.round(Number(match[1]) * (units[match[2] ?? ''] ?? 1))) };
  const number = isRecord(time) ? time.packet : undefined;
  if (typeof number === 'number' && Number.isInteger(number) && number >= 1) return { kind: 'packet', number };
  throw new InputError('`at` is no time', {}, 'give nanoseconds, a text as "12.5ms", or {"packet": n} with n from 1');
}

/**
 * Makes one change. Throws InputError naming the change when it is impossible; a map that refuses it is an error too.
 */
export function applyMapChange(holder: MapHolder, change: MapChange, file?: string): void {
  const map = findMap(holder, change.map, file);
  at(file, `${change.label}: map \`${change.map}\``, () => {
    if (change.op === 'delete') {
      refuse(map.deleteElem(encodeKey(holder, map, change.key)));
      return;
    }
    const { key, value, cpu } = change;
    const entry = encodeEntry(holder, map, cpu === undefined ? { key, value } : { key, value, cpu });
    refuse(map.updateElem(entry.key, entry.value, flagNumbers[change.flags]));
  });
}

/**
 * Gives out the changes that are due, packet by packet. Changes by time keep the script's order among equals and are
 * sorted by time; those by packet come first.
 */
export class ScriptClock {
  private readonly byTime: readonly Timed[];
  private readonly byPacket: readonly Numbered[];
  private nextTime = 0;
  private nextPacket = 0;

  constructor(changes: readonly MapChange[]) {
    this.byTime = changes.filter(isTimed).sort((a, b) => Number(a.at.ns - b.at.ns));
    this.byPacket = changes.filter(isNumbered).sort((a, b) => a.at.number - b.at.number);
  }

  /** Is a change due before packet `number`, which arrives `ns` nanoseconds after the first one? */
  isDue(number: number, ns: bigint): boolean {
    const numbered = this.byPacket[this.nextPacket];
    const timed = this.byTime[this.nextTime];
    return (numbered !== undefined && numbered.at.number <= number) || (timed !== undefined && timed.at.ns <= ns);
  }

  /** Changes to make before packet `number` (from 1), which arrives `ns` nanoseconds after the first one. */
  due(number: number, ns: bigint): MapChange[] {
    const changes: MapChange[] = [];
    for (let change = this.byPacket[this.nextPacket]; change?.at.kind === 'packet' && change.at.number <= number; ) {
      changes.push(change);
      change = this.byPacket[++this.nextPacket];
    }
    for (let change = this.byTime[this.nextTime]; change?.at.kind === 'time' && change.at.ns <= ns; ) {
      changes.push(change);
      change = this.byTime[++this.nextTime];
    }
    return changes;
  }

  /** Changes that were never due. */
  get left(): number {
    return this.byTime.length - this.nextTime + this.byPacket.length - this.nextPacket;
  }
}

type Timed = MapChange & { readonly at: { readonly kind: 'time'; readonly ns: bigint } };
type Numbered = MapChange & { readonly at: { readonly kind: 'packet'; readonly number: number } };

function isTimed(change: MapChange): change is Timed {
  return change.at.kind === 'time';
}

function isNumbered(change: MapChange): change is Numbered {
  return change.at.kind === 'packet';
}
