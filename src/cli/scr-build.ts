/** `jitnic scr build FILE [PROG] --cores N -o OUT`: the object that takes a sequencer's frames. */
import { exitCodes, UsageError } from '../base/index.js';
import { objectImage, pickProgram, writeElf } from '../object/index.js';
import { analyzeScr, buildScr } from '../scr/index.js';
import { count, wholeNumber } from '../text/index.js';
import { writeOutput } from './files.js';
import { openProgramFile } from './program-file.js';
import { exitOf, findingText } from './scr-analyze.js';
import type { ScrOperation } from './scr-operation.js';

/** Exit 1 where the program cannot be replicated, 3 where frames would not fit. JSON: `jitnic.scr-build/1`. */
export const buildOperation: ScrOperation = {
  name: 'build',
  summary: 'an XDP object for so many cores, which replays the history in front of each packet',
  example: 'jitnic scr build prog.o --cores 8 -o scr.o',
  flags: ['cores', 'output', 'frame', 'packet'],
  declare: (command) => {
    command
      .option('--cores <n>', 'cores that share the program, 1 to 64')
      .option('-o, --output <file>', 'file to write, or - for stdout')
      .option('--frame <bytes>', 'largest frame between sequencer and cores (default: 3520, XDP without fragments)')
      .option('--packet <bytes>', 'largest packet, Ethernet header included (default: 1514)');
  },
  run: async ([file, name], flags, io) => {
    if (file === undefined) throw new UsageError('build of which program?', {}, buildOperation.example);
    const { output } = flags;
    const number = (flag: 'cores' | 'frame' | 'packet', least: number, most: number): number | undefined =>
      wholeNumber(`--${flag}`, flags[flag] as string | undefined, least, most);
    const cores = number('cores', 1, 64);
    if (cores === undefined) throw new UsageError('`scr build` needs `--cores`', {}, buildOperation.example);
    if (typeof output !== 'string') throw new UsageError('`scr build` needs `-o`', {}, buildOperation.example);
    if (output === '-' && io.flags.json) throw new UsageError('`-o -` and `--json` both want stdout');
    const frameBytes = number('frame', 64, 65535);
    const packetBytes = number('packet', 14, 65535);
    const object = await openProgramFile(file, io, flags);
    const program = pickProgram(object, name);
    const analysis = await io.work('analyzing', () => analyzeScr(object, program));
    for (const finding of analysis.findings) io.info(`${finding.weight}: ${findingText(finding)}`);
    if (analysis.verdict === 'not replicable') {
      io.err(`error: ${object.name}: \`${program.name}\` cannot be replicated\n`);
      return exitOf(analysis);
    }
    if (analysis.verdict === 'no state')
      throw new UsageError(`\`${program.name}\` writes no state: it needs no replication`, { file: object.name });
    const built = await io.work('building', () => buildScr(analysis.metadata, { cores, frameBytes, packetBytes }));
    const bytes = writeElf(objectImage(built.object, { core: 'applied' }));
    await writeOutput(output, bytes, io);
    const [entry] = built.object.programs;
    if (io.flags.json)
      io.json('jitnic.scr-build/1', {
        program: program.name,
        entry: entry?.name ?? '',
        cores,
        metadata_bytes: built.layout.metadataBytes,
        added_bytes: built.addedBytes,
        replay_insns: built.replayInsns,
        bytes: bytes.length,
      });
    else
      io.info(
        `${output}: \`${entry?.name}\` for ${count(cores, 'core')}, ${count(built.addedBytes, 'byte')} before each packet, ${count(built.replayInsns, 'instruction')} an item`,
      );
    return exitCodes.ok;
  },
};
