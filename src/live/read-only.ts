/**
 * Which of a program's maps change by nothing but bpf(2) calls of user space, so that the watcher sees every change:
 * no program writes their values or elements, nobody has them in his memory. Asked of the kernel as it is now; the
 * watcher notices what could make the answer another one (programs loaded, iterators attached), and then it is asked
 * again.
 *
 * What cannot be told counts as a writer: another program that has the map may be one, whatever it does.
 */
import { mapUses } from '../code/index.js';
import { type Bpf, type KernelIds, linkTypes } from '../linux/index.js';
import { mapFlags } from '../platform/index.js';
import type { TakenProgram } from './taken-program.js';

/** enum bpf_map_type. */
const mapsOfMaps: readonly number[] = [12, 13];
/** BPF_F_MMAPABLE: user space may map the values, and then writes them without a system call. */
const mmapable = 1 << 10;

/** By index of the program's maps: why it may change unseen; undefined: it may not. */
export type Unsteady = readonly (string | undefined)[];

/** What the program itself does to its maps: does not change while it runs. */
export function writtenByProgram({ program, object }: Pick<TakenProgram, 'program' | 'object'>): Unsteady {
  const uses = mapUses(program, object.maps);
  return object.maps.map((_, index) =>
    (((uses.written | uses.inserted) >> BigInt(index)) & 1n) === 1n ? 'the program writes it' : undefined,
  );
}

/** `own`: ids of programs that are versions of this one. Throws InputError where the kernel does not tell. */
export function unsteadyMaps(bpf: Bpf, ids: KernelIds, taken: TakenProgram, own: ReadonlySet<number>): Unsteady {
  const others = sharedWithPrograms(ids, taken, own);
  const inner = innerMaps(bpf, ids);
  const iterator = hasIterator(ids) ? 'an iterator is attached, which may write to maps' : undefined;
  return writtenByProgram(taken).map((written, index) => {
    const info = taken.maps[index]?.info;
    if (info === undefined) return 'unknown';
    if (info.isFrozen && (info.flags & mapFlags.rdonlyProg) !== 0) return undefined;
    if (written !== undefined) return written;
    if ((info.flags & mmapable) !== 0) return 'user space may have it in its memory';
    const other = others.get(info.id);
    if (other !== undefined) return `program ${other} has it, too`;
    if (inner.has(info.id)) return 'it lies in a map of maps';
    return iterator;
  });
}

/** For each of the program's maps: another program that has it. */
function sharedWithPrograms(ids: KernelIds, taken: TakenProgram, own: ReadonlySet<number>): Map<number, number> {
  const found = new Map<number, number>();
  const ours = new Set(taken.info.mapIds);
  for (const id of ids.ids('program')) {
    if (id === taken.info.id || own.has(id)) continue;
    const fd = ids.open('program', id);
    // It is gone again.
    if (fd < 0) continue;
    for (const map of ids.program(fd).mapIds) if (ours.has(map)) found.set(map, id);
    ids.close(fd);
  }
  return found;
}

/** Ids of all maps that lie in maps of maps. */
function innerMaps(bpf: Bpf, ids: KernelIds): Set<number> {
  const found = new Set<number>();
  for (const id of ids.ids('map')) {
    const fd = ids.open('map', id);
    if (fd < 0) continue;
    const { type, keySize } = ids.map(fd);
    if (mapsOfMaps.includes(type)) {
      for (const key of bpf.mapKeys(fd, keySize)) {
        const value = bpf.mapLookup(fd, key, 4);
        if (typeof value !== 'number') found.add(new DataView(value.buffer, value.byteOffset).getUint32(0, true));
      }
    }
    ids.close(fd);
  }
  return found;
}

/** Is any iterator attached? Which maps it goes over is not asked: there is hardly ever one. */
function hasIterator(ids: KernelIds): boolean {
  for (const id of ids.ids('link')) {
    const fd = ids.open('link', id);
    if (fd < 0) continue;
    const { type } = ids.link(fd);
    ids.close(fd);
    if (type === linkTypes.iter) return true;
  }
  return false;
}
