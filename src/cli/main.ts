#!/usr/bin/env node
/** The `jitnic` binary: ties the command line to the process. */
import { type Host, runCli } from './program.js';

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

process.exitCode = await runCli(process.argv.slice(2), host);
