/** `jitnic demo`: the main job on a program and traffic that come with the package. No files, no root. */
import { fileURLToPath } from 'node:url';
import { decodeUtf8, exitCodes } from '../base/index.js';
import { Session } from '../runtime/index.js';
import { parseMapsFile } from '../vm/map-json.js';
import { type CliCommand, defineCommand } from './command.js';
import { readInput } from './files.js';
import { openProgramFile } from './program-file.js';
import { runPackets } from './run-packets.js';
import { exitCodeOf, runJsonIn, runTextIn } from './run-report.js';
import { Steps } from './steps.js';

/** `examples/` lies beside `dist/` (or `src/`). */
function example(path: string): string {
  return fileURLToPath(new URL(`../../examples/${path}`, import.meta.url));
}

/** Exits as `jitnic run` does. JSON: `jitnic.run/1`. */
export const command: CliCommand = defineCommand<{ readonly check?: true }>({
  declare: (command) => {
    command.option('--check', 'run the plain interpreter beside it, too');
  },
  run: async (_operands, options, io) => {
    const object = await openProgramFile(example('load-balancer/load-balancer.o'), io);
    const mapsFile = example('load-balancer/load-balancer.maps.json');
    const [program] = object.programs;
    if (program === undefined) return exitCodes.input;
    const contents = parseMapsFile(decodeUtf8(await readInput(mapsFile, io)), mapsFile);
    const session = new Session(object, program, { maps: { contents, file: mapsFile }, check: options.check === true });
    const { time, interrupted } = await runPackets(session, io, { path: example('load-balancer/traffic.pcap') });
    const steps = new Steps(io, interrupted);
    if (!interrupted) steps.take('comparing what is left', () => session.finish());
    if (io.flags.json) {
      io.json('jitnic.run/1', { ...runJsonIn(steps, session, time), ...steps.json() });
    } else {
      io.out('A layer 4 load balancer (examples/load-balancer) between a host and a card\n');
      io.out('with 64 places for traces. A packet that no trace takes goes to the host,\n');
      io.out('which runs the whole program and gives the card a trace of it.\n\n');
      io.out(runTextIn(steps, session, io, 5));
      io.out(steps.text());
      io.info(`\n${Math.round(1000 * time.seconds)} ms. Yours next: jitnic run prog.o -r traffic.pcap`);
    }
    return steps.exitCode ?? exitCodeOf(session);
  },
});
