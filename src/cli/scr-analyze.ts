/** `jitnic scr analyze FILE [PROG]`: what of a program is state, and what a core must know of others' packets. */
import { type ExitCode, exitCodes, UsageError } from '../base/index.js';
import { pickProgram } from '../object/index.js';
import { analyzeScr, type Finding, type ScrAnalysis } from '../scr/index.js';
import { count, formatTable } from '../text/index.js';
import type { Io } from './command.js';
import { openProgramFile } from './program-file.js';
import type { ScrOperation } from './scr-operation.js';

/** Exit 1 where the program cannot be replicated. JSON: `jitnic.scr-analyze/1`. */
export const analyzeOperation: ScrOperation = {
  name: 'analyze',
  summary: 'state, metadata, bytes a packet, replay cost, and whether it can be replicated at all',
  example: 'jitnic scr analyze prog.o',
  flags: [],
  declare: () => undefined,
  run: async ([file, name], flags, io) => {
    if (file === undefined) throw new UsageError('analyze which program?', {}, 'jitnic scr analyze prog.o');
    const object = await openProgramFile(file, io, flags);
    const program = pickProgram(object, name);
    const analysis = await io.work('analyzing', () => analyzeScr(object, program));
    if (io.flags.json) io.json('jitnic.scr-analyze/1', analysisJson(analysis));
    else print(analysis, io);
    return exitOf(analysis);
  },
};

/** A program that needs no replication is a positive answer. */
export function exitOf({ verdict }: ScrAnalysis): ExitCode {
  return verdict === 'not replicable' ? exitCodes.negative : exitCodes.ok;
}

/** A finding in one line. */
export function findingText({ code, what, file, line, insn }: Finding): string {
  const where = file === undefined ? (insn < 0 ? '' : `slot ${insn}: `) : `${file}:${line}: `;
  return `${where}${what} [${code}]`;
}

function analysisJson(analysis: ScrAnalysis): Record<string, unknown> {
  const { program, maps, verdict, findings, metadata, mostCores, replay, added } = analysis;
  const { layout } = metadata;
  return {
    program: program.name,
    verdict,
    maps: maps.map(({ spec, role, otherWriters }) => ({
      name: spec.name,
      type: spec.type,
      role,
      other_writers: otherWriters,
    })),
    metadata: {
      bytes: layout.metadataBytes,
      presence: layout.presence.kind,
      clock_bits: layout.clock?.bits ?? 0,
      fields: layout.fields,
    },
    added_bytes: added,
    most_cores: mostCores,
    ...(replay === undefined ? {} : { replay }),
    findings: findings.map(({ code, weight, what, file, line, insn }) => ({
      code,
      weight,
      what,
      ...(file === undefined ? {} : { file, line }),
      insn,
    })),
  };
}

function print(analysis: ScrAnalysis, io: Io): void {
  const { program, maps, verdict, findings, metadata, mostCores, replay, added } = analysis;
  const { layout } = metadata;
  const { bold } = io.style;
  const table = (titles: readonly string[], rows: readonly (readonly (string | number)[])[]): void =>
    io.out(
      formatTable(
        titles.map((title) => ({ title })),
        rows,
        '',
        io.width,
      ),
    );
  switch (verdict) {
    case 'no state':
      io.out(`${bold(program.name)} writes no state: it needs no replication, each core runs it as it is\n`);
      break;
    case 'replicable':
      io.out(`${bold(program.name)} can be replicated: ${count(layout.metadataBytes, 'byte')} of metadata a packet\n`);
      break;
    case 'not replicable':
      io.out(`${bold(program.name)} cannot be replicated\n`);
  }
  for (const finding of findings) io.out(`  ${finding.weight}: ${findingText(finding)}\n`);
  if (maps.length > 0) {
    io.out('\n');
    table(
      ['map', 'type', 'is', 'also written by'],
      maps.map(({ spec, role, otherWriters }) => [spec.name, spec.type, role, otherWriters.join(', ')]),
    );
  }
  if (verdict !== 'replicable') return;
  io.out(
    `\n${bold('metadata')}, bits of an item (${layout.presence.kind === 'header' ? 'presence in the dummy header' : 'presence in the item'})\n`,
  );
  table(
    ['field', 'bit', 'bits', 'what it is'],
    layout.fields.map(({ name, bit, bits, source }) => [name, bit, bits, source]),
  );
  io.out(`\n${bold('added to each packet')}, at most ${count(mostCores, 'core')} with 1,514 B in frames of 3,520 B\n`);
  table(
    ['cores', ...added.map(({ cores }) => String(cores))],
    [['bytes', ...added.map(({ cores, bytes }) => (cores > mostCores ? `(${bytes})` : String(bytes)))]],
  );
  if (replay !== undefined && 'insns' in replay)
    io.out(`\nreplay of one item: ${count(replay.insns, 'instruction')} of code\n`);
  else if (replay !== undefined) io.out(`\nno code for the replay: ${replay.why}\n`);
}
