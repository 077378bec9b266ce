/**
 * How long it takes to make a trace: every packet of an example's traffic is recorded and installed as if it had been a miss. Each packet is put in
 * twice: first to find the trace that would have taken it, which is removed and its effects undone, then to be recorded. The process is warm:
 * a first share of the packets is not counted.
 */
import { findPolicy, TraceCache } from '../../cache/index.js';
import { formatTable } from '../../cli/output.js';
import { Interpreter } from '../../interp/index.js';
import type { ObjectSpec, ProgramSpec } from '../../object/index.js';
import type { Arrival } from '../../runtime/index.js';
import { Facts, type InstalledTrace, Recorder, type Recording, TraceTree } from '../../trace/index.js';
import { Machine } from '../../vm/index.js';
import { loadMaps, type MapsFile } from '../../vm/map-json.js';

export interface RecordingSubject {
  readonly name: string;
  readonly object: ObjectSpec;
  readonly program: ProgramSpec;
  readonly maps: MapsFile | undefined;
  readonly packets: readonly Arrival[];
}

/** Times of one trace, in milliseconds. */
interface Times {
  /** The host's run with the recorder as its observer, dead code elimination included. */
  readonly record: number;
  /** The guards put into normal form once more; a part of `record`. */
  readonly facts: number;
  readonly install: number;
  readonly steps: number;
  readonly values: number;
}

const keyBytes = 4096;
const warmUp = 0.3;

export function measureRecording(subject: RecordingSubject): Times[] {
  const machine = new Machine(subject.object);
  if (subject.maps !== undefined) loadMaps(machine, subject.maps);
  const program = machine.programs[subject.object.programs.indexOf(subject.program)];
  if (program === undefined) return [];
  machine.admit(program);
  const keys = machine.memory.allocate('scratch', 'keys of the card', keyBytes);
  const policy = findPolicy('lru')?.create<InstalledTrace>();
  if (policy === undefined) return [];
  const cache = new TraceCache(new TraceTree(machine, keys.start), { capacity: 64, policy });
  const host = new Interpreter(machine);
  const recorder = new Recorder(machine);
  const times: Times[] = [];
  for (const packet of subject.packets) {
    const input = { data: packet.data, now: packet.time };
    machine.setPacket(input);
    machine.begin();
    const hit = cache.run();
    machine.rollback();
    if (hit !== undefined) cache.remove(hit);
    machine.setPacket(input);
    const start = performance.now();
    recorder.start(program, host.registers);
    host.observer = recorder;
    const outcome = host.run(program);
    host.observer = null;
    const recording: Recording = recorder.finish(outcome);
    const recorded = performance.now();
    if (recording.kind === 'abort') continue;
    cache.install(recording.trace);
    const installed = performance.now();
    const facts = new Facts();
    for (const value of recording.trace.recorded) {
      if (value.detail?.kind !== 'guard') continue;
      const [condition] = value.args;
      if (condition !== undefined && facts.decide(condition) === undefined)
        facts.assert(condition, value.detail.expect);
    }
    times.push({
      record: recorded - start,
      install: installed - recorded,
      facts: performance.now() - installed,
      steps: recording.trace.steps,
      values: recording.trace.code.values.length,
    });
  }
  return times.slice(Math.floor(times.length * warmUp));
}

/** The table: medians and 90th percentiles in milliseconds. */
export function recordingTable(subjects: readonly RecordingSubject[]): string {
  const rows = subjects.map((subject) => {
    const times = measureRecording(subject);
    const of = (get: (one: Times) => number, share: number): number => quantile(times.map(get), share);
    const ms = (x: number): string => x.toFixed(3);
    return [
      subject.name,
      times.length,
      Math.round(of((one) => one.steps, 0.5)),
      Math.round(of((one) => one.values, 0.5)),
      ms(of((one) => one.record, 0.5)),
      ms(of((one) => one.facts, 0.5)),
      ms(of((one) => one.install, 0.5)),
      ms(of((one) => one.record + one.install, 0.5)),
      ms(of((one) => one.record + one.install, 0.9)),
    ];
  });
  return formatTable(
    [
      { title: 'recording' },
      { title: 'traces', align: 'right' },
      { title: 'insns', align: 'right' },
      { title: 'values', align: 'right' },
      { title: 'record ms', align: 'right' },
      { title: 'of it facts', align: 'right' },
      { title: 'install ms', align: 'right' },
      { title: 'total ms', align: 'right' },
      { title: 'p90 ms', align: 'right' },
    ],
    rows,
  );
}

function quantile(numbers: readonly number[], share: number): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
