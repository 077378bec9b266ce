/**
 * `npm run opt-report -- DIR [-O...] [--markdown]`: every XDP program of a folder of objects through the optimizer: IR
 * instructions as it was translated and after each pass. Exit 1 if the checker finds something.
 */

import { InternalError, UserError } from '../base/index.js';
import { findObjects, loadObject, type ObjectFile } from '../cli/check/objects.js';
import { Unsupported } from '../ir/index.js';
import { worldOfMachine } from '../jit/index.js';
import { sizeMaps, xdpFitness } from '../object/index.js';
import { reportPasses } from '../opt/index.js';
import { formatTable } from '../text/index.js';
import { Verdicts } from '../verifier/index.js';
import { Machine } from '../vm/index.js';
import { negativeIf, oneOperand, optimizationFlag, optimizationOption, runTool } from './tool.js';

const usage = 'npm run opt-report -- DIR [-O...] [--markdown]';

/** Elements of a map whose size the object leaves to its loader. */
const openMapEntries = 64;

/** A program: its bytecode, and IR instructions after each pass by the pass's name, in the order in which they ran. */
interface Row {
  readonly program: string;
  readonly insns: number;
  readonly after: ReadonlyMap<string, number>;
}

await runTool(usage, { ...optimizationOption, markdown: { type: 'boolean', default: false } }, (operands, flags) => {
  const settings = optimizationFlag(flags);
  const rows: Row[] = [];
  let failed = 0;
  for (const file of findObjects(oneOperand(operands, usage))) {
    const machine = machineOf(file);
    if (machine === undefined) continue;
    const verdicts = Verdicts.of(machine.object, { facts: true });
    for (const program of machine.programs) {
      if (program.refusal !== undefined || xdpFitness(program.spec) === 'other') continue;
      if (!verdicts.accepts(program.spec)) {
        console.error(`${file.name} ${program.spec.name}: not verified`);
        continue;
      }
      try {
        const world = worldOfMachine(machine);
        const { steps } = reportPasses(world, program, { verdicts, settings, check: true });
        const after = new Map(steps.map(({ name, insns }) => [name, insns]));
        rows.push({ program: `${file.name} ${program.spec.name}`, insns: program.insns.length, after });
      } catch (error) {
        // The checker's finding is our mistake and fails the run; what the translation does not take is only told.
        if (error instanceof InternalError) failed++;
        else if (!(error instanceof Unsupported)) throw error;
        console.error(`${file.name} ${program.spec.name}: ${error.message}`);
      }
    }
  }
  const names = [...(rows[0]?.after.keys() ?? [])];
  const total: Row = {
    program: `all ${rows.length}`,
    insns: rows.reduce((sum, row) => sum + row.insns, 0),
    after: new Map(names.map((name) => [name, rows.reduce((sum, row) => sum + (row.after.get(name) ?? 0), 0)])),
  };
  const titles = ['program', 'BPF', ...names];
  const cells = [...rows, total].map((row) => [row.program, row.insns, ...names.map((name) => row.after.get(name))]);
  console.log(
    flags['markdown'] === true
      ? markdown(titles, cells)
      : formatTable(
          titles.map((title) => ({ title })),
          cells,
        ),
  );
  return negativeIf(failed);
});

/** Undefined, and a line to stderr, for an object that is not loaded. */
function machineOf(file: ObjectFile): Machine | undefined {
  try {
    return new Machine(sizeMaps(loadObject(file), openMapEntries).object);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    console.error(`${file.name}: ${error.format()}`);
    return undefined;
  }
}

/** The table as docs/optimizer.md has it. */
function markdown(titles: readonly string[], rows: readonly (readonly (string | number | undefined)[])[]): string {
  const line = (cells: readonly (string | number | undefined)[]): string =>
    `| ${cells.map((cell) => cell ?? '').join(' | ')} |`;
  return [line(titles), line(titles.map(() => '---')), ...rows.map(line)].join('\n');
}
