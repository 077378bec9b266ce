/**
 * `jitnic check PATH...`: every object file below the folders, every XDP program in it: would Linux load it, do card
 * and host decide as the interpreter does, does the running kernel say and do the same. A row each.
 */
import { decodeUtf8, exitCodes } from '../base/index.js';
import { Bpf } from '../linux/index.js';
import type { Arrival } from '../runtime/index.js';
import { type Cell, count, formatTable, wholeNumber } from '../text/index.js';
import { RxMetadata } from '../vm/index.js';
import { parseJson } from '../vm/map-json.js';
import { corpusTraffic } from './check/card-run.js';
import { type CheckedRow, checkObject, checkSummary } from './check/check-object.js';
import { findObjects, type ObjectFile } from './check/objects.js';
import { readPackets } from './check/traffic.js';
import { type CliCommand, defineCommand, type Io } from './command.js';
import { readInput } from './files.js';
import { InterruptedError } from './interrupt.js';

interface Options {
  readonly read?: string;
  readonly count?: string;
  readonly cacheSize?: string;
  readonly seed?: string;
  readonly updates?: true;
  readonly devBound?: true;
  readonly rxMetadata?: string;
  /** False for `--no-kernel`. */
  readonly kernel: boolean;
}

/** Packets a program where no capture and no number is given. */
const usualPackets = 1000;

/** Exit 1 if any program failed; refused and skipped ones do not count. JSON: `jitnic.check/1`. */
export const command: CliCommand = defineCommand<Options>({
  declare: (command) => {
    command
      .argument(
        '<path...>',
        'folders of object files, or single ones; contents of maps are NAME.maps.json beside NAME.o',
      )
      .option('-r, --read <file>', 'packets of this capture (default: generated traffic)')
      .option('-c, --count <n>', `packets a program (default ${usualPackets}, or all of the capture)`)
      .option('--cache-size <n>', 'places that the card has', '64')
      .option('--seed <n>', 'seed of traffic and of what fills maps', '1')
      .option('--updates', 'a control plane changes a map before every packet')
      .option('--dev-bound', 'load programs for one network device, as bpf_xdp_metadata_rx_* ask for')
      .option('--rx-metadata <file>', 'what that device knows of frames; with it --dev-bound')
      .option('--no-kernel', 'do not ask the running kernel (default: asked where that may be done)')
      .addHelpText(
        'after',
        '\nExamples:\n  jitnic check build/                      all that a build has made\n' +
          '  jitnic check prog.o -r traffic.pcap      one object, on packets of your own\n' +
          '\nExit 1 if a program differs between engines, or between jitnic and the kernel.',
      );
  },
  run: async (operands, options, io) => {
    const files = operands.filter((path) => path !== undefined).flatMap(findObjects);
    const limit = wholeNumber('--count', options.count, 1);
    const seed = wholeNumber('--seed', options.seed, 0) ?? 1;
    const packets: readonly Arrival[] =
      options.read === undefined
        ? await io.work('making packets', () => corpusTraffic(seed, limit ?? usualPackets))
        : await readPackets(options.read, limit ?? Number.MAX_SAFE_INTEGER);
    const { bpf, notice } = openKernel(options.kernel);
    if (notice !== undefined) io.info(notice);
    // Only what Linux would load runs: a program that the verifier refuses is a row of its own kind.
    const run = {
      cacheSize: wholeNumber('--cache-size', options.cacheSize, 1) ?? 64,
      updates: options.updates === true ? seed : undefined,
      rxMetadata: await rxMetadataOf(options, io),
      verified: true,
    };
    const rows: CheckedRow[] = [];
    const interrupted = !(await checkAll(files, io, (file) => {
      rows.push(...checkObject(file, packets, { run, bpf, seed }));
    }));
    if (io.flags.json)
      io.json('jitnic.check/1', {
        packets: packets.length,
        kernel: bpf !== undefined,
        programs: rows.map(rowJson),
        ...checkSummary(rows),
        ...(interrupted ? { interrupted } : {}),
      });
    else io.out(`${table(rows, io)}${reasons(rows, io)}${summaryText(rows, interrupted)}`);
    if (interrupted) return exitCodes.interrupted;
    return rows.some(({ result }) => result === 'failed') ? exitCodes.negative : exitCodes.ok;
  },
});

/** The table of `--rx-metadata`, or of a device that tells nothing; undefined: there is no device. */
async function rxMetadataOf({ devBound, rxMetadata }: Options, io: Io): Promise<RxMetadata | undefined> {
  if (rxMetadata === undefined) return devBound === true ? new RxMetadata() : undefined;
  return RxMetadata.parse(parseJson(decodeUtf8(await readInput(rxMetadata, io)), rxMetadata), rxMetadata);
}

/** The kernel, or why it is not asked. */
function openKernel(wanted: boolean): { readonly bpf?: Bpf; readonly notice?: string } {
  if (!wanted) return {};
  try {
    return { bpf: Bpf.open() };
  } catch (error) {
    return { notice: `the running kernel is not asked: ${error instanceof Error ? error.message : String(error)}` };
  }
}

/** File by file; false when Ctrl-C came. What was done by then stays. */
async function checkAll(files: readonly ObjectFile[], io: Io, check: (file: ObjectFile) => void): Promise<boolean> {
  const interrupt = io.catchInterrupt();
  for (const file of files) {
    if (interrupt.requested) return false;
    io.detail(1, file.name);
    try {
      await io.work(`checking ${file.name}`, () => check(file));
    } catch (error) {
      if (error instanceof InterruptedError) return false;
      throw error;
    }
  }
  return true;
}

/** Programs that are not XDP are counted and, under `-v`, listed; an object of which nothing ran always has a row. */
function shownRows(rows: readonly CheckedRow[], { flags }: Io): readonly CheckedRow[] {
  if (flags.verbosity > 0) return rows;
  const ran = new Set(rows.filter(({ result }) => result !== 'skipped').map(({ object }) => object));
  const seen = new Set<string>();
  return rows.filter(({ object, result }) => {
    const shown = result !== 'skipped' || (!ran.has(object) && !seen.has(object));
    seen.add(object);
    return shown;
  });
}

/** The rows that are shown, without their reasons. */
function table(rows: readonly CheckedRow[], io: Io): string {
  const columns = [
    { title: 'object', align: 'left' as const },
    { title: 'program', align: 'left' as const },
    { title: 'result', align: 'left' as const },
    { title: 'insns' },
    { title: 'packets' },
    { title: 'card' },
    { title: 'traces' },
    { title: 'kernel', align: 'left' as const },
  ];
  const cells = shownRows(rows, io).map((row): Cell[] => [
    row.object,
    row.program,
    row.result,
    row.insns,
    row.packets,
    row.hitRate,
    row.traces,
    row.kernel ?? '',
  ]);
  return formatTable(columns, cells, '', io.width);
}

/** What is to be said of single programs, a line each, behind the table: reasons are longer than columns are wide. */
function reasons(rows: readonly CheckedRow[], io: Io): string {
  const lines = shownRows(rows, io)
    .filter(({ why }) => why !== '')
    .map(({ object, program, result, why }) => `${`${object} ${program}`.trimEnd()}: ${result}: ${why}\n`);
  return lines.length === 0 ? '' : `\n${lines.join('')}`;
}

/** The last lines: how many programs ended how, and that there would have been more. */
function summaryText(rows: readonly CheckedRow[], interrupted: boolean): string {
  const { passed, failed, refused, skipped } = checkSummary(rows);
  const partial = interrupted ? '\ninterrupted: these are the objects that were done by then' : '';
  return `${partial}\n${count(passed, 'program')} passed, ${failed} failed, ${refused} refused, ${skipped} skipped (not XDP)\n`;
}

/** A program in `jitnic.check/1`; keys of what was not asked are missing. */
function rowJson(row: CheckedRow): Record<string, unknown> {
  return {
    object: row.object,
    name: row.program,
    result: row.result,
    insns: row.insns,
    packets: row.packets,
    verdicts: row.verdicts,
    hit_rate: row.hitRate,
    traces: row.traces,
    updates: row.updates,
    retired: row.retired,
    kernel: row.kernel,
    why: row.why,
  };
}
