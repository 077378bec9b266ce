/** Runs a command line inside the test process, with captured streams. */
import type { ExitCode } from '../base/index.js';
import { InterruptedError } from './interrupt.js';
import { type Host, runCli } from './program.js';

/** What came out. */
export interface Captured {
  readonly exitCode: ExitCode;
  readonly out: string;
  /** Stdout as bytes, for `-o -`. */
  readonly outBytes: Uint8Array;
  readonly err: string;
}

/** What surrounds the command line. */
export interface World {
  readonly stdin?: string | Uint8Array;
  readonly env?: Record<string, string>;
  /** Stdout and stderr are a terminal; default false. */
  readonly terminal?: boolean;
  /** Columns; default 100. */
  readonly width?: number;
  /** The phase (see `Io.work`) that Ctrl-C breaks off as it begins. */
  readonly interruptIn?: string;
}

/** Runs one command line. What it would do to the process is in the result. */
export async function captureCli(argv: readonly string[], world: World = {}): Promise<Captured> {
  const out: Buffer[] = [];
  let err = '';
  const host: Host = {
    out: (text) => {
      out.push(Buffer.from(text));
    },
    err: (text) => {
      err += text;
    },
    outIsTerminal: world.terminal ?? false,
    errIsTerminal: world.terminal ?? false,
    width: world.width ?? 100,
    env: world.env ?? {},
    stdin: async function* () {
      yield Buffer.from(world.stdin ?? '');
    },
    onInterrupt: () => undefined,
    breakable: (work, phase) => {
      if (phase === world.interruptIn) throw new InterruptedError(phase);
      return work();
    },
  };
  const exitCode = await runCli(argv, host);
  const outBytes = Buffer.concat(out);
  return { exitCode, out: outBytes.toString('utf8'), outBytes, err };
}
