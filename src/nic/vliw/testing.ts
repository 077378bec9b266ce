/** For tests: the core beside the interpreter, and whether rows keep the core's rules. */
import { Interpreter } from '../../interp/index.js';
import type { ObjectSpec } from '../../object/index.js';
import type { Packet } from '../../packet/index.js';
import { hex } from '../../text/index.js';
import { loadMaps, Machine, type MapsFile } from '../../vm/index.js';
import type { CardDescription } from '../description.js';
import type { CompiledProgram, CompileOptions } from './compile.js';
import { VliwEngine } from './engine.js';
import { type Op, readsOf, writesOf } from './op.js';

/** What a comparison ran on. */
export interface Beside {
  readonly packets: number;
  readonly verdicts: ReadonlySet<number>;
  /** Cycles that the core took for all of them. */
  readonly cycles: number;
  /** The first difference in words. */
  readonly difference: string | undefined;
}

/** Runs packets on both, each on a machine of its own; maps are compared after the last one. */
export function runBeside(
  object: ObjectSpec,
  programName: string,
  packets: Iterable<Packet>,
  card: CardDescription,
  options: Partial<CompileOptions> = {},
  maps?: MapsFile,
): Beside {
  const machines = [new Machine(object), new Machine(object)] as const;
  if (maps !== undefined) for (const machine of machines) loadMaps(machine, maps);
  const engines = [new Interpreter(machines[0]), new VliwEngine(machines[1], card, options)] as const;
  const verdicts = new Set<number>();
  let count = 0;
  let cycles = 0;
  for (const { data, time } of packets) {
    const [wanted, got] = engines.map((engine, i) => {
      const machine = machines[i] as Machine;
      const program = machine.programs.find(({ spec }) => spec.name === programName);
      if (program === undefined) throw new Error(`no program ${programName}`);
      machine.setPacket({ data, ingressIfindex: 1, now: time });
      const outcome = engine.run(program);
      const outputs = machine.outputs.map((output) => JSON.stringify(output, plain));
      const text = `${outcome.r0} ${outcome.trap === undefined ? '' : 'trap'} ${hex(machine.lane.packet.bytes())} ${outputs.join()}`;
      return { text, verdict: outcome.verdict };
    });
    cycles += engines[1].cycles;
    verdicts.add(wanted?.verdict ?? -1);
    if (wanted?.text !== got?.text)
      return { packets: count, verdicts, cycles, difference: `packet ${count}: ${wanted?.text}\n${got?.text}` };
    count++;
  }
  const [before, after] = machines.map((machine) =>
    machine.maps.map((map) => JSON.stringify([...map.entries()], plain)),
  );
  const changed = before?.findIndex((text, i) => text !== after?.[i]) ?? -1;
  const difference =
    changed < 0 ? undefined : `map ${object.maps[changed]?.name}: ${before?.[changed]}\n${after?.[changed]}`;
  return { packets: count, verdicts, cycles, difference };
}

function plain(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  return value instanceof Uint8Array ? hex(value) : value;
}

/** Where rows break a rule of the core: Bernstein's conditions on registers, one call a row, lanes of results. */
export function faultsOfRows({ rows, starts, lanes }: CompiledProgram, readsFirst: boolean): string[] {
  const faults: string[] = [];
  const heads = new Set(starts);
  for (const [at, row] of rows.entries()) {
    const inLanes = row.lanes.filter((each) => each !== undefined);
    const say = (what: string): number => faults.push(`row ${at}: ${what}`);
    if (row.lanes.length !== lanes) say(`${row.lanes.length} lanes`);
    if (row.order.length !== inLanes.length + row.guards.length) say('an operation twice or not at all');
    if (inLanes.filter(({ kind }) => kind === 'call').length > 1) say('two calls');
    for (const one of row.order)
      for (const other of row.order) {
        if (one === other) continue;
        if ((writesOf(one) & writesOf(other)) !== 0) say('two write a register');
        const isRead = (writesOf(one) & readsOf(other)) !== 0;
        const isBehind = row.order.indexOf(one) < row.order.indexOf(other);
        if (isRead && (isBehind || !readsFirst)) say('one reads what another writes');
      }
    const behind = rows[at + 1];
    if (behind === undefined || leaves(row.order)) continue;
    // Control may also come from elsewhere, which takes longer; what falls in has to find its results.
    if (heads.has(at + 1) && row.order.length === 0) continue;
    for (const [lane, each] of row.lanes.entries()) {
      if (each === undefined) continue;
      for (const [next, user] of behind.lanes.entries())
        if (user !== undefined && next !== lane && (writesOf(each) & readsOf(user)) !== 0)
          say(`lane ${next} of the next row reads what lane ${lane} has just written`);
      if (behind.guards.some((guard) => (writesOf(each) & readsOf(guard)) !== 0)) say('a guard reads too early');
    }
  }
  return faults;
}

function leaves(ops: readonly Op[]): boolean {
  return ops.some(({ kind }) => kind === 'jump' || kind === 'exit');
}
