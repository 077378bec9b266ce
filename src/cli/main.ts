#!/usr/bin/env node
/** The `jitnic` binary: ties the command line to the process. */
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
 * were made of; else those.
 */
async function loadProgram(args: readonly string[]): Promise<{ readonly program: Program; readonly bundle?: Bundle }> {
  const bundle = new URL('../bundle/program.cjs.br', import.meta.url);
  const built = statSync(new URL('../.tsbuildinfo', import.meta.url), { throwIfNoEntry: false });
  const bundled = statSync(bundle, { throwIfNoEntry: false });
  if (bundled === undefined || bundled.mtimeMs < (built?.mtimeMs ?? 0))
    return { program: await import('./program.js') };
  // Only names of commands become folders of the cache; anything else shares one.
  const command = args.find((arg) => !arg.startsWith('-')) ?? 'help';
  const opened = openBundle(new URL('.', bundle), /^[a-z][a-z-]{0,30}$/.test(command) ? command : 'other');
  return { program: opened.load('program.cjs') as Program, bundle: opened };
}

const args = process.argv.slice(2);
const { program, bundle } = await loadProgram(args);
const { breakable, ioReason, runCli } = program;

/**
 * Ends the process with what the output did not take. A reader that has seen enough (`jitnic disasm x.o | head`) is no
 * error.
 */
function endWithout(error: NodeJS.ErrnoException): never {
  if (error.code === 'EPIPE') process.exit(0);
  process.stderr.write(`error: stdout: ${ioReason(error.code)}\n`);
  // exitCodes.input: the frame is not loaded yet, or has already returned.
  process.exit(3);
}
process.stdout.on('error', endWithout);
// What was to be said is lost, and the result is not.
process.stderr.on('error', () => undefined);

const host: Host = {
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
  terminal:
    process.stdin.isTTY === true && process.stdout.isTTY === true
      ? { input: process.stdin, output: process.stdout }
      : undefined,
  onInterrupt: (handler) => {
    process.on('SIGINT', handler);
    process.off('SIGINT', early);
    if (isEarly) handler();
  },
  breakable,
};

process.exitCode = await runCli(args, host);
// What was broken off may still wait for a pipe or a process, and keep this one.
if (process.exitCode === 130) process.exit();
if (!args.includes('--no-cache')) bundle?.keep();
