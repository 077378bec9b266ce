/**
 * `jitnic net show|attach|detach|traffic`: what runs on network devices, in bpftool's words; cards are `device`.
 * Operations and types are those of tools/bpf/bpftool/net.c, keys and lines those of its netlink_dumper.c. `tc` and
 * `flow_dissector` are printed though nothing here can be attached there: who cuts bpftool's text by its headings
 * finds the headings.
 *
 * `overwrite` is needed to replace a program, as with bpftool (XDP_FLAGS_UPDATE_IF_NOEXIST otherwise): two people who
 * attach at once do not undo each other unseen.
 */
import { exitCodes, UsageError } from '../base/index.js';
import { Words } from './bpftool-words.js';
import { type CliCommand, defineCommand } from './command.js';
import { type CallFlags, declareCallFlags, openCaller } from './daemon-call.js';
import { runTraffic } from './net-traffic.js';
import { unknownOperation } from './operations.js';

/** A network device that has a program: an element of `xdp`, as netlink_dumper.c writes it. */
interface Attached {
  readonly devname: string;
  readonly ifindex: number;
  /** `driver`, `generic` or `offload`, where one program is attached. */
  readonly mode?: string;
  readonly id?: number;
  /** In place of mode and id where programs are attached in several modes (XDP_ATTACHED_MULTI). */
  readonly multi_attachments?: readonly { readonly mode: string; readonly id: number }[];
}

/** Exit 1 where kernel or driver refuse. JSON: `jitnic.net/1`, with bpftool's keys; of traffic `jitnic.traffic/1`. */
export const command: CliCommand = defineCommand<CallFlags>({
  declare: (command) => {
    command.argument('<operation>', 'show, attach, detach or traffic').argument('[words...]', 'see below');
    declareCallFlags(command);
    command.addHelpText(
      'after',
      `
Operations, TYPE being xdp, xdpgeneric, xdpdrv or xdpoffload:
  show
  attach TYPE {id N|pinned PATH} dev NAME [overwrite]
  detach TYPE dev NAME
  traffic start NAME file CAPTURE dev NAME [rate PPS|max] [loops N]
  traffic show [NAME], traffic stop NAME: packets that arrive at a network device
                 of a daemon (1000 a second, once; loops 0: until stopped)

Examples:
  jitnic net attach xdpoffload pinned /lb dev nicp0 --socket /var/lib/jitnic/socket
  jitnic net traffic start t file c.pcap dev nicp0 rate max --socket /var/lib/jitnic/socket
  jitnic net show -j --socket /var/lib/jitnic/socket`,
    );
  },
  run: async ([operation = '', ...given], flags, io) => {
    const words = new Words(given, `jitnic net ${operation} --help`);
    const caller = openCaller(flags, io);
    try {
      if (operation === 'traffic') return await runTraffic(words, caller, io);
      if (operation === 'attach' || operation === 'detach') {
        const type = words.next('a type');
        const ref = operation === 'attach' ? words.ref() : {};
        if (!words.take('dev')) throw new UsageError('`dev NAME` is missing');
        const dev = words.next('a network device');
        const overwrite = operation === 'attach' && words.take('overwrite') ? { overwrite: true } : {};
        words.done();
        await caller.call(`net/${operation}`, { type, ...ref, dev, ...overwrite });
      } else if (operation !== 'show' && operation !== 'list')
        throw unknownOperation(operation, ['show', 'attach', 'detach', 'traffic']);
      words.done();
      const [net] = (await caller.call('net/show')) as [{ readonly xdp: readonly Attached[] }];
      if (io.flags.json) io.json('jitnic.net/1', { operation, net: [net] });
      else if (operation === 'show' || operation === 'list') io.out(netText(net.xdp));
      return exitCodes.ok;
    } finally {
      caller.close();
    }
  },
});

/** `DEV(INDEX) MODE id N`, under the headings of net.c. */
function netText(attached: readonly Attached[]): string {
  const line = ({ devname, ifindex, mode, id, multi_attachments: several }: Attached): string => {
    const modes = several ?? [{ mode: mode ?? '', id: id ?? 0 }];
    return `${devname}(${ifindex}) ${modes.map((each) => `${each.mode} id ${each.id}`).join(' ')}\n`;
  };
  return `xdp:\n${attached.map(line).join('')}\ntc:\n\nflow_dissector:\n\n`;
}
