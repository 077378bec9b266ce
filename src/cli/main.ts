#!/usr/bin/env node
/**
 * The `jitnic` binary: ties the command line to the process. Also in the package, joined with what it needs before
 * the joined files, as `dist/bundle/main.cjs`: Node takes a tenth longer to start a module than to start CommonJS. So
 * it has no top-level await, and what it names lies as deep from both places.
 */
import { statSync } from 'node:fs';
import { type Bundle, openBundle } from './bundle.js';
import type { Host } from './program.js';

type Program = typeof import('./program.js');

/** Ctrl-C while the command line is still being read: it is heard as soon as there is somebody to hear it. */
let isEarly = false;
const early = (): void => {
  isEarly = true;
};
process.on('SIGINT', early);

/**
 * The command line in a few files (scripts/bundle.mjs), if they are there and no older than the modules that they
 * were made of.
 */
function joinedFiles(args: readonly string[]): Bundle | undefined {
  const folder = new URL('../bundle/', import.meta.url);
  const built = statSync(new URL('../.tsbuildinfo', import.meta.url), { throwIfNoEntry: false });
  const joined = statSync(new URL('program.cjs.br', folder), { throwIfNoEntry: false });
  if (joined === undefined || joined.mtimeMs < (built?.mtimeMs ?? 0)) return undefined;
  // Only names of commands become folders of the cache; anything else shares one.
  const command = args.find((arg) => !arg.startsWith('-')) ?? 'help';
  return openBundle(folder, /^[a-z][a-z-]{0,30}$/.test(command) ? command : 'other');
}

/**
 * Ends the process with what the output did not take. A reader that has seen enough (`jitnic disasm x.o | head`) is no
 * error.
 */
function endWithout(error: NodeJS.ErrnoException, reason: Program['ioReason']): never {
  if (error.code === 'EPIPE') process.exit(0);
  process.stderr.write(`error: stdout: ${reason(error.code)}\n`);
  // exitCodes.input: the frame is not loaded yet, or has already returned.
  process.exit(3);
}

/** What the command line sees of the process. */
const hostOf = ({ breakable }: Program): Host => ({
  out: (text) => {
    process.stdout.write(text);
  },
  err: (text) => {
    process.stderr.write(text);
  },
  outIsTerminal: process.stdout.isTTY === true,
  errIsTerminal: process.stderr.isTTY === true,
  // What goes into a pager is read on the terminal that stderr is.
  width: process.stdout.columns ?? (process.stderr.isTTY ? process.stderr.columns : 100),
  env: process.env,
  stdin: () => process.stdin,
  // Asked for late: Node makes a stream of stdin as soon as it is named.
  get terminal() {
    const { stdin, stdout } = process;
    return stdin.isTTY === true && stdout.isTTY === true ? { input: stdin, output: stdout } : undefined;
  },
  onInterrupt: (handler) => {
    process.on('SIGINT', handler);
    process.off('SIGINT', early);
    if (isEarly) handler();
  },
  breakable,
});

/** Runs the command line to its end. What was compiled of the joined files is kept for the next process. */
async function run(args: readonly string[], program: Program, joined?: Bundle): Promise<void> {
  process.stdout.on('error', (error) => endWithout(error, program.ioReason));
  // What is to be said is lost, and the result is not.
  process.stderr.on('error', () => undefined);
  process.exitCode = await program.runCli(args, hostOf(program));
  // What was broken off may still wait for a pipe or a process, and keep this one.
  if (process.exitCode === 130) process.exit();
  if (!args.includes('--no-cache')) joined?.keep();
}

const args = process.argv.slice(2);
const joined = joinedFiles(args);
if (joined !== undefined) void run(args, joined.load('program.cjs') as Program, joined);
else {
  // A name that nobody joins: the modules stand where they are.
  const modules = new URL('../cli/program.js', import.meta.url).href;
  void import(modules).then((program: Program) => run(args, program));
}
