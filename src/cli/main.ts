#!/usr/bin/env node
/** The `jitnic` binary: ties the command line to the process. */
import { statSync } from 'node:fs';
import { openBundle } from './bundle.js';
import type { Host } from './program.js';

/**
 * The command line in a few files (scripts/bundle-cli.mjs), if they are there and no older than the modules that they were made of; else those.
 */
async function loadProgram(): Promise<typeof import('./program.js')> {
  const bundle = new URL('../bundle/program.cjs', import.meta.url);
  const built = statSync(new URL('../.tsbuildinfo', import.meta.url), { throwIfNoEntry: false });
  const bundled = statSync(bundle, { throwIfNoEntry: false });
  if (bundled === undefined || bundled.mtimeMs < (built?.mtimeMs ?? 0)) return import('./program.js');
  return openBundle(new URL('.', bundle)).load('program.cjs') as typeof import('./program.js');
}

const host: Host = {
  out: (text) => {
    process.stdout.write(text);
  },
  err: (text) => {
    process.stderr.write(text);
  },
  outIsTerminal: process.stdout.isTTY === true,
  errIsTerminal: process.stderr.isTTY === true,
  width: process.stdout.columns ?? 100,
  env: process.env,
  stdin: () => process.stdin,
  onInterrupt: (handler) => {
    process.once('SIGINT', handler);
  },
};

// A reader that has seen enough (`jitnic disasm x.o | head`) is no error.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(0);
  });
}

const { runCli } = await loadProgram();
process.exitCode = await runCli(process.argv.slice(2), host);
