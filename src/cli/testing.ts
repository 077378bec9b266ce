/** Runs a command line inside the test process, with captured streams. */
import type { ExitCode } from '../base/index.js';
import { type Host, runCli } from './program.js';

export interface Captured {
  readonly exitCode: ExitCode;
  readonly out: string;
  /** Stdout as bytes, for `-o -`. */
  readonly outBytes: Uint8Array;
  readonly err: string;
}

export async function captureCli(
  argv: readonly string[],
  world: { stdin?: string | Uint8Array; env?: Record<string, string>; terminal?: boolean } = {},
): Promise<Captured> {
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
    width: 100,
    env: world.env ?? {},
    stdin: async function* () {
      yield Buffer.from(world.stdin ?? '');
    },
    onInterrupt: () => undefined,
  };
  const exitCode = await runCli(argv, host);
  const outBytes = Buffer.concat(out);
  return { exitCode, out: outBytes.toString('utf8'), outBytes, err };
}
