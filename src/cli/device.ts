/**
 * `jitnic device add|remove|set|show`: cards that a daemon holds. bpftool has no such words, since real cards are
 * there when they are plugged in; these follow its manner. `off` names what a card shall lack, so that a program can
 * be tried on a poorer card than the one that is modelled. With -j, a change answers the state of all cards, so that a
 * script sees what it came to without asking again.
 */
import { exitCodes, UsageError } from '../base/index.js';
import { Words } from './bpftool-words.js';
import { type CliCommand, defineCommand } from './command.js';
import { type CallFlags, declareCallFlags, openCaller } from './daemon-call.js';
import { unknownOperation } from './operations.js';

/** A card as `device/show` answers it. */
interface Shown {
  readonly name: string;
  /** As ethtool -i names it. */
  readonly driver: string;
  /** The model; netdevsim has none. */
  readonly card?: string;
  /** Capabilities that were switched off. */
  readonly off: readonly string[];
  readonly netdevs: readonly { readonly name: string; readonly ifindex: number; readonly mtu: number }[];
  /** What maps take of the card and what it has; left out where the driver counts nothing. */
  readonly memory?: {
    readonly maps?: number;
    readonly max_maps?: number;
    readonly elements?: number;
    readonly max_elements?: number;
    readonly bytes: number;
    readonly max_bytes?: number;
  };
}

/** JSON: `jitnic.device/1`. */
export const command: CliCommand = defineCommand<CallFlags>({
  declare: (command) => {
    command.argument('<operation>', 'add, remove, set or show').argument('[words...]', 'see below');
    declareCallFlags(command);
    command.addHelpText(
      'after',
      `
Operations:
  add NAME CARD [ports N] [off CAPABILITY]...   CARD: one of jitnic card list, or netdevsim
  remove NAME            a card, or one of its network devices
  set NAME KNOB=0|1      a capability, a knob of netdevsim, or hw-tc-offload
  show [NAME]

Examples:
  jitnic device add nic nfp4000 ports 2 --socket /var/lib/jitnic/socket
  jitnic device set nic random=0 --socket /var/lib/jitnic/socket`,
    );
  },
  run: async ([operation = '', ...given], flags, io) => {
    const words = new Words(given, `jitnic device ${operation} --help`);
    const caller = openCaller(flags, io);
    try {
      if (operation === 'add') await caller.call('device/add', added(words));
      else if (operation === 'remove') await caller.call('device/remove', { name: words.next('a name') });
      else if (operation === 'set') {
        const name = words.next('a name');
        const [, knob = '', on = ''] = /^([a-z_-]+)=([01])$/.exec(words.next('KNOB=0|1')) ?? [];
        if (knob === '') throw new UsageError('`KNOB=0` or `KNOB=1` is wanted', {}, 'such as random=0');
        await caller.call('device/set', { name, knob, on: on === '1' });
      } else if (operation !== 'show') throw unknownOperation(operation, ['add', 'remove', 'set', 'show']);
      const one = operation === 'show' && !words.isDone ? { name: words.next('a name') } : {};
      words.done();
      const shown = await caller.call('device/show', one);
      const devices = (Array.isArray(shown) ? shown : [shown]) as Shown[];
      if (io.flags.json) io.json('jitnic.device/1', { operation, devices });
      else if (operation === 'show') for (const device of devices) io.out(deviceText(device));
      return exitCodes.ok;
    } finally {
      caller.close();
    }
  },
});

/** Words behind `add`, in any order after name and model, as a body. */
function added(words: Words): Readonly<Record<string, unknown>> {
  const name = words.next('a name');
  const card = words.next('a card');
  const off: string[] = [];
  let ports = 1;
  while (!words.isDone) {
    if (words.take('ports')) ports = words.number('ports');
    else if (words.take('off')) off.push(words.next('a capability'));
    else words.done();
  }
  return { name, card, ports, off };
}

/** A line a card, indented lines below it, as `bpftool prog show` lays its objects out. */
function deviceText({ name, driver, card, netdevs, off, memory }: Shown): string {
  const lines = [
    `${name}: driver ${driver}${card === undefined ? '' : `  card ${card} (model)`}${off.length > 0 ? `  off ${off.join(',')}` : ''}`,
  ];
  for (const netdev of netdevs) lines.push(`\t${netdev.name}(${netdev.ifindex})  mtu ${netdev.mtu}`);
  if (memory !== undefined) {
    const { maps, max_maps: mostMaps, elements, max_elements: mostElements, bytes, max_bytes: mostBytes } = memory;
    const counts = maps === undefined ? '' : `${maps} of ${mostMaps}  elements ${elements} of ${mostElements}  `;
    lines.push(`\tmaps ${counts}${bytes}${mostBytes === undefined ? '' : ` of ${mostBytes}`} B`);
  }
  return `${lines.join('\n')}\n`;
}
