/**
 * Where a map's value holds fields that the kernel treats specially (kernel/bpf/btf.c, btf_parse_fields), from the
 * object's BTF.
 */

import type { Btf } from './btf.js';
import { isComposite } from './btf-type.js';
import type { MapSpec } from './spec.js';

/** Structures are searched this deep (MAX_RESOLVE_DEPTH of special fields). */
const maxDepth = 4;

/** Where BTF finds special fields in a map's value; byte offsets. Absent: there is none. */
export interface MapFacts {
  /** bpf_spin_lock: copies of a value leave it alone. */
  readonly spinLockOffset?: number | undefined;
  /** bpf_timer and what else jitnic does not run. */
  readonly timerOffset?: number | undefined;
}

/** Special fields of the map's value; nothing without BTF. */
export function mapFacts(btf: Btf | undefined, spec: MapSpec): MapFacts {
  if (btf === undefined || spec.btfValueId === 0 || spec.btfValueId >= btf.count) return {};
  const offsets = new Map<string, number>();
  collect(btf, spec.btfValueId, 0, 0, offsets);
  return { spinLockOffset: offsets.get('bpf_spin_lock'), timerOffset: offsets.get('bpf_timer') };
}

/** Goes into members of members; the first field of each kind counts, as there may be only one. */
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
