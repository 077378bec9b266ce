/** Contents of maps at one time, and how they differ later. */
import { isArrayMap } from '../platform/index.js';
import type { BpfMap, Machine } from '../vm/index.js';
import { dumpEntry } from '../vm/index.js';
import { keyText, plainText } from './symbols.js';

/** Elements of a map that are remembered. */
const mostElements = 4096;

/** An element as it is now, and what became of it. */
export interface ElementView {
  readonly key: string;
  /** Undefined: it is gone. */
  readonly value: string | undefined;
  /** Undefined: it was not there. */
  readonly before: string | undefined;
  readonly change: 'none' | 'new' | 'changed' | 'gone';
}

/** A map with its elements. */
export interface MapView {
  readonly name: string;
  readonly type: string;
  /** Those that changed first; then as the map has them. */
  readonly elements: readonly ElementView[];
  /** There are more elements than are looked at: a change of the others is not seen. */
  readonly isCut: boolean;
}

/** The maps as they were when this was made. */
export class MapSnapshot {
  private readonly machine: Machine;
  private readonly contents: ReadonlyMap<BpfMap, ReadonlyMap<string, Entry>>;

  constructor(machine: Machine) {
    this.machine = machine;
    this.contents = new Map(machine.maps.map((map) => [map, entriesOf(map)]));
  }

  /** A map now, against then. */
  view(map: BpfMap): MapView {
    const before = this.contents.get(map) ?? new Map<string, Entry>();
    const now = entriesOf(map);
    const elements: ElementView[] = [];
    for (const [name, entry] of now) {
      const old = before.get(name) ?? untouched(map, entry);
      const change = old === undefined ? 'new' : sameBytes(old.value, entry.value) ? 'none' : 'changed';
      elements.push(this.element(map, entry, entry, old, change));
    }
    for (const [name, old] of before) {
      if (now.has(name)) continue;
      const zeros = untouched(map, old);
      elements.push(this.element(map, old, zeros, old, zeros === undefined ? 'gone' : 'changed'));
    }
    elements.sort((a, b) => Number(a.change === 'none') - Number(b.change === 'none'));
    const isCut = Math.max(now.size, before.size) >= mostElements;
    return { name: map.spec.name, type: map.spec.type, elements, isCut };
  }

  private element(
    map: BpfMap,
    { key }: Entry,
    now: Entry | undefined,
    before: Entry | undefined,
    change: ElementView['change'],
  ): ElementView {
    return {
      key: keyText(this.machine, map, key),
      value: now === undefined ? undefined : this.valueText(map, now),
      before: before === undefined ? undefined : this.valueText(map, before),
      change,
    };
  }

  private valueText(map: BpfMap, { key, value }: Entry): string {
    const { formatted, value: plain, values } = dumpEntry(this.machine, map, key, value, true);
    const text = formatted?.value ?? formatted?.values ?? plain ?? values;
    return plainText(text) ?? '';
  }
}

interface Entry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** Elements of arrays are always there: those that are not listed are zeros. */
function untouched({ spec }: BpfMap, { key, value }: Entry): Entry | undefined {
  return isArrayMap(spec.type) ? { key, value: new Uint8Array(value.length) } : undefined;
}

function entriesOf(map: BpfMap): Map<string, Entry> {
  const entries = new Map<string, Entry>();
  let index = 0;
  for (const { key, value } of map.writtenEntries()) {
    if (entries.size >= mostElements) break;
    // Queues and stacks have no keys: elements go by their place.
    const name = key.length === 0 ? String(index++) : Array.from(key).join(',');
    entries.set(name, { key, value });
  }
  return entries;
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
