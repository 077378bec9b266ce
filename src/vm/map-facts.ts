/**
 * Where a map's value holds fields that the kernel treats specially (kernel/bpf/btf.c, btf_parse_fields), from the
 * object's BTF.
 */
import type { Btf, MapSpec, ObjectSpec } from '../object/index.js';
import { isComposite } from '../object/index.js';
import type { MapFacts } from './maps/index.js';

/** Structures are searched this deep (MAX_RESOLVE_DEPTH of special fields). */
const maxDepth = 4;

/** Special fields of the map's value; nothing without BTF. */
export function mapFacts(object: ObjectSpec, spec: MapSpec): MapFacts {
  const { btf } = object;
  if (btf === undefined || spec.btfValueId === 0 || spec.btfValueId >= btf.count) return {};
  const offsets = new Map<string, number>();
  collect(btf, spec.btfValueId, 0, 0, offsets);
  return { spinLockOffset: offsets.get('bpf_spin_lock'), timerOffset: offsets.get('bpf_timer') };
}

function collect(btf: Btf, id: number, base: number, depth: number, offsets: Map<string, number>): void {
  const type = btf.resolve(id);
  if (!isComposite(type) || depth > maxDepth) return;
  if (type.name === 'bpf_spin_lock' || type.name === 'bpf_timer') {
    if (!offsets.has(type.name)) offsets.set(type.name, base);
    return;
  }
  for (const member of type.members) {
    if (member.bitSize === 0) collect(btf, member.type, base + member.bitOffset / 8, depth + 1, offsets);
  }
}
