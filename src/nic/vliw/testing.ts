/** For tests: the core beside the interpreter, and whether rows keep the core's rules. */
import type { ObjectSpec } from '../../object/index.js';
import type { Packet } from '../../packet/index.js';
import type { MapsFile } from '../../vm/index.js';
import { type Beside, runEngineBeside } from '../beside.js';
import type { CardDescription } from '../description.js';
import type { CompiledProgram, CompileOptions } from './compile.js';
import { VliwEngine } from './engine.js';
import { type Op, readsOf, writesOf } from './op.js';

/** Runs packets on the core and in the interpreter; `cycles`: what the core took for all of them. */
export function runBeside(
  object: ObjectSpec,
  programName: string,
  packets: Iterable<Packet>,
  card: CardDescription,
  options: Partial<CompileOptions> = {},
  maps?: MapsFile,
): Beside & { readonly cycles: number } {
  let core: VliwEngine | undefined;
  let cycles = 0;
  const result = runEngineBeside(
    object,
    programName,
    packets,
    (machine) => {
      core = new VliwEngine(machine, card, options);
      return core;
    },
    {
      maps,
      ran: () => {
        cycles += core?.cycles ?? 0;
      },
    },
  );
  return { ...result, cycles };
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
