/**
 * What no object file says and no seed can make up from bytes: the inner maps of a map of maps and the programs of a
 * program array, which the program's own loader puts there at run time. Without any, look-ups in them find nothing and
 * tail calls fall through, and half of a program is never compared. So maps of maps get two new inner maps, and
 * program arrays the object's own XDP programs in order.
 */
import type { MapInit, MapSpec, ObjectSpec, ProgramSpec } from '../object/index.js';

/** Inner maps made for a map of maps. */
const innerMaps = 2;
/** Slots of a program array that are filled at most. */
const filledSlots = 8;

/**
 * The object with those contents as the initial ones of its maps, for running `program`; maps in `except`, and those
 * that the object fills itself, stay as they are. The same object when there is nothing to fill.
 */
export function populate(object: ObjectSpec, program: ProgramSpec, except: ReadonlySet<string>): ObjectSpec {
  const made: MapSpec[] = [];
  const maps = object.maps.map((spec): MapSpec => {
    if (fillsItself(spec) || except.has(spec.name)) return spec;
    const init = initOf(object, program, spec, made);
    return init === undefined ? spec : { ...spec, init };
  });
  const changed = maps.some((spec, index) => spec !== object.maps[index]);
  return changed ? { ...object, maps: [...maps, ...made] } : object;
}

/** The object says what is in it. */
function fillsItself({ init }: MapSpec): boolean {
  return init !== undefined && (init.kind === 'data' || init.slots.size > 0);
}

/**
 * Initial content for a map that its loader would fill; undefined for one that stays as it is. Inner maps are appended
 * to `made`.
 */
function initOf(object: ObjectSpec, program: ProgramSpec, spec: MapSpec, made: MapSpec[]): MapInit | undefined {
  // Slots are 32-bit numbers.
  if (spec.keySize !== 4) return undefined;
  switch (spec.type) {
    case 'array_of_maps':
    case 'hash_of_maps': {
      const { inner } = spec;
      if (inner === undefined) return undefined;
      const slots = new Map<number, number>();
      for (let slot = 0; slot < Math.min(innerMaps, spec.maxEntries); slot++) {
        slots.set(slot, object.maps.length + made.length);
        made.push({ ...inner, name: `${spec.name}_${slot}` });
      }
      return { kind: 'maps', slots };
    }
    case 'prog_array': {
      const others = object.programs.filter(
        (other) => other !== program && other.attach === 'xdp' && other.type === 'xdp' && other.frags === program.frags,
      );
      const filled = others.slice(0, Math.min(spec.maxEntries, filledSlots));
      if (filled.length === 0) return undefined;
      return { kind: 'programs', slots: new Map(filled.map((other, slot) => [slot, other.name])) };
    }
    default:
      return undefined;
  }
}
