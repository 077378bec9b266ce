/**
 * `npm run compile-time -- DIR [--rounds N] [-O...]`: what compiling the programs of a folder takes in processes that
 * have just started, as the command line compiles them (`jitnic ir --time-passes`): for each program the translation,
 * each pass, code generation with `WebAssembly.Module`, and all of them, in milliseconds by the clock; of N processes
 * (default 7) the fastest, since what else the machine does only adds to it.
 */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { fromObjects } from '../cli/check/objects.js';
import { xdpCandidates } from '../object/index.js';
import { formatTable } from '../text/index.js';
import { numberFlag, oneOperand, optimizationOption, runTool } from './tool.js';

const usage = 'npm run compile-time -- DIR [--rounds N] [-O...]';
// The command line as it was built: what is measured starts as users start it.
const main = fileURLToPath(new URL('../cli/main.js', import.meta.url));

/** One process's times. */
interface Times {
  /** Milliseconds by step, in order. */
  readonly steps: ReadonlyMap<string, number>;
  readonly all: number;
}

await runTool(usage, { ...optimizationOption, rounds: { type: 'string' } }, (operands, flags) => {
  const rounds = Math.max(1, numberFlag(flags, 'rounds', 7));
  const words = Array.isArray(flags['opt']) ? (flags['opt'] as readonly string[]) : [];
  // One program of each object is enough; those before the last are often what it tail-calls.
  const lastPrograms = fromObjects(oneOperand(operands, usage), (object, file) =>
    xdpCandidates(object)
      .slice(-1)
      .map((program) => ({ file, program })),
  );
  const rows = lastPrograms.map(({ file, program }) => {
    const command = [file.path, program.name, ...words.map((word) => `-O${word}`)];
    const runs = Array.from({ length: rounds }, () => compileOnce(command));
    // The fastest run as a whole, not the fastest of each step: its steps add up to what is said of all.
    const best = runs.reduce((a, b) => (b.all < a.all ? b : a));
    return { name: file.name, insns: program.insns.length, ...best };
  });
  const names = [...new Set(rows.flatMap(({ steps }) => [...steps.keys()]))];
  const cells = rows.map(({ name, insns, steps, all }) => [
    name,
    insns,
    ...names.map((step) => steps.get(step)?.toFixed(1)),
    all.toFixed(1),
  ]);
  const columns = ['object', 'BPF', ...names, 'all'].map((title, i) => ({
    title,
    align: i === 0 ? ('left' as const) : ('right' as const),
  }));
  console.log(formatTable(columns, cells));
  return 0;
});

/**
 * Compiles once in a new process and takes the times from its JSON. Code generation, which includes V8's baseline
 * compilation, is the step `code`.
 */
function compileOnce(command: readonly string[]): Times {
  const text = execFileSync(process.execPath, [main, 'ir', ...command, '--time-passes', '--json', '-q'], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  const { passes, code } = JSON.parse(text) as {
    readonly passes: readonly { readonly name: string; readonly ms: number }[];
    readonly code: { readonly ms: number };
  };
  const steps = new Map(passes.map(({ name, ms }) => [name, ms]));
  steps.set('code', code.ms);
  return { steps, all: [...steps.values()].reduce((sum, ms) => sum + ms, 0) };
}
