/** `jitnic run`: packets through card and host. */
import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type ExitCode, exitCodes, UsageError } from '../base/index.js';
import { type Packet, summarize } from '../packet/index.js';
import { verdictName } from '../platform/index.js';
import { Timeline } from '../report/index.js';
import type { PacketResult, Session } from '../runtime/index.js';
import { dumpMaps } from '../vm/map-json.js';
import { openCaptureFile } from './capture-input.js';
import { CaptureOutput } from './capture-output.js';
import { type CliCommand, defineCommand, type Io } from './command.js';
import { formatNumber, hex, jsonText } from './output.js';
import { fileError } from './program-file.js';
import { Progress } from './progress.js';
import { reportText, writeReport } from './report.js';
import { declareRunFlags, openProgram, openSession, type RunFlags, readMapsIn, wholeNumber } from './run-options.js';
import { runJson, runText } from './run-report.js';

interface Options extends RunFlags {
  readonly write?: string;
  readonly mapsOut?: string;
  readonly maps?: true;
  readonly hex?: true;
  readonly report?: string;
}

export const command: CliCommand = defineCommand<Options>({
  declare: (command) => {
    declareRunFlags(command);
    command
      .option('-w, --write <file>', 'what leaves (PASS, TX, REDIRECT) with verdicts as comments: pcapng')
      .option('--maps-out <file>', 'contents of maps after the last packet')
      .option('--maps', 'print the contents of maps')
      .option('--report <file>', 'a page about the traces: tree, conditions, code before and after (HTML)')
      .option('-n', 'addresses as numbers, which they always are here')
      .option('-x, --hex', 'print each packet with its verdict and bytes');
  },
  run: async ([file = '-', program], options, io) => {
    if (options.read === undefined)
      throw new UsageError('no packets: `-r FILE` is missing', {}, 'make some: jitnic gen -w traffic.pcap');
    if (file === '-' && options.read === '-') throw new UsageError('program and capture cannot both come from stdin');
    if ((options.write === '-' || options.mapsOut === '-') && io.flags.json)
      throw new UsageError('two things want stdout');
    if (options.hex && io.flags.json) throw new UsageError('`-x` and `--json` exclude each other');
    if (options.write !== undefined && options.write !== '-' && resolve(options.write) === resolve(options.read)) {
      throw new UsageError(
        `\`-w ${options.write}\` would overwrite the capture that is read`,
        {},
        'write to another file',
      );
    }
    if (options.engine === 'kernel') return runKernel(file, program, options, io);
    const timeline = options.report === undefined ? undefined : new Timeline();
    if (timeline !== undefined) requireReportable(options);
    const session = await openSession(file, program, options, io, { keepRecordings: timeline !== undefined });
    const interrupted = await runPackets(session, options, io, timeline);
    const difference = interrupted ? undefined : session.finish();
    const maps = options.maps || options.mapsOut !== undefined ? dumpMaps(session.runtime.machine) : undefined;
    if (options.mapsOut !== undefined) await writeText(options.mapsOut, jsonText(maps, true), io);
    if (timeline !== undefined && options.report !== undefined)
      await writeReport(options.report, reportText(session, timeline, options.read), io);
    if (io.flags.json) io.json('jitnic.run/1', { ...runJson(session), ...(options.maps ? maps : {}) });
    else if (options.write !== '-' && options.mapsOut !== '-') {
      io.out(runText(session, io));
      if (options.maps) io.out(`\n${jsonText(maps, true)}`);
    }
    if (interrupted) return exitCodes.interrupted;
    return difference === undefined ? (exitCodes.ok as ExitCode) : exitCodes.negative;
  },
});

function requireReportable(options: Options): void {
  if (options.card === false || options.engine === 'interp' || options.verify === false)
    throw new UsageError('`--report` is about traces, and without a card there are none');
  if (options.report === '-')
    throw new UsageError('two things want stdout', {}, 'jitnic trace --dump html prints the page');
}

/** Flags that only jitnic's own engines follow. */
const ownFlags = [
  'check',
  'seed',
  'clock',
  'cpus',
  'fib',
  'sockets',
  'mapsScript',
  'mapsOut',
  'maps',
  'hex',
  'report',
  'cacheSize',
  'policy',
] as const;

async function runKernel(file: string, name: string | undefined, options: Options, io: Io): Promise<ExitCode> {
  const given = ownFlags.find((flag) => options[flag] !== undefined);
  if (given !== undefined)
    throw new UsageError(
      `\`--engine kernel\` and \`--${given.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)}\` exclude each other`,
    );
  const { object, program } = await openProgram(file, name, options, io);
  const kernelOptions = {
    read: options.read ?? '-',
    write: options.write,
    limit: wholeNumber('--count', options.count, 1) ?? Number.POSITIVE_INFINITY,
    maps: await readMapsIn(options, io),
    ingressIfindex: wholeNumber('--ifindex', options.ifindex, 0),
  };
  const { runOnKernel } = await import('./run-kernel.js');
  return runOnKernel(object, program, kernelOptions, io);
}

async function writeText(path: string, text: string, io: Io): Promise<void> {
  if (path === '-') {
    io.out(text);
    return;
  }
  try {
    await writeFile(path, text);
  } catch (error) {
    throw fileError(error, path);
  }
}

/** Runs the capture; true if it was interrupted. */
async function runPackets(
  session: Session,
  options: Options,
  io: Io,
  timeline: Timeline | undefined,
): Promise<boolean> {
  const path = options.read ?? '-';
  const limit = wholeNumber('--count', options.count, 1) ?? Number.POSITIVE_INFINITY;
  const input = await openCaptureFile(path, io);
  const output =
    options.write === undefined ? undefined : await CaptureOutput.open(options.write, io, { format: 'pcapng' });
  const interrupt = io.catchInterrupt();
  const progress = new Progress(io);
  let tooLong = 0;
  for await (const packet of input.packets()) {
    if (packet.data.length > maxPacket) {
      tooLong++;
      continue;
    }
    const result = session.run(packet);
    timeline?.note(session.runtime);
    if (output !== undefined) await writeLeaving(session, packet, result, output);
    if (options.hex)
      io.out(
        `${session.runtime.packets} ${verdictName(result.verdict)} ${summarize(packet.data)}\n  ${hex(session.runtime.machine.packetBytes())}\n`,
      );
    if (session.difference !== undefined || session.runtime.packets >= limit) break;
    if (session.runtime.packets % 1024 === 0) {
      // A turn of the event loop: only there are Ctrl-C and a closed pipe noticed.
      await new Promise((done) => setImmediate(done));
      progress.show(session.runtime.packets);
      if (interrupt.requested) break;
    }
  }
  progress.clear();
  await output?.close();
  if (input.damage !== undefined)
    io.info(`${path}: ${input.damage}; ${formatNumber(session.runtime.packets)} packets were read before`);
  if (tooLong > 0)
    io.info(`${path}: ${formatNumber(tooLong)} packets are longer than a frame can be and were left out`);
  return interrupt.requested;
}

/** Longest packet that the packet buffer takes. */
const maxPacket = 0x40000;

async function writeLeaving(
  session: Session,
  packet: Packet,
  result: PacketResult,
  output: CaptureOutput,
): Promise<void> {
  const verdict = verdictName(result.verdict);
  if (verdict === 'ABORTED' || verdict === 'DROP') return;
  const { machine } = session.runtime;
  const comments = [verdict === 'REDIRECT' ? `REDIRECT ${describeRedirect(machine.redirect)}` : verdict];
  output.writer.write({ data: machine.packetBytes(), time: packet.time, comments });
  await output.flush();
}

function describeRedirect(target: Session['runtime']['machine']['redirect']): string {
  switch (target?.kind) {
    case 'interface':
      return `to interface ${target.ifindex}`;
    case 'devmap':
      return `by ${target.map}[${target.key}] to interface ${target.ifindexes.join(', ')}`;
    case 'cpumap':
      return `by ${target.map}[${target.key}] to CPU ${target.cpu}`;
    case 'xskmap':
      return `by ${target.map}[${target.key}] to socket ${target.socket}`;
    default:
      return 'to nowhere';
  }
}
