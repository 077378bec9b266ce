/**
 * The table of commands. To add `jitnic foo`:
 *
 * 1. Write `src/cli/foo.ts`:
 *
 *        export const command: CliCommand = defineCommand<{ seed?: string }>({
 *          declare: (command) => {
 *            command.argument('<file>', 'ELF object, .c, .s, or -').option('--seed <n>', 'seed of all randomness');
 *          },
 *          run: async ([file = '-'], options, io) => {
 *            const object = await openProgramFile(file, io);
 *            if (io.flags.json) io.json('jitnic.foo/1', { programs: object.programs.length });
 *            else io.out(formatTable([{ title: 'program' }], object.programs.map((program) => [program.name])));
 *            return exitCodes.ok;
 *          },
 *        });
 *
 * 2. Add its row here, in the order in which help lists them. Its module is imported only when it is called.
 *
 * The frame (program.ts) gives every command `-j -p -q -v --color --no-progress` as `io.flags`, turns thrown errors
 * into text or JSON and an exit code, and treats any other exception as a bug of ours (exit 70). A command throws
 * `UsageError` for flags that make no sense, writes through `io` only, never touches `process`, and returns its exit
 * code: `exitCodes.negative` for a negative answer. Files are read through program-file.ts, tables and JSON printed
 * through output.ts. Test it with `captureCli` from testing.ts.
 */
import type { CliCommand } from './command.js';

export interface CommandRow {
  readonly name: string;
  /** One line, lower case, no full stop. */
  readonly summary: string;
  readonly load: () => Promise<{ readonly command: CliCommand }>;
}

export const commandRows: readonly CommandRow[] = [
  {
    name: 'demo',
    summary: 'the main job on a built-in program and traffic',
    load: () => import('./demo.js'),
  },
  {
    name: 'show',
    summary: 'programs, maps, sections and BTF of an object file',
    load: () => import('./show.js'),
  },
  {
    name: 'disasm',
    summary: 'print the instructions of an object file',
    load: () => import('./disasm.js'),
  },
  {
    name: 'asm',
    summary: 'assemble text to a loadable object file',
    load: () => import('./asm.js'),
  },
  {
    name: 'verify',
    summary: "accept or refuse programs as Linux's verifier does, and say why",
    load: () => import('./verify.js'),
  },
  {
    name: 'ir',
    summary: 'print the intermediate representation, after all passes or each',
    load: () => import('./ir.js'),
  },
  {
    name: 'bench',
    summary: 'speed of the engines on one program and packet, side by side',
    load: () => import('./bench.js'),
  },
  {
    name: 'run',
    summary: 'run packets through card and host',
    load: () => import('./run.js'),
  },
  {
    name: 'trace',
    summary: 'print the traces that a capture yields',
    load: () => import('./trace.js'),
  },
  {
    name: 'cache',
    summary: 'hit rate of the trace cache by size and policy, from one run',
    load: () => import('./cache.js'),
  },
  {
    name: 'map',
    summary: 'read and change map files by map name',
    load: () => import('./map.js'),
  },
  {
    name: 'gen',
    summary: 'make synthetic traffic',
    load: () => import('./gen.js'),
  },
  {
    name: 'conformance-plugin',
    summary: 'run one program as a bpf_conformance plugin',
    load: () => import('./conformance-plugin.js'),
  },
];
