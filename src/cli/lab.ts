/**
 * `jitnic lab [FILE] [CAPTURE]`: the page about programs and packets, served to this machine. Everything runs in the
 * browser; what is here is files, and a compiler for who drops C.
 */
import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InputError, UnsupportedError } from '../base/index.js';
import { wholeNumber } from '../text/index.js';
import { openCaptureFile } from './capture-input.js';
import { type CliCommand, defineCommand, type Io } from './command.js';
import { describeError, errorJson } from './error-report.js';
import { fileError, readInput } from './files.js';
import { type Served, startLabServer } from './lab-server.js';
import { compileText, readProgramBytes } from './program-file.js';
import { untilEnded } from './until-ended.js';

interface Options {
  readonly port?: string;
  readonly mapsIn?: string;
}

/** Beside this module once it is built; from the sources, what was built last. */
const places = ['../web/', '../../dist/web/'].map((path) => fileURLToPath(new URL(path, import.meta.url)));

/** Serves until Ctrl-C (exit 130) or SIGTERM (exit 0). */
export const command: CliCommand = defineCommand<Options>({
  declare: (command) => {
    command
      .argument('[file]', 'ELF object, .c or .s to open')
      .argument('[capture]', 'pcap or pcapng to run through it, also .gz')
      .option('--maps-in <file>', 'contents of maps before the first packet')
      .option('--port <n>', 'port on 127.0.0.1 (default: one that is free)')
      .addHelpText(
        'after',
        `
Prints the page's address. It is for this machine alone, and what runs there
runs in the browser: no file leaves it.

Examples:
  jitnic lab
  jitnic lab prog.o traffic.pcap --maps-in maps.json
  jitnic lab prog.bpf.c --port 8080`,
      );
  },
  run: async ([file, capture], options, io) => {
    const page = places.find((place) => existsSync(`${place}index.html`));
    if (page === undefined)
      throw new UnsupportedError('the page is not part of this build', {}, 'in the repository: npm run build');
    const port = wholeNumber('--port', options.port, 0) ?? 0;
    const { given, link } = await filesOf(file, capture, options, io);
    const server = await started(page, given, port, io);
    io.out(`${server.url}${link}\n`);
    return untilEnded(io, server.close);
  },
});

/** Files that were named, by their addresses, and the part of the page's address that opens them. */
async function filesOf(
  file: string | undefined,
  capture: string | undefined,
  options: Options,
  io: Io,
): Promise<{ readonly given: ReadonlyMap<string, Served>; readonly link: string }> {
  const given = new Map<string, Served>();
  const link = new URLSearchParams();
  const add = (what: string, name: string, served: Served): void => {
    // Addresses are plain words: whatever else is in a name is of no matter to the page.
    const address = `given/${what}/${name.replace(/[^\w.-]/g, '_')}`;
    given.set(address, served);
    link.set(what, address);
  };
  if (file !== undefined) {
    const bytes = await readProgramBytes(file, io);
    add('object', file === '-' ? 'stdin.o' : basename(file).replace(/\.[cs]$/, '.o'), { bytes });
  }
  if (options.mapsIn !== undefined)
    add('maps', `${basename(options.mapsIn, '.json')}.json`, { bytes: await readInput(options.mapsIn, io) });
  if (capture !== undefined) {
    // Says at once what is wrong with it, where that shows at its beginning.
    if (capture === '-') throw new InputError('a capture on stdin can be read once only', { file: '-' }, 'give a file');
    await openCaptureFile(capture, io);
    add('capture', basename(capture), { path: capture });
  }
  const text = link.toString().replaceAll('%2F', '/');
  return { given, link: text === '' ? '' : `#${text}` };
}

async function started(page: string, given: ReadonlyMap<string, Served>, port: number, io: Io) {
  try {
    return await startLabServer({
      page,
      given,
      port,
      compile: (name, text) => compileText(name, text, io),
      errorText: (error) => errorJson(describeError(error), false),
    });
  } catch (error) {
    throw fileError(error, `127.0.0.1:${port}`);
  }
}
