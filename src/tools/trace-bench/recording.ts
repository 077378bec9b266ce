/**
 * How long it takes to make a trace: every packet of an example's traffic is made a miss, by removing the trace that
 * would have taken it, and goes to the host, which records and installs its trace as in any run. *Miss* is all of
 * that: walk of the tree, host, recorder, optimizer, installation, statistics; *host* is the same packet on a host
 * that does not record. The process is warm: a first share of the packets is not counted.
 */

import { Facts } from '../../condition/index.js';
import { Interpreter } from '../../interp/index.js';
import { type InstalledTrace, type Offer, TraceTree } from '../../nic/index.js';
import type { ObjectSpec, ProgramSpec } from '../../object/index.js';
import { type Arrival, Runtime } from '../../runtime/index.js';
import { formatTable } from '../../text/index.js';
import type { RecordedTrace } from '../../trace/index.js';
import { loadMaps, type MapsFile } from '../../vm/map-json.js';

/** An example with its traffic. */
export interface RecordingSubject {
  readonly name: string;
  readonly object: ObjectSpec;
  readonly program: ProgramSpec;
  readonly maps: MapsFile | undefined;
  readonly packets: readonly Arrival[];
  /** Sides of branches on state are joined in traces, as they are by default. */
  readonly joins: boolean;
}

/** One miss; times in milliseconds. */
interface Miss {
  readonly total: number;
  /** The host's run alone. */
  readonly host: number;
  /** The recorder's guards put into normal form once more. */
  readonly facts: number;
  readonly install: number;
  readonly steps: number;
  readonly values: number;
}

// Share of the misses that is not counted, and room for the look-up keys of the tree beside.
const warmUp = 0.3;
const keyBytes = 4096;

/** All misses of one example. Timing alone disturbs nothing: what is tried on the way is rolled back. */
function measureRecording(subject: RecordingSubject): Miss[] {
  const { object, program, maps, joins } = subject;
  const runtime = new Runtime(object, program, { keepConditions: false, limits: { joins } });
  const { machine, cache } = runtime;
  if (cache === undefined) return [];
  if (maps !== undefined) loadMaps(machine, maps);
  const host = new Interpreter(machine);
  // Installation alone is timed with a second tree that holds as many traces.
  const beside = new TraceTree(machine, machine.memory.allocate('scratch', 'keys', keyBytes));
  const installedBeside: InstalledTrace[] = [];
  const misses: Miss[] = [];
  for (const packet of subject.packets) {
    const input = { data: packet.data, now: packet.time };
    // One run under the machine's journal, undone afterwards: the packet is still to come.
    const trial = (run: () => Offer | undefined): InstalledTrace | undefined => {
      machine.setPacket(input);
      machine.transaction.begin();
      const hit = run();
      machine.transaction.rollback();
      return hit?.kind === 'hit' ? hit : undefined;
    };
    const before = trial(() => cache.offer());
    if (before !== undefined) cache.remove(before);
    const host0 = performance.now();
    trial(() => {
      host.run(runtime.program);
      return undefined;
    });
    const start = performance.now();
    const { installs } = runtime;
    runtime.run(input);
    const done = performance.now();
    if (runtime.installs === installs) continue;
    // Maps may have changed meanwhile, so that the same packet takes another path now.
    const trace = trial(() => cache.offer())?.trace;
    if (trace === undefined) continue;
    const factsStart = performance.now();
    factsOf(trace);
    const installStart = performance.now();
    const installed = beside.install(trace);
    const end = performance.now();
    if (installed !== undefined && installedBeside.push(installed) > cache.size)
      beside.evict(installedBeside.shift() as InstalledTrace);
    misses.push({
      total: done - start,
      host: start - host0,
      facts: installStart - factsStart,
      install: end - installStart,
      steps: trace.steps,
      values: trace.code.values.length,
    });
  }
  return misses.slice(Math.floor(misses.length * warmUp));
}

/** Puts the guards into normal form as the recorder does, to time that step alone. */
function factsOf(trace: RecordedTrace): void {
  const facts = new Facts();
  for (const { detail, args } of trace.recorded) {
    const [condition] = args;
    if (detail?.kind === 'guard' && condition !== undefined && facts.decide(condition) === undefined)
      facts.assert(condition, detail.expect);
  }
}

/** The table: medians and 90th percentiles in milliseconds. */
export function recordingTable(subjects: readonly RecordingSubject[]): string {
  const rows = subjects.map((subject) => {
    const misses = measureRecording(subject);
    const of = (get: (one: Miss) => number, share = 0.5): number => quantile(misses.map(get), share);
    const ms = (x: number): string => x.toFixed(3);
    return [
      subject.name,
      misses.length,
      Math.round(of((one) => one.steps)),
      Math.round(of((one) => one.values)),
      ms(of((one) => one.host)),
      ms(of((one) => one.facts)),
      ms(of((one) => one.install)),
      ms(of((one) => one.total)),
      ms(of((one) => one.total, 0.9)),
    ];
  });
  return formatTable(
    [
      { title: 'recording' },
      { title: 'traces', align: 'right' },
      { title: 'insns', align: 'right' },
      { title: 'values', align: 'right' },
      { title: 'host ms', align: 'right' },
      { title: 'facts ms', align: 'right' },
      { title: 'install ms', align: 'right' },
      { title: 'miss ms', align: 'right' },
      { title: 'p90 ms', align: 'right' },
    ],
    rows,
  );
}

function quantile(numbers: readonly number[], share: number): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
