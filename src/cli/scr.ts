/** `jitnic scr analyze ...`: state-compute replication. Each operation is a row of the table, in a file of its own. */
import { Command } from 'commander';
import { UsageError } from '../base/index.js';
import { nearest } from '../text/index.js';
import { type CliCommand, defineCommand } from './command.js';
import { declareReading } from './program-file.js';
import { adviseOperation } from './scr-advise.js';
import { analyzeOperation } from './scr-analyze.js';
import { buildOperation } from './scr-build.js';
import { historyOperation } from './scr-history.js';
import type { ScrFlags, ScrOperation } from './scr-operation.js';

/** In the order of help. */
const operations: readonly ScrOperation[] = [analyzeOperation, buildOperation, historyOperation, adviseOperation];

/** Flags that every command has, and those of reading FILE, which every operation may be given. */
const common = new Set(['json', 'pretty', 'quiet', 'verbose', 'color', 'progress', ...readingFlags()]);

function readingFlags(): string[] {
  const command = new Command();
  declareReading(command);
  return command.options.map((option) => option.attributeName());
}

/** Exit 1 where a program cannot be replicated. JSON: `jitnic.scr-analyze/1` and its like. */
export const command: CliCommand = defineCommand<ScrFlags>({
  declare: (command) => {
    const names = operations.map(({ name }) => name).join(', ');
    command
      .argument('<operation>', names)
      .argument('[file]', 'ELF object, .c, .s, or - for stdin; of `history` a capture')
      .argument('[prog]', 'program or section; may be left out where there is only one');
    declareReading(command);
    for (const { declare } of operations) declare(command);
    command.addHelpText(
      'after',
      `\nOperations:\n${operations.map(({ name, summary }) => `  ${name.padEnd(9)} ${summary}\n`).join('')}
Examples:\n${operations.map(({ example }) => `  ${example}\n`).join('')}`,
    );
  },
  run: ([name = '', ...operands], flags, io) => {
    const operation = operations.find((each) => each.name === name);
    if (operation === undefined) {
      const names = operations.map((each) => each.name);
      const near = nearest(name, names);
      const hint = near === undefined ? `operations: ${names.join(', ')}` : `did you mean \`${near}\`?`;
      throw new UsageError(`unknown operation \`${name}\``, {}, hint);
    }
    for (const [flag, value] of Object.entries(flags)) {
      if (value === undefined || common.has(flag) || operation.flags.includes(flag)) continue;
      const dashed = flag.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
      throw new UsageError(`\`scr ${name}\` does not take \`--${dashed}\``, {}, operation.example);
    }
    return operation.run(operands, flags, io);
  },
});
