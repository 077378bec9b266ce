/**
 * A version beside the original on sampled packets, by BPF_PROG_TEST_RUN, before it is let near any traffic. Maps that
 * the program writes are copied, for each of the two, so that nothing of the program's state changes; verdicts,
 * packets and what the copies hold afterwards have to be the same.
 */
import { calledHelper, mapUses } from '../code/index.js';
import type { Bpf, KernelIds } from '../linux/index.js';
import { possibleCpus, userValueSize } from '../linux/index.js';
import type { ProgramSpec } from '../object/index.js';
import { isPercpuMap } from '../platform/index.js';
import { loadVersion, type TakenProgram, type VersionOptions } from './taken-program.js';

/** A packet to run. */
export interface ShadowPacket {
  readonly data: Uint8Array;
  /** Bytes that it had; what was not noted is zero. */
  readonly length: number;
}

/** What came of it. */
export type ShadowResult =
  | { readonly kind: 'same'; readonly packets: number }
  | { readonly kind: 'differs'; readonly why: string }
  /** It could not be tried. */
  | { readonly kind: 'not run'; readonly why: string };

/** What becomes of a map's contents in a copy. */
type Sharing = 'copied' | 'empty' | 'shared';

/** Most entries that a copy gets, and that are compared. */
const mostCopied = 2048;
/** A test run takes no longer packets than a page with head- and tailroom holds. */
const longestPacket = 3520;
/** Maps of which user space can read all that there is. */
const copiedTypes = new Set([
  'hash',
  'array',
  'percpu_hash',
  'percpu_array',
  'lru_hash',
  'lru_percpu_hash',
  'lpm_trie',
]);
/** Maps whose contents cannot be read without taking them, or put into a copy: both sides get one without entries. */
const emptyTypes = new Set(['ringbuf', 'perf_event_array', 'prog_array', 'queue', 'stack', 'bloom_filter', 'xskmap']);
/** Helpers that answer two runs differently: what is derived from them may stand in a map's values. */
const unpredictable = new Set([
  'ktime_get_ns',
  'ktime_get_boot_ns',
  'ktime_get_coarse_ns',
  'ktime_get_tai_ns',
  'jiffies64',
  'get_prandom_u32',
]);

/** A version and what it needs beyond the program's maps. */
export interface ShadowVersion {
  readonly program: ProgramSpec;
  /** Descriptors of the maps behind the program's own. */
  readonly moreMaps: readonly number[];
}

/** Runs both. Copies are made and closed here. */
export function shadowRun(
  bpf: Bpf,
  ids: KernelIds,
  taken: TakenProgram,
  version: ShadowVersion,
  packets: readonly ShadowPacket[],
  options: Pick<VersionOptions, 'expectedAttachType' | 'frags'>,
): ShadowResult {
  const sharing = sharingOf(taken);
  const unsafe = unsafeSharing(taken, sharing);
  if (unsafe !== undefined) return { kind: 'not run', why: unsafe };
  const contents = sharing.map((how, index) => (how === 'copied' ? contentsOf(bpf, taken, index) : []));
  const sides: { readonly fd: number; readonly maps: readonly number[] }[] = [];
  const open: number[] = [];
  try {
    const cases = [
      { program: taken.program, moreMaps: [], name: 'jitnic_shadow_a' },
      { ...version, name: 'jitnic_shadow_b' },
    ];
    for (const { program, moreMaps, name } of cases) {
      const maps: number[] = [];
      for (const [index, how] of sharing.entries()) {
        const fd =
          how === 'shared' ? (taken.maps[index]?.fd ?? -1) : copyMap(bpf, ids, taken, index, contents[index] ?? []);
        if (fd < 0) return { kind: 'not run', why: `map \`${taken.object.maps[index]?.name}\` cannot be copied` };
        if (how !== 'shared') open.push(fd);
        maps.push(fd);
      }
      const loaded = loadVersion(bpf, taken, program, { ...options, name, mapFds: maps, moreMaps });
      if (!('fd' in loaded)) return { kind: 'not run', why: 'the kernel does not take it over copies of the maps' };
      open.push(loaded.fd);
      sides.push({ fd: loaded.fd, maps });
    }
    return compare(bpf, taken, sides[0] as Side, sides[1] as Side, packets, sharing);
  } finally {
    for (const fd of open) bpf.close(fd);
  }
}

/** A loaded program and its maps' descriptors, by index. */
interface Side {
  readonly fd: number;
  readonly maps: readonly number[];
}

/** Packet by packet, both sides on each, so that maps change alike; maps are compared at the end. */
function compare(
  bpf: Bpf,
  taken: TakenProgram,
  a: Side,
  b: Side,
  packets: readonly ShadowPacket[],
  sharing: readonly Sharing[],
): ShadowResult {
  let ran = 0;
  for (const { data, length } of packets) {
    if (length > longestPacket) continue;
    const packet = new Uint8Array(Math.max(length, 14));
    packet.set(data.subarray(0, packet.length));
    const runs = [a, b].map(({ fd }) => {
      const { status, retval, data: out } = bpf.testRun(fd, { data: packet });
      return { status, retval, out: out.slice() };
    });
    const [one, other] = runs as [(typeof runs)[0], (typeof runs)[0]];
    if (one.status < 0 || other.status < 0) {
      if (one.status !== other.status)
        return { kind: 'differs', why: `a test run of packet ${ran} fails with one only` };
      continue;
    }
    if (one.retval !== other.retval) {
      return { kind: 'differs', why: `packet ${ran}: verdict ${one.retval}, of the version ${other.retval}` };
    }
    if (!sameBytes(one.out, other.out)) return { kind: 'differs', why: `packet ${ran} has other bytes afterwards` };
    ran++;
  }
  const clocked = taken.program.insns.some((insn) => unpredictable.has(calledHelper(insn)?.name ?? ''));
  for (const [index, how] of sharing.entries()) {
    const spec = taken.object.maps[index];
    if (how !== 'copied' || spec === undefined || spec.type.startsWith('lru')) continue;
    const texts = [a, b].map(({ maps }) => contentsText(bpf, taken, index, maps[index] as number, !clocked));
    if (texts[0] !== texts[1]) return { kind: 'differs', why: `map \`${spec.name}\` holds something else afterwards` };
  }
  return { kind: 'same', packets: ran };
}

/** What the program does not write stays where it is: nothing changes it, and it may be large. */
function sharingOf({ program, object }: TakenProgram): Sharing[] {
  const { written, inserted } = mapUses(program, object.maps);
  return object.maps.map(({ type }, index) => {
    if (emptyTypes.has(type)) return 'empty';
    const isChanged = (((written | inserted) >> BigInt(index)) & 1n) === 1n;
    return isChanged && copiedTypes.has(type) ? 'copied' : 'shared';
  });
}

/** Why a run over shared maps would change the program's state. */
function unsafeSharing({ program, object }: TakenProgram, sharing: readonly Sharing[]): string | undefined {
  const { written, inserted } = mapUses(program, object.maps);
  const changed = written | inserted;
  const index = sharing.findIndex((how, i) => how === 'shared' && ((changed >> BigInt(i)) & 1n) === 1n);
  if (index >= 0) return `the program writes map \`${object.maps[index]?.name}\`, which cannot be copied`;
  const isInner = ((changed >> BigInt(object.maps.length)) & 1n) === 1n;
  return isInner ? 'the program writes maps that lie in a map of maps' : undefined;
}

/** Entries of a map at one moment, so that both copies begin alike while packets change the map itself. */
function contentsOf(bpf: Bpf, taken: TakenProgram, index: number): (readonly [Uint8Array, Uint8Array])[] {
  const map = taken.maps[index];
  const spec = taken.object.maps[index];
  const entries: (readonly [Uint8Array, Uint8Array])[] = [];
  if (map === undefined || spec === undefined) return entries;
  const valueSize = userValueSize(spec, possibleCpus());
  for (const key of bpf.mapKeys(map.fd, spec.keySize)) {
    if (entries.length === mostCopied) break;
    const value = bpf.mapLookup(map.fd, key, valueSize);
    if (typeof value !== 'number') entries.push([key, value]);
  }
  return entries;
}

/** A map of the same kind with these entries. Descriptor, or negated errno. */
function copyMap(
  bpf: Bpf,
  ids: KernelIds,
  taken: TakenProgram,
  index: number,
  entries: readonly (readonly [Uint8Array, Uint8Array])[],
): number {
  const info = taken.maps[index]?.info;
  if (info === undefined) return -1;
  const { type, keySize, valueSize, maxEntries, flags, extra } = info;
  const base = { type, keySize, valueSize, maxEntries, flags, extra, name: 'jitnic_copy' };
  const btfFd = info.btfId === 0 ? -1 : ids.open('btf', info.btfId);
  const btf = { fd: btfFd, keyId: info.btfKeyId, valueId: info.btfValueId };
  const typed = btfFd < 0 ? -1 : bpf.mapCreate({ ...base, btf });
  if (btfFd >= 0) ids.close(btfFd);
  const fd = typed >= 0 ? typed : bpf.mapCreate(base);
  if (fd >= 0) for (const [key, value] of entries) bpf.mapUpdate(fd, key, value);
  return fd;
}

/** Keys, and values where they count, as a text that is the same for the same contents. */
function contentsText(bpf: Bpf, taken: TakenProgram, index: number, fd: number, withValues: boolean): string {
  const spec = taken.object.maps[index];
  if (spec === undefined) return '';
  const size = userValueSize(spec, possibleCpus());
  const lines: string[] = [];
  for (const key of bpf.mapKeys(fd, spec.keySize)) {
    if (lines.length > mostCopied) break;
    const value = withValues ? bpf.mapLookup(fd, key, size) : 0;
    const text = typeof value === 'number' ? '' : hex(isPercpuMap(spec.type) ? summed(value) : value);
    lines.push(`${hex(key)}=${text}`);
  }
  return lines.sort().join('\n');
}

/** Values of all CPUs as one: the two sides need not have run on the same. */
function summed(value: Uint8Array): Uint8Array {
  const cpus = possibleCpus();
  const each = value.length / cpus;
  const out = new BigUint64Array(each / 8);
  const words = new BigUint64Array(value.slice().buffer);
  for (const [i, word] of words.entries()) out[i % out.length] = BigInt.asUintN(64, (out[i % out.length] ?? 0n) + word);
  return new Uint8Array(out.buffer);
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
