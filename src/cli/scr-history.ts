/** `jitnic scr history CAPTURE --cores N -w DIR`: what a sequencer makes of a capture, a capture for each core. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { exitCodes, InputError, UsageError } from '../base/index.js';
import { shippedCard } from '../nic/index.js';
import { pickProgram } from '../object/index.js';
import {
  addedBytes,
  analyzeScr,
  coresThatFit,
  HistorySequencer,
  headerItems,
  headerLayout,
  type ItemSource,
  layoutFor,
  maxXdpFrame,
  type ScrLayout,
  Sequencer,
  sequencerFigures,
} from '../scr/index.js';
import { count, formatTable, wholeNumber } from '../text/index.js';
import { openCaptureFile } from './capture-input.js';
import { CaptureOutput } from './capture-output.js';
import type { Io } from './command.js';
import { fileError } from './files.js';
import { openProgramFile } from './program-file.js';
import type { ScrFlags, ScrOperation } from './scr-operation.js';
import { Steps } from './steps.js';

/** Where items come from, and what they look like. */
interface Items {
  readonly layout: ScrLayout;
  readonly source: ItemSource;
  readonly program: string | undefined;
}

/** Exit 3 where a frame is longer than what cores take. JSON: `jitnic.scr-history/1`. */
export const historyOperation: ScrOperation = {
  name: 'history',
  summary: 'a capture for each core, each packet behind the history that the core needs',
  example: 'jitnic scr history in.pcap --object prog.o --cores 8 -w out/',
  flags: ['cores', 'write', 'object', 'lossRecovery', 'frame'],
  declare: (command) => {
    command
      .option('-w, --write <dir>', 'folder for core-0.pcap, core-1.pcap, ...')
      .option('--object <file>', 'program whose metadata is sent (default: addresses, ports, TCP, time of IPv4: 30 B)')
      .option('--loss-recovery', 'a number before the history');
  },
  run: async ([capture, name], flags, io) => {
    if (capture === undefined) throw new UsageError('history of which capture?', {}, historyOperation.example);
    const cores = wholeNumber('--cores', flags['cores'] as string | undefined, 1, 64);
    if (cores === undefined) throw new UsageError('`scr history` needs `--cores`', {}, historyOperation.example);
    const folder = flags['write'];
    if (typeof folder !== 'string') throw new UsageError('`scr history` needs `-w`', {}, historyOperation.example);
    if (folder === '-') throw new UsageError('`-w -` is no folder, and there are as many captures as cores');
    const most = wholeNumber('--frame', flags['frame'] as string | undefined, 64) ?? maxXdpFrame;
    const { layout, source, program } = await itemsOf(flags, name, cores, io);
    const input = await openCaptureFile(capture, io);
    try {
      mkdirSync(folder, { recursive: true });
    } catch (error) {
      throw fileError(error, folder);
    }
    const files = Array.from({ length: cores }, (_, core) => join(folder, `core-${core}.pcap`));
    const outputs = await Promise.all(files.map((file) => CaptureOutput.open(file, io)));
    const packets = new Array<number>(cores).fill(0);
    const bytes = new Array<number>(cores).fill(0);
    let length = 0;
    const sequencer = new HistorySequencer(layout, source);
    const interrupt = io.catchInterrupt();
    for await (const { data, time } of input.packets()) {
      if (interrupt.requested) break;
      const { core, frame } = sequencer.next(data, time);
      if (frame.length > most) throw tooLong(capture, sequencer.packets, data.length, frame.length, layout, most);
      const output = outputs[core] as CaptureOutput;
      output.writer.write({ data: frame, time });
      await output.flush();
      packets[core] = (packets[core] as number) + 1;
      bytes[core] = (bytes[core] as number) + frame.length;
      length += data.length;
    }
    for (const output of outputs) await output.close();
    if (input.damage !== undefined) io.info(`${capture}: ${input.damage}`);
    if (sequencer.stale > 0)
      io.info(
        `${capture}: ${count(sequencer.stale, 'packet')} after a pause longer than the ${layout.clock?.bits} bits of the ` +
          "items' clock: cores take older items for younger ones",
      );
    const total = sequencer.packets;
    const mean = total === 0 ? 60 : length / total;
    const card = shippedCard('pipeline');
    const figures = card === undefined ? undefined : sequencerFigures(card, layout, mean);
    const steps = new Steps(io, interrupt.requested);
    if (io.flags.json) {
      io.json('jitnic.scr-history/1', {
        program,
        cores,
        metadata_bytes: layout.metadataBytes,
        number_bytes: layout.numberBytes,
        added_bytes: addedBytes(layout),
        packets: total,
        files: files.map((file, core) => ({ file, packets: packets[core] ?? 0, bytes: bytes[core] ?? 0 })),
        fields: layout.fields.map(({ name: field, bit, bits, source: from }) => ({
          name: field,
          bit,
          bits,
          source: from,
        })),
        model: figures && {
          card: card?.name ?? '',
          rows: figures.rows,
          rows_there: figures.rowsThere,
          stage_mpps: figures.stage,
          wire_mpps: figures.wire,
          pcie_mpps: figures.pcie,
          line_rate_mpps: figures.line,
        },
        ...steps.json(),
      });
      return steps.exitCode ?? exitCodes.ok;
    }
    io.out(
      formatTable(
        [
          { title: 'core' },
          { title: 'capture' },
          { title: 'packets', align: 'right' },
          { title: 'bytes', align: 'right' },
        ],
        files.map((file, core) => [String(core), file, packets[core] ?? 0, bytes[core] ?? 0]),
        '',
        io.width,
      ),
    );
    io.out(
      `\n${count(layout.metadataBytes, 'byte')} an item, ${count(addedBytes(layout), 'byte')} before each packet\n`,
    );
    if (figures !== undefined) {
      const rows = `${figures.rows} of ${figures.rowsThere} rows`;
      const rates = `stage ${figures.stage.toFixed(1)}, wire ${figures.wire.toFixed(1)}, PCIe ${figures.pcie.toFixed(1)} Mpps`;
      io.out(
        `card ${card?.name} (model), packets of ${mean.toFixed(0)} B: ${rows}; ${rates}; line rate ${figures.line.toFixed(1)} Mpps\n`,
      );
      if (figures.rows > figures.rowsThere)
        io.info(`the card's ring holds items of ${count(figures.mostCores, 'core')}`);
    }
    if (steps.exitCode !== undefined) io.info(steps.text().trimEnd());
    return steps.exitCode ?? exitCodes.ok;
  },
};

/** The program's items, or those that suit none in particular. */
async function itemsOf(flags: ScrFlags, name: string | undefined, cores: number, io: Io): Promise<Items> {
  const hasNumbers = flags['lossRecovery'] === true;
  const file = flags['object'];
  if (typeof file !== 'string')
    return { layout: headerLayout(cores, hasNumbers), source: headerItems, program: undefined };
  const object = await openProgramFile(file, io, flags);
  const program = pickProgram(object, name);
  const { verdict, metadata } = await io.work('analyzing', () => analyzeScr(object, program));
  if (verdict === 'not replicable')
    throw new InputError(`\`${program.name}\` cannot be replicated`, { file }, `why: jitnic scr analyze ${file}`);
  if (verdict === 'no state')
    throw new UsageError(`\`${program.name}\` writes no state: it needs no replication`, { file });
  return { layout: layoutFor(metadata, cores, hasNumbers), source: new Sequencer(metadata), program: program.name };
}

function tooLong(
  file: string,
  packet: number,
  length: number,
  frame: number,
  layout: ScrLayout,
  most: number,
): InputError {
  const fit = coresThatFit(layout, most, length);
  return new InputError(
    `packet ${packet} of ${length} B makes a frame of ${frame} B for ${layout.cores} cores: more than ${most} B`,
    { file },
    fit < 1
      ? 'no number of cores fits; `--frame` says how long frames may be'
      : `--cores ${fit} fits; \`--frame\` says how long frames may be`,
  );
}
