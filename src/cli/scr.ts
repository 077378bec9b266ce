/** `jitnic scr ...`: state-compute replication. Each operation is a row of the table, in a file of its own. */
import { Command } from 'commander';
import { type CliCommand, defineCommand } from './command.js';
import { declareOperations, runOperation } from './operations.js';
import { declareReading } from './program-file.js';
import { adviseOperation } from './scr-advise.js';
import { analyzeOperation } from './scr-analyze.js';
import { buildOperation } from './scr-build.js';
import { historyOperation } from './scr-history.js';
import type { ScrFlags, ScrOperation } from './scr-operation.js';

/** In the order of help. */
const operations: readonly ScrOperation[] = [analyzeOperation, buildOperation, historyOperation, adviseOperation];

/** Names of the flags of reading FILE, which every operation may be given. */
function readingFlags(): string[] {
  const command = new Command();
  declareReading(command);
  return command.options.map((option) => option.attributeName());
}

/** Exit 1 where a program cannot be replicated. JSON: `jitnic.scr-analyze/1` and its like. */
export const command: CliCommand = defineCommand<ScrFlags>({
  declare: (command) => {
    declareReading(command);
    declareOperations(command, operations, [
      ['[file]', 'ELF object, .c, .s, or - for stdin; of `history` a capture'],
      ['[prog]', 'program or section; may be left out where there is only one'],
    ]);
  },
  run: (words, flags, io) => runOperation('scr', operations, words, flags, io, readingFlags()),
});
