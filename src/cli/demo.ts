/** `jitnic demo`: the main job on a program and traffic that come with the package. No files, no root. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliDecompressSync } from 'node:zlib';
import { decodeUtf8, type ExitCode, exitCodes } from '../base/index.js';
import { Session } from '../runtime/index.js';
import { parseMapsFile } from '../vm/map-json.js';
import { type CliCommand, defineCommand, type Io } from './command.js';
import { readInput } from './files.js';
import { openProgramFile } from './program-file.js';
import { runPackets } from './run-packets.js';
import { exitCodeOf, runJsonIn, runTextIn } from './run-report.js';
import { Steps } from './steps.js';

const names = { object: 'load-balancer.o', maps: 'load-balancer.maps.json', capture: 'traffic.pcap' } as const;

/** Beside `dist/` (or `src/`) in the repository; the package has what `scripts/bundle.mjs` made of it instead. */
const repository = fileURLToPath(new URL('../../examples/load-balancer/', import.meta.url));
const packed = fileURLToPath(new URL('../demo/', import.meta.url));

/** Calls with the folder where the demo's files lie: those of the package are unpacked for as long as that takes. */
async function withFiles<T>(use: (folder: string) => Promise<T>): Promise<T> {
  if (existsSync(join(repository, names.object))) return use(repository);
  const folder = mkdtempSync(join(tmpdir(), 'jitnic-demo-'));
  try {
    for (const name of Object.values(names))
      writeFileSync(join(folder, name), brotliDecompressSync(readFileSync(join(packed, `${name}.br`))));
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Exits as `jitnic run` does. JSON: `jitnic.run/1`. */
export const command: CliCommand = defineCommand<{ readonly check?: true }>({
  declare: (command) => {
    command.option('--check', 'run the plain interpreter beside it, too');
  },
  run: (_operands, options, io) => withFiles((folder) => demo(folder, options.check === true, io)),
});

async function demo(folder: string, check: boolean, io: Io): Promise<ExitCode> {
  const object = await openProgramFile(join(folder, names.object), io);
  const mapsFile = join(folder, names.maps);
  const [program] = object.programs;
  if (program === undefined) return exitCodes.input;
  const contents = parseMapsFile(decodeUtf8(await readInput(mapsFile, io)), mapsFile);
  const maps = { contents, file: mapsFile };
  const session = await io.work('making the maps', () => new Session(object, program, { maps, check }));
  const { time, interrupted } = await runPackets(session, io, { path: join(folder, names.capture) });
  const steps = new Steps(io, interrupted);
  if (!interrupted) await steps.take('comparing what is left', () => session.finish());
  if (io.flags.json) {
    io.json('jitnic.run/1', { ...(await runJsonIn(steps, session, time)), ...steps.json() });
  } else {
    io.out('A layer 4 load balancer (examples/load-balancer) between a host and a card\n');
    io.out('with 64 places for traces. A packet that no trace takes goes to the host,\n');
    io.out('which runs the whole program and gives the card a trace of it.\n\n');
    io.out(await runTextIn(steps, session, io, 5));
    io.out(steps.text());
    io.info(`\n${Math.round(1000 * time.seconds)} ms. Yours next: jitnic run prog.o -r traffic.pcap`);
  }
  return steps.exitCode ?? exitCodeOf(session);
}
