/**
 * What specialising a loaded program brings on given packets: original and version in turns by BPF_PROG_TEST_RUN, each
 * time on the packet as it was. Times are those of the kernel's own clock around a run, less those of an empty
 * program.
 * The program runs over its own maps; for programs that were loaded to be measured.
 */
import { InputError } from '../base/index.js';
import type { Bpf, KernelIds } from '../linux/index.js';
import { possibleCpus } from '../linux/index.js';
import { hiddenTraits } from './attachment.js';
import { chooseSite, profileOf, smallTable } from './choose.js';
import { allEntries, entryAt } from './contents.js';
import { instrument, readSamples } from './instrument.js';
import { ownMap } from './own-map.js';
import { writtenByProgram } from './read-only.js';
import { findSites } from './sites.js';
import { specialise } from './specialise.js';
import { loadVersion, type TakenProgram, takeProgram } from './taken-program.js';
import { guardSize } from './watcher.js';

/** What came of it. */
export interface TrialResult {
  /** Nanoseconds a packet. */
  readonly originalNs: number;
  readonly versionNs: number;
  readonly notesNs: number;
  /** Original by version, of each round. */
  readonly ratios: readonly number[];
  readonly sites: number;
  /** Milliseconds of the processor's time that making the version took, our verifier apart. */
  readonly makeMs: number;
  /** Packets that the version decided otherwise. */
  readonly differences: number;
}

/** `order`: the packets of a round by their number. Throws InputError where the program cannot be taken. */
export function trial(
  bpf: Bpf,
  ids: KernelIds,
  programId: number,
  packets: readonly Uint8Array[],
  order: readonly number[],
  rounds: number,
): TrialResult {
  const taken = takeProgram(bpf, ids, ids.open('program', programId));
  const open: number[] = [];
  const keep = (fd: number): number => {
    open.push(fd);
    return fd;
  };
  try {
    const traits = hiddenTraits(bpf, taken.fd);
    const load = (program: TakenProgram['program'], name: string, moreMaps: readonly number[]): number => {
      const loaded = loadVersion(bpf, taken, program, { ...traits, name, moreMaps });
      if (!('fd' in loaded)) throw new InputError(`the kernel does not take ${name}: ${loaded.log.slice(-200)}`);
      return keep(loaded.fd);
    };
    const array = (valueSize: number): number => keep(ownMap(bpf, { name: 'jitnic_trial', valueSize }));
    const found = findSites(taken.object, taken.program);
    if ('why' in found) throw new InputError(found.why);
    const written = writtenByProgram(taken);
    const sites = found.filter(({ map }) => written[map] === undefined);
    const noted = instrument(taken.program, taken.maps.length, sites, { cpus: possibleCpus(), rate: 3 });
    if (noted === undefined) throw new InputError('the code grows past what jumps reach');
    const samplesFd = array(noted.samples.valueSize);
    const notes = load(noted.program, 'jitnic_notes', [samplesFd]);
    for (let i = 0; i < 4; i++) for (const at of order) bpf.testRun(notes, { data: packets[at] as Uint8Array });
    const bytes = bpf.mapLookup(samplesFd, new Uint8Array(4), noted.samples.valueSize);
    if (typeof bytes === 'number') throw new InputError('no samples');
    const before = process.cpuUsage();
    const plans = readSamples(bytes, noted.layout, 3).sites.flatMap((samples) => {
      const map = taken.maps[samples.site.map];
      const spec = taken.object.maps[samples.site.map];
      if (map === undefined || spec === undefined) return [];
      const all = allEntries(bpf, map.fd, spec, smallTable);
      const at = (key: Uint8Array): ReturnType<typeof entryAt> => entryAt(bpf, map.fd, key, spec.valueSize);
      return chooseSite(profileOf(samples), { type: spec.type, all, at })?.plan ?? [];
    });
    const made = specialise(taken.program, taken.maps.length, plans, 0n);
    if (made === undefined) throw new InputError('the code grows past what jumps reach');
    const valuesFd = array(made.bytes.length);
    bpf.mapUpdate(valuesFd, new Uint8Array(4), made.bytes);
    const version = load(made.program, 'jitnic_version', [array(guardSize), valuesFd]);
    const { user, system } = process.cpuUsage(before);
    // r0 = XDP_PASS; exit
    const nothing = Uint8Array.of(0xb7, 0, 0, 0, 2, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0);
    const empty = bpf.progLoad({ insns: nothing, license: 'GPL' });
    if (!('fd' in empty)) throw new InputError('the kernel does not take an empty program');
    const times = run(
      bpf,
      [taken.fd, plans.length === 0 ? taken.fd : version, notes, keep(empty.fd)],
      packets,
      order,
      rounds,
    );
    const [originalNs = 0, versionNs = 0, notesNs = 0] = times.means;
    return {
      originalNs,
      versionNs,
      notesNs,
      ratios: times.ratios,
      sites: plans.length,
      makeMs: (user + system) / 1000,
      differences: times.differences,
    };
  } finally {
    for (const fd of open) bpf.close(fd);
    taken.close();
  }
}

/**
 * Programs in turns, each over all packets of a round, so that each finds the caches as its own packets left them; the
 * last one is empty. Of each the mean less the empty one's.
 */
function run(
  bpf: Bpf,
  fds: readonly number[],
  packets: readonly Uint8Array[],
  order: readonly number[],
  rounds: number,
): { readonly means: number[]; readonly ratios: number[]; readonly differences: number } {
  const totals = fds.map(() => [] as number[]);
  let differences = 0;
  for (let round = 0; round < rounds; round++) {
    const verdicts = fds.map((): number[] => []);
    for (let k = 0; k < fds.length; k++) {
      const side = round % 2 === 0 ? k : fds.length - 1 - k;
      const times: number[] = [];
      // Once untimed: who came before has warmed the caches for the others.
      for (const at of order) bpf.testRun(fds[side] as number, { data: packets[at] as Uint8Array });
      for (const at of order) {
        const { retval, duration } = bpf.testRun(fds[side] as number, { data: packets[at] as Uint8Array });
        verdicts[side]?.push(retval);
        times.push(duration);
      }
      // Interrupts fall on some runs: the middle half is what a run takes.
      totals[side]?.push(middleMean(times));
    }
    differences += order.filter((_, i) => verdicts[0]?.[i] !== verdicts[1]?.[i]).length;
  }
  const empty = totals.at(-1) ?? [];
  const net = totals.map((list) => list.map((ns, round) => Math.max(ns - (empty[round] ?? 0), 0.1)));
  const means = net.map((list) => middleMean(list));
  const ratios = (net[0] ?? []).map((ns, round) => ns / (net[1]?.[round] ?? ns));
  return { means, ratios, differences };
}

/** The mean of the half in the middle. */
function middleMean(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const quarter = sorted.length >> 2;
  const middle = sorted.slice(quarter, sorted.length - quarter);
  return middle.reduce((sum, value) => sum + value, 0) / Math.max(1, middle.length);
}
