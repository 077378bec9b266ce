/**
 * `jitnic prog load|show|dump|pin|unpin|stages`: programs on cards, in bpftool's words. Keys and lines are those of
 * tools/bpf/bpftool/prog.c (print_prog_json, print_prog_plain), of jit_disasm.c for `dump jited` and of
 * xlated_dumper.c for `dump xlated`, so that what was written for bpftool reads these.
 *
 * Objects travel as bytes: sources are compiled and assembled here, where the user's headers and clang are, and the
 * daemon reads ELF only. A program is always pinned when it is loaded, as with bpftool: with nobody to hold a
 * descriptor, one without a pin would be gone at once.
 */
import { type ExitCode, exitCodes, UsageError } from '../base/index.js';
import { Words } from './bpftool-words.js';
import { type CliCommand, defineCommand, type Io } from './command.js';
import { type Caller, type CallFlags, declareCallFlags, openCaller } from './daemon-call.js';
import { unknownOperation } from './operations.js';
import { stages } from './prog-stages.js';
import { readProgramBytes } from './program-file.js';

/** Flags of `prog`; `offload` is `required` or `preferred`, which the daemon checks. */
interface Flags extends CallFlags {
  readonly offload?: string;
}

/** A JSON object. */
type Fields = Readonly<Record<string, unknown>>;

/** `list` is bpftool's other name of `show`. */
const operations = ['load', 'show', 'list', 'dump', 'pin', 'unpin', 'stages'] as const;

/** Exit 1 where kernel or driver refuse. JSON: `jitnic.prog/1`, objects with bpftool's keys. */
export const command: CliCommand = defineCommand<Flags>({
  declare: (command) => {
    command.argument('<operation>', 'load, show, dump, pin, unpin or stages').argument('[words...]', 'see below');
    declareCallFlags(command);
    command.option('--offload <how>', 'required (default), or preferred: what the card refuses goes to the host');
    command.addHelpText(
      'after',
      `
Operations, PROG being \`id N\` or \`pinned PATH\`:
  load FILE PATH [dev NAME] [prog NAME] [map idx N id N]...
  show [PROG]
  dump xlated|jited PROG [opcodes] [linum]
  pin PROG PATH
  unpin PATH
  stages FILE card PROG[,PROG]... [slot MAP N PROG]... [output CARD.o DRIVER.o] [check CAPTURE]
\`stages\` cuts a chain of tail calls: the programs named go to the card, where the first of them begins, and the
driver goes on where the card left off. \`slot\` is what a loader fills into a program array.
Without a daemon \`dump\` takes a file: dump jited FILE [prog NAME] [opcodes] [linum]

Examples:
  jitnic prog load prog.o /lb dev nicp0 --socket /var/lib/jitnic/socket
  jitnic prog dump jited prog.o
  jitnic prog stages chain.o card parse,filter output card.o driver.o check traffic.pcap
  jitnic prog show -j --socket /var/lib/jitnic/socket`,
    );
  },
  run: async ([operation = '', ...words], flags, io) => {
    if (!operations.some((each) => each === operation)) throw unknownOperation(operation, operations);
    const caller = openCaller(flags, io);
    try {
      return await run(
        operation as (typeof operations)[number],
        new Words(words, `jitnic prog ${operation} --help`),
        caller,
        flags,
        io,
      );
    } finally {
      caller.close();
    }
  },
});

/** One operation. Each takes all of its words before it calls, so that a mistake in them changes nothing. */
async function run(
  operation: (typeof operations)[number],
  words: Words,
  caller: Caller,
  flags: Flags,
  io: Io,
): Promise<ExitCode> {
  switch (operation) {
    case 'load': {
      const { prog, fallback } = await load(words, caller, flags, io);
      if (io.flags.json)
        io.json('jitnic.prog/1', { operation, programs: [prog], ...(fallback === undefined ? {} : { fallback }) });
      else if (fallback !== undefined) io.info(`not on the card: ${String(fallback)}`);
      if (caller.isPrivate && !io.flags.json) io.out(`${progText(prog as Fields)}\n`);
      return exitCodes.ok;
    }
    case 'show':
    case 'list': {
      const ref = words.isDone ? {} : words.ref();
      words.done();
      const shown = await caller.call('prog/show', ref);
      const programs = Array.isArray(shown) ? (shown as Fields[]) : [shown as Fields];
      if (io.flags.json) io.json('jitnic.prog/1', { operation: 'show', programs });
      else for (const each of programs) io.out(`${progText(each)}\n`);
      return exitCodes.ok;
    }
    case 'stages':
      return await stages(words, io);
    case 'dump':
      return await dump(words, caller, flags, io);
    case 'pin': {
      const ref = words.ref();
      const path = words.next('a path');
      words.done();
      await caller.call('prog/pin', { ...ref, path });
      break;
    }
    case 'unpin':
      await caller.call('unpin', { path: words.next('a path') });
      words.done();
  }
  if (io.flags.json) io.json('jitnic.prog/1', { operation, programs: [] });
  return exitCodes.ok;
}

/**
 * `load FILE PATH ...`. `map idx N id N` gives the N-th map of the object, from 0, one that is there already; as with
 * bpftool, all others are made anew.
 */
async function load(words: Words, caller: Caller, flags: Flags, io: Io): Promise<Fields> {
  const file = words.next('a file');
  const pin = words.next('a path to pin it at');
  const rest: { dev?: string; program?: string; maps: Record<string, number> } = { maps: {} };
  while (!words.isDone) {
    if (words.take('dev')) rest.dev = words.next('a network device');
    else if (words.take('prog')) rest.program = words.next('a program');
    else if (words.take('map') && words.take('idx')) {
      const index = words.number('index');
      if (!words.take('id')) throw new UsageError('`map idx N id N` is wanted');
      rest.maps[index] = words.number('id');
    } else words.done();
  }
  return await loadFile(
    file,
    { pin, ...rest, ...(flags.offload === undefined ? {} : { offload: flags.offload }) },
    caller,
    io,
  );
}

/** Sends what FILE is, as an ELF object, with the other fields. Answers what `prog/load` does. */
async function loadFile(file: string, body: Fields, caller: Caller, io: Io): Promise<Fields> {
  const bytes = await readProgramBytes(file, io);
  const loaded = await caller.call('prog/load', { ...body, object: Buffer.from(bytes).toString('base64') });
  return loaded as Fields;
}

/**
 * `dump`. Without a daemon there is no program to name, so it takes a file and loads it for this one print: what the
 * card would run can be looked at without a card, and without a change to anything.
 */
async function dump(words: Words, caller: Caller, flags: Flags, io: Io): Promise<ExitCode> {
  const what = words.next('xlated or jited');
  if (what !== 'xlated' && what !== 'jited')
    throw new UsageError(`\`${what}\` cannot be dumped`, {}, 'xlated or jited');
  let ref: Fields;
  if (caller.isPrivate) {
    const file = words.next('a file');
    const program = words.take('prog') ? { program: words.next('a program') } : {};
    // The card of this process has one network device, and no other program that a pin could collide with.
    const device = { dev: 'nicp0', pin: 'dumped', offload: flags.offload ?? 'required' };
    await loadFile(file, { ...device, ...program }, caller, io);
    ref = { pinned: 'dumped' };
  } else ref = words.ref();
  const given = { opcodes: false, linum: false };
  for (;;) {
    if (words.take('opcodes')) given.opcodes = true;
    else if (words.take('linum')) given.linum = true;
    else break;
  }
  const { opcodes } = given;
  words.done();
  const dumped = await caller.call('prog/dump', { ...ref, what, ...given });
  if (io.flags.json) {
    io.json('jitnic.prog/1', { operation: 'dump', what, dump: dumped });
    return exitCodes.ok;
  }
  const bytes = (fields: Fields): string =>
    opcodes ? `\n       ${(fields['opcodes'] as string[]).join(' ').replaceAll('0x', '')}` : '';
  // As btf_dump_linfo_plain of btf_dumper.c.
  const source = ({ src, file, line_num: line, line_col: column }: Fields): string =>
    src === undefined
      ? ''
      : `; ${String(src).trim()}${file === undefined ? '' : ` [file:${file} line_num:${line} line_col:${column ?? 0}]`}\n`;
  if (what === 'xlated')
    for (const [i, line] of (dumped as Fields[]).entries())
      io.out(`${source(line)}${String(i).padStart(4)}: ${String(line['disasm'])}${bytes(line)}\n`);
  else
    for (const { name, insns } of dumped as { name: string; insns: Fields[] }[]) {
      io.out(`${name}:\n`);
      for (const insn of insns)
        io.out(
          `${source(insn)}${String(insn['pc']).replace('0x', '').padStart(6)}:  ${String(insn['operation'])}${String((insn['operands'] as unknown[])[0] ?? '')}${bytes(insn)}\n`,
        );
    }
  return exitCodes.ok;
}

/**
 * As print_prog_plain of prog.c prints one: sizes in bytes, the time in UTC with `+0000`, where bpftool has the local
 * zone, so that the same state is the same text everywhere.
 */
function progText(prog: Fields): string {
  const dev = prog['dev'] as { ifname: string } | undefined;
  const gpl = prog['gpl_compatible'] === true ? '  gpl' : '';
  const head = `${prog['id']}: ${prog['type']}  name ${prog['name']}  tag ${prog['tag']}${gpl}${dev === undefined ? '' : `  offloaded_to ${dev.ifname}`}`;
  const jited = prog['jited'] === true ? `jited ${prog['bytes_jited']}B  machine ${prog['machine']}` : 'not jited';
  const maps = prog['map_ids'] as number[] | undefined;
  const pins = prog['pinned'] as string[] | undefined;
  return [
    head,
    `\tloaded_at ${new Date(1000 * Number(prog['loaded_at'])).toISOString().replace('.000Z', '+0000')}  uid ${prog['uid']}`,
    `\txlated ${prog['bytes_xlated']}B  ${jited}  memlock ${prog['bytes_memlock']}B${maps === undefined ? '' : `  map_ids ${maps.join(',')}`}`,
    ...(pins ?? []).map((pin) => `\tpinned ${pin}`),
  ].join('\n');
}
