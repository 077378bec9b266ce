/** `jitnic debug`: one packet, step by step, forward and back, in the terminal or in an editor. */
import { type ExitCode, exitCodes, UsageError } from '../base/index.js';
import { type CliCommand, defineCommand } from './command.js';
import { type DebugFlags, declareDebug, openDebugger } from './debug-open.js';
import { debugInTerminal } from './debug-terminal.js';

interface Options extends DebugFlags {
  readonly dap?: true;
}

/** Stops at a packet; commands come from stdin. With `--dap` an editor asks, over stdio. */
export const command: CliCommand = defineCommand<Options>({
  declare: (command) => {
    command
      .argument('[file]', 'ELF object, .c or .s')
      .argument('[program]', 'program or section; may be left out where there is only one');
    declareDebug(command);
    command.option('--dap', 'be a debug adapter: an editor asks over stdin and stdout').addHelpText(
      'after',
      `
Examples:
  jitnic debug prog.o -r traffic.pcap --packet 17       stops as packet 17 arrives
  jitnic debug prog.o --layers 'eth/ip/udp(dport=53)'   a packet that is written down
  echo 'break 42 if ip.ttl < 5
  continue
  registers' | jitnic debug prog.o -r traffic.pcap      commands from a file
  jitnic debug --dap                                    for an editor: docs/debug.md

Commands: step next stepi finish continue, reverse-step and so on, break watch
display, list code registers stack packet maps known print; \`help\` has all.`,
    );
  },
  run: async ([file, name], options, io) => {
    if (io.flags.json) throw new UsageError('the debugger prints no JSON', {}, 'for programs there is `--dap`');
    if (options.dap === true) {
      const { serveAdapter } = await import('./debug-adapter.js');
      await serveAdapter({ file, name, flags: options }, io);
      return exitCodes.ok;
    }
    if (file === undefined)
      throw new UsageError('which program?', {}, 'jitnic debug prog.o -r traffic.pcap --packet 17');
    if (file === '-' || options.read === '-')
      throw new UsageError('stdin is where the commands come from', {}, 'give files');
    const isFine = await debugInTerminal(await openDebugger(file, name, options, io), io);
    return (isFine ? exitCodes.ok : exitCodes.usage) as ExitCode;
  },
});
