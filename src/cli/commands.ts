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

/** One command in the list. */
export interface CommandRow {
  readonly name: string;
  /** One line, lower case, no full stop. */
  readonly summary: string;
  /** The heading that help lists it under. */
  readonly group: string;
  /** Its module, imported only when it is called. */
  readonly load: () => Promise<{ readonly command: CliCommand }>;
}

/** All commands, in the order in which help lists them. */
export const commandRows: readonly CommandRow[] = [
  {
    name: 'demo',
    summary: 'the main job on a built-in program and traffic',
    group: 'Run packets',
    load: () => import('./demo.js'),
  },
  {
    name: 'show',
    summary: 'programs, maps, sections and BTF of an object file',
    group: 'Understand a program',
    load: () => import('./show.js'),
  },
  {
    name: 'disasm',
    summary: 'print the instructions of an object file',
    group: 'Understand a program',
    load: () => import('./disasm.js'),
  },
  {
    name: 'asm',
    summary: 'assemble text to a loadable object file',
    group: 'Understand a program',
    load: () => import('./asm.js'),
  },
  {
    name: 'verify',
    summary: "accept or refuse programs as Linux's verifier does, and say why",
    group: 'Understand a program',
    load: () => import('./verify.js'),
  },
  {
    name: 'ir',
    summary: 'print the intermediate representation, after all passes or each',
    group: 'Understand a program',
    load: () => import('./ir.js'),
  },
  {
    name: 'opt',
    summary: 'a smaller or faster object file that Linux still accepts',
    group: 'Understand a program',
    load: () => import('./opt.js'),
  },
  {
    name: 'bench',
    summary: 'speed of the engines on one program and packet, side by side',
    group: 'Run packets',
    load: () => import('./bench.js'),
  },
  {
    name: 'test',
    summary: 'run test files: packets, and what is expected of them',
    group: 'Test a program',
    load: () => import('./test.js'),
  },
  {
    name: 'paths',
    summary: 'find paths of a program, with a packet and a test case for each',
    group: 'Test a program',
    load: () => import('./paths.js'),
  },
  {
    name: 'diff',
    summary: 'do two objects decide alike? packets that tell them apart',
    group: 'Test a program',
    load: () => import('./diff.js'),
  },
  {
    name: 'debug',
    summary: 'step through one packet, forward and back, here or in an editor',
    group: 'Test a program',
    load: () => import('./debug.js'),
  },
  {
    name: 'predict',
    summary: 'what packets cost, by class, as formulas; does a new version cost more?',
    group: 'Understand a program',
    load: () => import('./predict.js'),
  },
  {
    name: 'place',
    summary: 'an application over card, XDP, TC and user space: what runs where',
    group: 'Run packets',
    load: () => import('./place.js'),
  },
  {
    name: 'explore',
    summary: 'programs over a space of cards and settings; Pareto fronts',
    group: 'Run packets',
    load: () => import('./explore.js'),
  },
  {
    name: 'run',
    summary: 'run packets through card and host',
    group: 'Run packets',
    load: () => import('./run.js'),
  },
  {
    name: 'trace',
    summary: 'print the traces that a capture yields',
    group: 'Run packets',
    load: () => import('./trace.js'),
  },
  {
    name: 'cache',
    summary: 'hit rate of the trace cache by size and policy, from one run',
    group: 'Run packets',
    load: () => import('./cache.js'),
  },
  {
    name: 'card',
    summary: 'cards as data: list, show, check, and compile for one',
    group: 'Understand a program',
    load: () => import('./card.js'),
  },
  {
    name: 'scr',
    summary: 'one flow over many cores: state-compute replication of a program',
    group: 'Understand a program',
    load: () => import('./scr.js'),
  },
  {
    name: 'live',
    summary: "the running kernel's program, specialised to its tables and traffic",
    group: 'Run packets',
    load: () => import('./live.js'),
  },
  {
    name: 'lab',
    summary: 'a page about a program and its packets, in the browser',
    group: 'Understand a program',
    load: () => import('./lab.js'),
  },
  {
    name: 'map',
    summary: 'read and change map files by map name',
    group: 'Traffic and maps',
    load: () => import('./map.js'),
  },
  {
    name: 'gen',
    summary: 'make synthetic traffic',
    group: 'Traffic and maps',
    load: () => import('./gen.js'),
  },
  {
    name: 'serve',
    summary: 'a daemon that holds cards, programs, maps and what is attached',
    group: 'Cards and daemon',
    load: () => import('./serve.js'),
  },
  {
    name: 'device',
    summary: 'cards that a daemon holds: add, remove, set, show',
    group: 'Cards and daemon',
    load: () => import('./device.js'),
  },
  {
    name: 'prog',
    summary: "programs on cards, in bpftool's words: load, show, dump, pin",
    group: 'Cards and daemon',
    load: () => import('./prog.js'),
  },
  {
    name: 'net',
    summary: 'what runs on network devices: show, attach, detach, traffic',
    group: 'Cards and daemon',
    load: () => import('./net.js'),
  },
  {
    name: 'feature',
    summary: 'what a card can do: probe dev NAME',
    group: 'Cards and daemon',
    load: () => import('./feature.js'),
  },
  {
    name: 'check',
    summary: 'a folder of objects through engines, card and kernel',
    group: 'For other tools',
    load: () => import('./check.js'),
  },
  {
    name: 'completion',
    summary: 'print a completion script for bash, zsh or fish',
    group: 'For other tools',
    load: async () => ({ command: (await import('./completion.js')).completionCommand(commandRows) }),
  },
  {
    name: 'man',
    summary: 'print a manual page, or write all of them',
    group: 'For other tools',
    load: async () => ({ command: (await import('./man.js')).manCommand(commandRows) }),
  },
  {
    name: 'conformance-plugin',
    summary: 'run one program as a bpf_conformance plugin',
    group: 'For other tools',
    load: () => import('./conformance-plugin.js'),
  },
];
