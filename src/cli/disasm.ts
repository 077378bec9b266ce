import { UnsupportedError } from '../base/index.js';
import { type CliCommand, defineCommand } from './command.js';

export const command: CliCommand = defineCommand<{ output?: string }>({
  declare: (command) => {
    command.argument('<file>', 'ELF object, .c, .s, or - for stdin');
  },
  run: () => {
    throw new UnsupportedError('not written yet');
  },
});
