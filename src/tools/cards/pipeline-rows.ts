/** Rows about the pipelined card: its flushes, its worst stream, and the examples' traces as stages. */
import { findObjects } from '../../cli/check/objects.js';
import { packetsBeside, readSubject } from '../../cli/check/subjects.js';
import {
  type CardDescription,
  hazardStrategies,
  lowerTrace,
  numberOf,
  PipelineMachine,
  shippedCard,
} from '../../nic/index.js';
import { assemble, xdpCandidates } from '../../object/index.js';
import { Session } from '../../runtime/index.js';
import { flushedAsBuilt, flushedByWindows, flushedThroughput, flushProbability } from '../../sim/index.js';
import { Machine } from '../../vm/index.js';
import type { Row } from './row.js';

const flows = 50_000;
const drawn = 1_000_000;

/** eHDL's table 3, simulated: as the formula counts, and as the pipeline is built. */
export function flushRows(table: readonly (readonly [string, number, number, number, number])[]): Row[] {
  return table.flatMap(([what, lost, distance]): Row[] => {
    const exact = flushedThroughput(250, flushProbability(flows, distance), lost);
    const common = { group: 'eHDL, simulated', unit: 'Mpps', published: exact } as const;
    return [
      {
        ...common,
        what: `${what}, counted as by the formula`,
        model: 250 * flushedByWindows(flows, distance, lost, drawn, 1),
        wanted: 2,
      },
      {
        ...common,
        what: `${what}, each pair once`,
        model: 250 * flushedAsBuilt(flows, distance, lost, drawn, 1),
        wanted: 'at least',
      },
    ];
  });
}

/** A recurrence with a multiplication between read and write. */
const recurrence = `.map states type=array key=4 value=8 max_entries=1
  .section xdp
  .globl f
  f:
  *(u32 *)(r10 - 4) = 0
  r1 = states ll
  r2 = r10
  r2 += -4
  call 1
  if r0 == 0 goto out
  r1 = *(u64 *)(r0 + 0)
  r1 *= 1000003
  r1 += 7
  *(u64 *)(r0 + 0) = r1
  out:
  r0 = 1
  exit`;

/** All packets on one element, run interleaved: forwarding leaves a packet in L cycles. */
export function worstRows(card: CardDescription): Row[] {
  const object = assemble(recurrence);
  const [program] = object.programs;
  if (program === undefined) return [];
  const session = new Session(object, program, { keepRecordings: true, assume: false });
  session.run({ data: new Uint8Array(60) });
  const trace = session.traces[0]?.trace;
  const lowered = trace && lowerTrace(trace.code, object.maps, card);
  if (trace === undefined || lowered?.kind !== 'pipelined') return [];
  const reads = lowered.accesses.flatMap(({ value, read }) => (value.op === 'load' ? (read ?? []) : []));
  const writes = lowered.accesses.flatMap(({ write }) => write ?? []);
  const distance = Math.max(...writes) - Math.min(...reads);
  const clock = numberOf(card, 'clock');
  const packets = Array.from({ length: 2000 }, () => new Uint8Array(60));
  const reload = numberOf(card, 'hazards.reload');
  /** Cycles a packet, from what each strategy is (nic/pipeline/hazards.ts); the multiplication is no atomic. */
  const cycles = { forward: distance, atomic: distance + 1, stall: distance + 1, flush: Math.max(...writes) + reload };
  return hazardStrategies.map((strategy): Row => {
    const pipeline = new PipelineMachine(new Machine(object), strategy, reload);
    pipeline.run(packets, () => ({ code: trace.code, lowered }));
    return {
      group: 'pipeline, one element',
      what: `${strategy}, L = ${distance}`,
      unit: 'Mpps',
      published: clock / cycles[strategy],
      model: (clock * packets.length) / (pipeline.cycles - lowered.stages.length),
      wanted: strategy === 'forward' ? 'at least' : 1,
    };
  });
}

/** Half of the stages that eHDL published for the same kind of program. */
const stagesWanted: Readonly<Record<string, readonly [string, number]>> = {
  firewall: ['eHDL firewall 85', 42],
  'lpm-router': ['eHDL router 48', 24],
  nat: ['eHDL DNAT 137', 68],
};

interface Shape {
  readonly stages: number;
  readonly values: number;
  readonly operations: number;
  readonly passes: number;
  readonly packets: number;
}

/** The examples' traces on the card: stages, operations that stand side by side, packets a cycle. */
export async function exampleRows(folder: string, most: number): Promise<Row[]> {
  const card = shippedCard('pipeline');
  if (card === undefined) return [];
  const rows: Row[] = [];
  const widths: number[] = [];
  for (const file of findObjects(folder)) {
    const subject = readSubject(file);
    const packets = await packetsBeside(file, most);
    const program = subject && xdpCandidates(subject.object).at(-1);
    if (subject === undefined || packets === undefined || program === undefined) continue;
    const { object, maps } = subject;
    const session = new Session(object, program, { keepRecordings: true, cacheSize: 256, maps });
    for (const { data, time } of packets) session.run({ data, time });
    const shapes = session.traces.flatMap(({ trace, packets: n }): Shape[] => {
      const lowered = trace && lowerTrace(trace.code, object.maps, card);
      if (trace === undefined || lowered?.kind !== 'pipelined') return [];
      const { stages, operations, passes } = lowered;
      const values = trace.code.values.length;
      return [{ stages: stages.length, values, operations, passes, packets: n }];
    });
    const name = (file.name.split('/').at(-1) ?? '').replace(/\.o$/, '');
    const group = `pipeline, ${name}`;
    const sum = (of: (shape: Shape) => number): number => shapes.reduce((all, shape) => all + of(shape), 0);
    const hits = Math.max(
      1,
      sum((shape) => shape.packets),
    );
    const meanStages = sum(({ stages, packets: n }) => stages * n) / hits;
    const width = sum(({ values, stages, packets: n }) => (values / Math.max(1, stages)) * n) / hits;
    widths.push(width);
    const [source, half] = stagesWanted[name] ?? ['the card', numberOf(card, 'units.stages')];
    rows.push(
      {
        group,
        what: `stages a packet (${source})`,
        unit: 'stages',
        published: half,
        model: meanStages,
        wanted: 'at most',
      },
      {
        group,
        what: 'hits at one packet a cycle',
        unit: '%',
        published: 100,
        model: (100 * sum(({ passes, packets: n }) => (passes === 1 ? n : 0))) / hits,
        wanted: 'at least',
      },
      {
        group,
        what: `traces of ${session.traces.length} that fit`,
        unit: 'traces',
        published: session.traces.length,
        model: shapes.length,
        wanted: 'at least',
      },
    );
  }
  if (widths.length > 0)
    rows.push({
      group: 'pipeline, examples',
      what: 'values of a trace a stage, mean',
      unit: 'a stage',
      published: 3,
      model: widths.reduce((sum, width) => sum + width, 0) / widths.length,
      wanted: 'at least',
    });
  return rows;
}
