/**
 * What the behaviours of test_offload.py are tried with: a simulated card, and the words of that test. A method here
 * is one command of the Python, with its name in the comment, so that both can be read side by side. Each behaviour
 * has a kernel of its own: the Python cleans up between tests instead, since it has one real kernel for all.
 */
import { assemble, type ObjectSpec } from '../object/index.js';
import type { ErrnoName } from '../platform/index.js';
import type { AttachType } from './attach.js';
import type { FilterRequest } from './classify.js';
import { type LoadCommand, OffloadKernel } from './kernel.js';
import type { MapRecord, NetdevRecord, ProgRecord, XdpMode } from './model.js';
import { OffloadRefusal } from './refusal.js';

/** sample_ret0: a program that does nothing. */
const plain: ObjectSpec = assemble('.section xdp\n.globl prog\nprog:\n  r0 = 0\n  exit\n', { name: 'sample_ret0.o' });

/**
 * The text of sample_map_ret0, which looks into a hash and an array, the two kinds that cards have: of two elements
 * each, so that a few updates fill them and the next is refused.
 */
export const twoMapsText = `.section xdp
.globl func
func:
  r1 = 0
  *(u32 *)(r10 - 4) = r1
  r2 = r10
  r2 += -4
  r1 = htab ll
  call bpf_map_lookup_elem
  r1 = 0
  *(u32 *)(r10 - 4) = r1
  r2 = r10
  r2 += -4
  r1 = array ll
  call bpf_map_lookup_elem
  r0 = 0
  exit
.map htab type=hash key=4 value=8 max_entries=2
.map array type=array key=4 value=8 max_entries=2
`;

/** Counts its packets in the first element of an array, as cards do it, and passes them. */
export const countingText = `.license "GPL"
.section xdp
.globl f
f:
  r1 = 0
  *(u32 *)(r10 - 4) = r1
  r2 = r10
  r2 += -4
  r1 = hits ll
  call bpf_map_lookup_elem
  if r0 == 0 goto out
  r1 = 1
  lock *(u64 *)(r0 + 0) += r1
out:
  r0 = 2
  exit
.map hits type=array key=4 value=8 max_entries=4
`;

/** sample_map_ret0. */
const withMaps: ObjectSpec = assemble(twoMapsText, { name: 'sample_map_ret0.o' });

/** Something is not as the test wants it. A class of its own, so that a mistake in the test is not taken for one. */
export class Disagreement extends Error {}

/** Throws unless both are the same, as JSON. */
export function same(actual: unknown, wanted: unknown, what: string): void {
  const [a, b] = [JSON.stringify(actual), JSON.stringify(wanted)];
  if (a !== b) throw new Disagreement(`${what}: ${a}, wanted ${b}`);
}

/** What a program is loaded as: text by libbpf's names. */
export type Sample = 'sample_ret0' | 'sample_map_ret0';

/** One kernel with simulated cards, and a host namespace with their network devices. */
export class Sim {
  readonly kernel: OffloadKernel = new OffloadKernel();
  private cards = 0;

  /** NetdevSimDev(ports): names of its network devices. */
  card(ports = 1): { readonly name: string; readonly ports: readonly string[] } {
    const name = `nsim${this.cards++}`;
    return { name, ports: this.kernel.addDevice({ name, card: 'netdevsim', ports }) };
  }

  netdev(name: string): NetdevRecord {
    return this.kernel.model.get('netdev', name, 'test');
  }

  /** Time 0: nothing that a behaviour compares depends on when it ran. */
  command(sample: Sample): Pick<LoadCommand, 'object' | 'program' | 'now'> {
    const object = sample === 'sample_ret0' ? plain : withMaps;
    return { object, program: object.programs[0] as ObjectSpec['programs'][number], now: 0 };
  }

  /** ip link set dev NAME xdp... obj: loads for the card where that is asked for, and attaches. */
  setXdp(dev: string, type: AttachType, force = false, sample: Sample = 'sample_ret0'): void {
    const forCard = type === 'xdpoffload' ? { dev } : {};
    this.kernel.load({ ...this.command(sample), ...forCard, attach: { dev, type, force } });
  }

  unsetXdp(dev: string, type: AttachType): void {
    this.kernel.attach(dev, type, undefined);
  }

  /** bpftool prog load FILE PIN [dev NAME] [map idx 0 id N]. */
  load(pin: string, dev?: string, sample: Sample = 'sample_ret0', firstMap?: number): void {
    const reuse = firstMap === undefined ? {} : { reuse: new Map([[0, firstMap]]) };
    this.kernel.load({ ...this.command(sample), ...(dev === undefined ? {} : { dev }), ...reuse, pin });
  }

  /** tc filter add dev NAME ingress bpf obj; with skip_sw it is loaded for the card. */
  addFilter(dev: string, request: FilterRequest = {}): void {
    const forCard = request.skipSw === true ? { dev } : {};
    this.kernel.load({ ...this.command('sample_ret0'), ...forCard, type: 'sched_cls', filter: { dev, ...request } });
  }

  /** Count as well as list: the Python waits for the count, since Linux frees late. Here it has to hold at once. */
  progs(count: number): ProgRecord[] {
    const progs = this.kernel.progs();
    same(progs.length, count, 'programs');
    return progs;
  }

  maps(count: number): MapRecord[] {
    const maps = this.kernel.maps();
    same(maps.length, count, 'maps');
    return maps;
  }

  attached(dev: string, mode: XdpMode): number {
    return this.netdev(dev).xdp[mode];
  }

  /** Programs that the driver of simulated cards knows of. */
  bound(count: number): ProgRecord[] {
    const bound = this.kernel.progs().filter(({ forDevice }) => forDevice);
    same(bound.length, count, 'bound programs');
    return bound;
  }
}

/**
 * The work has to be refused with this error, and where `text` is given with these words; and has to change nothing.
 * The last is more than the Python asks: it could not see all of the kernel's state.
 */
export function refused(sim: Sim, work: () => void, errno: ErrnoName, text?: string): OffloadRefusal {
  const state = (): unknown => [...sim.kernel.model.records.entries()].sort(([a], [b]) => (a < b ? -1 : 1));
  const before = JSON.stringify(state());
  try {
    work();
  } catch (error) {
    if (!(error instanceof OffloadRefusal)) throw error;
    same(error.errno, errno, 'error');
    if (text !== undefined) same(error.extack, text, 'text');
    same(JSON.stringify(state()), before, 'state after a refusal');
    return error;
  }
  throw new Disagreement(`accepted, wanted ${errno}`);
}

/** Four bytes, and eight: keys and values of the sample's maps. */
export const u32 = (value: number): Uint8Array => Uint8Array.of(value, 0, 0, 0);
/** See {@link u32}. */
export const u64 = (value: number): Uint8Array => Uint8Array.of(value, 0, 0, 0, 0, 0, 0, 0);
