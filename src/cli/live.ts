/** `jitnic live ...`: the running kernel's program, re-specialised. Each operation is a row, in a file of its own. */
import { UsageError } from '../base/index.js';
import { nearest } from '../text/index.js';
import { type CliCommand, defineCommand } from './command.js';
import { attachOperation } from './live-attach.js';
import { detachOperation } from './live-detach.js';
import type { LiveFlags, LiveOperation } from './live-operation.js';
import { logOperation, topOperation } from './live-view.js';

/** In the order of help. */
const operations: readonly LiveOperation[] = [attachOperation, detachOperation, logOperation, topOperation];

/** Flags that every command has. */
const common = new Set(['json', 'pretty', 'quiet', 'verbose', 'color', 'progress']);

/** Exit 1 where nothing is looked after, 3 and 4 where a program cannot be taken over. JSON: `jitnic.live-attach/1`. */
export const command: CliCommand = defineCommand<LiveFlags>({
  declare: (command) => {
    const names = operations.map(({ name }) => name).join(', ');
    command
      .argument('<operation>', names)
      .argument('[device]', 'interface, or with `attach --engine wasm` an ELF object, .c, .s, or - for stdin')
      .argument('[prog]', 'with `--engine wasm`: program or section; may be left out where there is only one');
    for (const { declare } of operations) declare(command);
    command.addHelpText(
      'after',
      `\nOperations:\n${operations.map(({ name, summary }) => `  ${name.padEnd(7)} ${summary}\n`).join('')}
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
      throw new UsageError(`\`live ${name}\` does not take \`--${dashed}\``, {}, operation.example);
    }
    return operation.run(operands, flags, io);
  },
});
