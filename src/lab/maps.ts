/** Maps as tables: what they held before the first packet, and after the last. */
import type { Session } from '../runtime/index.js';
import { type BpfMap, dumpEntry, loadMaps, Machine } from '../vm/index.js';
import type { Subject } from './open.js';
import type { MapElement, MapTable } from './protocol.js';
import type { MapsGiven } from './reasons.js';

/** Elements of a map that are shown. */
const shownElements = 500;

/** One map; `session`: what packets have run on, if any have. */
export function mapTable(
  { object }: Subject,
  given: MapsGiven | undefined,
  session: Session | undefined,
  index: number,
): MapTable {
  const machine = new Machine(object);
  if (given !== undefined) loadMaps(machine, given.contents, given.file);
  const before = elementsOf(machine, machine.maps[index]);
  const after =
    session === undefined ? new Map() : elementsOf(session.runtime.machine, session.runtime.machine.maps[index]);
  const keys = [...new Set([...before.keys(), ...after.keys()])];
  const elements = keys.map((key): MapElement => {
    const [was, is] = [before.get(key), after.get(key)];
    return {
      key,
      words: (is ?? was)?.words,
      before: was?.value,
      after: session === undefined ? was?.value : is?.value,
    };
  });
  const isChanged = ({ before: was, after: is }: MapElement): number => Number(was !== is);
  elements.sort((a, b) => isChanged(b) - isChanged(a));
  return { elements: elements.slice(0, shownElements), count: elements.length };
}

interface Element {
  /** As a map file has it: hex, or JSON of what has a type. */
  readonly value: string;
  /** The key in words, where it has a type. */
  readonly words: string | undefined;
}

function elementsOf(machine: Machine, map: BpfMap | undefined): Map<string, Element> {
  const elements = new Map<string, Element>();
  if (map === undefined) return elements;
  let index = 0;
  for (const { key, value } of map.writtenEntries()) {
    const entry = dumpEntry(machine, map, key, value, true);
    const { formatted } = entry;
    const shown = formatted?.value ?? formatted?.values ?? entry.value ?? entry.values;
    elements.set(entry.key ?? String(index++), {
      value: typeof shown === 'string' ? shown : JSON.stringify(shown),
      words: formatted?.key === undefined ? undefined : textOf(formatted.key),
    });
    if (elements.size >= 8 * shownElements) break;
  }
  return elements;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
