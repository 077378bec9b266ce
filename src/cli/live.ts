/** `jitnic live ...`: the running kernel's program, re-specialised. Each operation is a row, in a file of its own. */
import { type CliCommand, defineCommand } from './command.js';
import { attachOperation } from './live-attach.js';
import { detachOperation } from './live-detach.js';
import type { LiveFlags, LiveOperation } from './live-operation.js';
import { logOperation, topOperation } from './live-view.js';
import { declareOperations, runOperation } from './operations.js';

/** In the order of help. */
const operations: readonly LiveOperation[] = [attachOperation, detachOperation, logOperation, topOperation];

/**
 * Exit 1 where nothing is looked after, 3 and 4 where a program cannot be taken over. JSON: `jitnic.live-attach/1`,
 * and each other operation's own schema.
 */
export const command: CliCommand = defineCommand<LiveFlags>({
  declare: (command) =>
    declareOperations(command, operations, [
      ['[device]', 'interface, or with `attach --engine wasm` an ELF object, .c, .s, or - for stdin'],
      ['[prog]', 'with `--engine wasm`: program or section; may be left out where there is only one'],
    ]),
  run: (words, flags, io) => runOperation('live', operations, words, flags, io),
});
