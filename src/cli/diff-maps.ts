/**
 * Maps of two versions of an object: which of them is the same one, how an element of the one is put into the other,
 * and where they differ. Maps go together by name; data sections by section, since libbpf names them after the file,
 * and their variables by name, since a version more or less of one moves the others.
 */
import { sameBytes, shortArray } from '../cases/index.js';
import { mayBeWritten } from '../code/index.js';
import type { StartEntry, StartState } from '../explore/index.js';
import type { MapSpec, ObjectSpec } from '../object/index.js';
import type { FieldDifference } from '../packet/index.js';
import { count, hex } from '../text/index.js';
import { type BpfMap, dumpEntry, globalsOf, type Machine, type MapEntry, type MapsFile } from '../vm/index.js';

/** A variable that both have, and where it lies in each. */
interface SharedVariable {
  readonly name: string;
  readonly size: number;
  readonly old: number;
  readonly fresh: number;
}

/** A map that both have, by its index in each. */
interface MapPair {
  readonly old: number;
  readonly fresh: number;
  /** Of data sections whose layouts are not the same. */
  readonly variables: readonly SharedVariable[] | undefined;
}

/** Which of the two objects. */
export type Version = 'old' | 'fresh';

/** Where one map of both differs after a packet. */
export interface MapParting {
  readonly what: string;
  readonly old: string;
  readonly fresh: string;
  /** Of a long value: its members that differ. */
  readonly fields: readonly FieldDifference[];
}

/** The maps of two versions, side by side. */
export class MapPairs {
  private readonly objects: Readonly<Record<Version, ObjectSpec>>;
  private readonly pairs: readonly MapPair[];

  constructor(old: ObjectSpec, fresh: ObjectSpec) {
    this.objects = { old, fresh };
    this.pairs = old.maps.flatMap((spec, index): MapPair[] => {
      const other = fresh.maps.findIndex((each) => isSame(spec, each));
      const found = fresh.maps[other];
      return found === undefined ? [] : [{ old: index, fresh: other, variables: this.shared(index, other) }];
    });
  }

  /**
   * An element of a map of `from` as the other version has it; undefined where it has no such map, or one that cannot
   * hold it.
   */
  translated(entry: StartEntry, from: Version): StartEntry | undefined {
    const to = from === 'old' ? 'fresh' : 'old';
    const pair = this.pairs.find((one) => one[from] === entry.map);
    if (pair === undefined) return undefined;
    if (pair.variables === undefined) return { ...entry, map: pair[to] };
    const [own, other] = [this.initial(from, pair[from]), this.initial(to, pair[to])];
    for (const variable of pair.variables) {
      const bytes = entry.value.subarray(variable[from], variable[from] + variable.size);
      other.set(bytes, variable[to]);
      own.set(bytes, variable[from]);
    }
    // What is set besides belongs to a variable that the other version does not have.
    return hex(own) === hex(entry.value) ? { ...entry, map: pair[to], value: other } : undefined;
  }

  /** What the old version calls a map of the new one: its index, or a number that no map of it has. */
  oldMapOf(fresh: number): number {
    return this.pairs.find((pair) => pair.fresh === fresh)?.old ?? this.objects.old.maps.length + fresh;
  }

  /** A start of `from` as the other version has it; undefined where its maps cannot hold what it needs. */
  translatedStart(start: StartState, from: Version): StartState | undefined {
    const entries = start.entries.flatMap((entry) => this.translated(entry, from) ?? []);
    if (entries.length < start.entries.length) return undefined;
    // What the other does not have is neither full nor empty there.
    const to = from === 'old' ? 'fresh' : 'old';
    const other = (index: number): number | undefined => this.pairs.find((pair) => pair[from] === index)?.[to];
    const absent = start.absent.flatMap(({ map, key }) => {
      const index = other(map);
      return index === undefined ? [] : [{ map: index, key }];
    });
    const full = start.full.flatMap((map) => other(map) ?? []);
    return { ...start, entries, absent, full };
  }

  /** The maps of a file that this version has, data sections under its own names. */
  contentsFor(version: Version, { maps }: MapsFile): MapsFile {
    const own = this.objects[version].maps;
    const entries = Object.entries(maps).flatMap(([name, list]) => {
      const map =
        own.find((each) => each.name === name) ??
        own.find((each) => isData(each) && name.includes('.') && each.section === name.slice(name.indexOf('.')));
      return map === undefined ? [] : [[map.name, list] as const];
    });
    return { maps: Object.fromEntries(entries) };
  }

  /** The first map in which the two machines differ, of those that a program of either may write. */
  parting(old: Machine, fresh: Machine): MapParting | undefined {
    for (const pair of this.pairs) {
      const isWritten = mayBeWritten(this.objects.old, pair.old) || mayBeWritten(this.objects.fresh, pair.fresh);
      const [left, right] = [old.maps[pair.old], fresh.maps[pair.fresh]];
      if (!isWritten || left === undefined || right === undefined || left.isConstant) continue;
      const found =
        pair.variables === undefined ? elements([old, fresh], left, right) : variables(left, right, pair.variables);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** A copy of what a data section holds when it is loaded. */
  private initial(version: Version, map: number): Uint8Array {
    const init = this.objects[version].maps[map]?.init;
    return init?.kind === 'data' ? init.bytes.slice() : new Uint8Array(0);
  }

  /** Variables of two data sections; undefined where both have the same ones in the same places, or are no such. */
  private shared(old: number, fresh: number): SharedVariable[] | undefined {
    const [left, right] = [this.objects.old.maps[old], this.objects.fresh.maps[fresh]];
    if (left === undefined || right === undefined || !isData(left)) return undefined;
    const [all, others] = [globalsOf(this.objects.old), globalsOf(this.objects.fresh)].map((list, i) =>
      list.filter(({ map }) => map === (i === 0 ? old : fresh)),
    ) as [ReturnType<typeof globalsOf>, ReturnType<typeof globalsOf>];
    const places = (list: typeof all): string => list.map(({ name, offset, size }) => [name, offset, size]).join();
    if (left.valueSize === right.valueSize && places(all) === places(others)) return undefined;
    return all.flatMap(({ name, offset, size }) => {
      const other = others.find((one) => one.name === name && one.size === size);
      return other === undefined ? [] : [{ name, size, old: offset, fresh: other.offset }];
    });
  }
}

function isData(spec: MapSpec): boolean {
  return spec.init?.kind === 'data';
}

/** The same map: elements of the one can be put into the other. Data sections: the same section. */
function isSame(a: MapSpec, b: MapSpec): boolean {
  if (isData(a) || isData(b)) return isData(a) && isData(b) && a.section === b.section;
  return a.name === b.name && a.type === b.type && a.keySize === b.keySize && a.valueSize === b.valueSize;
}

function elements(holders: readonly [Machine, Machine], a: BpfMap, b: BpfMap): MapParting | undefined {
  // What is left out of a long array is zero, as it was made.
  const most = a.spec.maxEntries === b.spec.maxEntries ? shortArray : undefined;
  const [own, others] = [[...a.writtenEntries(most)], [...b.writtenEntries(most)]];
  // Most often they are the same, in the same order.
  if (own.length === others.length && own.every((entry, i) => isSameEntry(entry, others[i]))) return undefined;
  const byKey = (map: BpfMap): Map<string, MapEntry> =>
    new Map([...map.writtenEntries()].map((entry, i) => [hex(entry.key) || `at ${i}`, entry]));
  const [left, right] = [byKey(a), byKey(b)];
  const valueIn = (entries: typeof left, id: string): string => {
    const entry = entries.get(id);
    return entry === undefined ? 'nothing' : hex(entry.value);
  };
  const id = [...new Set([...left.keys(), ...right.keys()])].find((one) => valueIn(left, one) !== valueIn(right, one));
  if (id === undefined) return undefined;
  const [x, y] = [words(holders[0], a, left.get(id)), words(holders[1], b, right.get(id))];
  const key = (x ?? y)?.key ?? id;
  const what = isData(a.spec) ? `variables of \`${a.spec.section}\`` : `map \`${a.spec.name}\`, key ${key}`;
  if (x === undefined || y === undefined) {
    const said = (one: typeof x): string => (one === undefined ? 'nothing' : shortened(wordOf(one.value)));
    return { what, old: said(x), fresh: said(y), fields: [] };
  }
  // By their types, unless that leaves the difference out: padding has no name.
  const [old, fresh] = [wordOf(x.value), wordOf(y.value)];
  const members = memberDifferences('', x.value, y.value);
  if (members.length > 0 && old.length <= mostWords && fresh.length <= mostWords)
    return { what, old, fresh, fields: [] };
  // What has no members, or long ones, is told byte by byte.
  const isTold = members.every(
    ({ name, expected, actual }) => name !== '' && `${expected}${actual}`.length <= mostWords,
  );
  const hasMembers = isTold && members.length > 0;
  const fields = hasMembers ? members : byteDifferences(left.get(id)?.value, right.get(id)?.value);
  const more = fields.length - mostFields;
  const rest = { name: `and ${count(more, 'other')}`, expected: '...', actual: '...' };
  return {
    what,
    old: `${count(fields.length, hasMembers ? 'member' : 'byte')} of it`,
    fresh: 'otherwise',
    fields: more > 0 ? [...fields.slice(0, mostFields), rest] : fields,
  };
}

/** Members and bytes of a value that are told. */
const mostFields = 12;

/** Characters of a value that one side does not have. */
const mostWords = 160;

function shortened(text: string): string {
  return text.length > mostWords ? `${text.slice(0, mostWords)}...` : text;
}

function wordOf(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? 'nothing');
}

/** Members in which two values of one type differ: `cells[3].bytes`. */
function memberDifferences(name: string, a: unknown, b: unknown): FieldDifference[] {
  const isWhole = (value: unknown): boolean => typeof value !== 'object' || value === null;
  if (isWhole(a) || isWhole(b)) {
    const [expected, actual] = [wordOf(a), wordOf(b)];
    return expected === actual ? [] : [{ name, expected, actual }];
  }
  const [left, right] = [a as Readonly<Record<string, unknown>>, b as Readonly<Record<string, unknown>>];
  return [...new Set([...Object.keys(left), ...Object.keys(right)])].flatMap((key) => {
    const part = Array.isArray(a) ? `${name}[${key}]` : name === '' ? key : `${name}.${key}`;
    return memberDifferences(part, left[key], right[key]);
  });
}

function byteDifferences(a: Uint8Array | undefined, b: Uint8Array | undefined): FieldDifference[] {
  const length = Math.max(a?.length ?? 0, b?.length ?? 0);
  const byte = (bytes: Uint8Array | undefined, at: number): string =>
    bytes?.[at] === undefined ? 'nothing' : hex(bytes.subarray(at, at + 1));
  return [...Array(length).keys()]
    .filter((at) => a?.[at] !== b?.[at])
    .map((at) => ({ name: `byte ${at}`, expected: byte(a, at), actual: byte(b, at) }));
}

function isSameEntry(a: MapEntry, b: MapEntry | undefined): boolean {
  return b !== undefined && sameBytes(a.key, b.key) && sameBytes(a.value, b.value);
}

/** An element as map files say it. */
function words(holder: Machine, map: BpfMap, entry: MapEntry | undefined): { key: string; value: unknown } | undefined {
  if (entry === undefined) return undefined;
  const { key, value, values, formatted } = dumpEntry(holder, map, entry.key, entry.value, true);
  return { key: wordOf(formatted?.key ?? key ?? ''), value: formatted?.value ?? formatted?.values ?? value ?? values };
}

function variables(a: BpfMap, b: BpfMap, shared: readonly SharedVariable[]): MapParting | undefined {
  const key = new Uint8Array(4);
  const [left, right] = [a.lookupElem(key), b.lookupElem(key)];
  if (typeof left === 'number' || typeof right === 'number') return undefined;
  for (const { name, size, old, fresh } of shared) {
    const [x, y] = [hex(left.subarray(old, old + size)), hex(right.subarray(fresh, fresh + size))];
    if (x !== y) return { what: `variable \`${name}\``, old: shortened(x), fresh: shortened(y), fields: [] };
  }
  return undefined;
}
