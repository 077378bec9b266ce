/**
 * `jitnic live attach DEV`: takes an interface's program over and looks after it until it is told to end. Three ways,
 * from harmless to real: `--dry-run` reads what is attached and says what could be done; `--engine wasm|interp` runs
 * the same loop over a capture on our engines, needs neither root nor a kernel, and compares every decision with the
 * original's; without either, packets of the interface are decided by what this process attaches.
 *
 * The command stays in the foreground for as long as the program is looked after. Ctrl-C, SIGTERM and the end of
 * `--seconds` all put the original back. kill -9 cannot: `jitnic live detach` does it then.
 */
import { decodeUtf8, exitCodes, InputError, UsageError } from '../base/index.js';
import { Bpf, KernelIds } from '../linux/index.js';
import { LiveSession, planLive, rehearse, terminated } from '../live/index.js';
import { pickProgram } from '../object/index.js';
import { formatNumber, wholeNumber } from '../text/index.js';
import { loadMaps, parseMapsFile } from '../vm/index.js';
import { readPackets } from './capture-input.js';
import type { Io } from './command.js';
import { readInput } from './files.js';
import type { LiveFlags, LiveOperation } from './live-operation.js';
import { openProgramFile } from './program-file.js';

/** Packets of a capture where nobody says how many. */
const usualPackets = 100_000;

/** JSON: `jitnic.live-attach/1`, of `--dry-run` what was found, of `--engine wasm` what came of the rehearsal. */
export const attachOperation: LiveOperation = {
  name: 'attach',
  summary: 'take the XDP program of an interface over, specialise it while it runs; Ctrl-C puts it back',
  example: 'jitnic live attach eth0 --dry-run',
  flags: ['dryRun', 'object', 'overhead', 'budget', 'seconds', 'engine', 'read', 'mapsIn', 'devBound', 'count'],
  declare: (command) => {
    command
      .option('--dry-run', 'attach: say what is attached and what could be done; change nothing')
      .option('--object <file>', 'attach: object that the program was loaded from, where the kernel alone does not do')
      .option('--overhead <percent>', 'attach: share of the time in which samples are taken (default: 1)')
      .option('--budget <percent>', 'attach: share of a processor that making versions may take (default: 5)')
      .option('--seconds <n>', 'attach: put the original back after so long')
      .option('--engine <name>', 'attach: `kernel`, or rehearse FILE on ours: `wasm`, `interp` (default: kernel)')
      .option('-r, --read <file>', 'attach, with our engines: capture whose packets are run')
      .option('--maps-in <file>', 'attach, with our engines: contents of maps at the start')
      .option(
        '--dev-bound',
        'attach, with our engines: FILE is loaded for one network device, as bpf_xdp_metadata_rx_* ask for',
      )
      .option('-c, --count <n>', 'attach, with our engines: packets of the capture (default: 100,000)');
  },
  run: async ([device, prog], flags, io) => {
    const engine = flags['engine'] ?? 'kernel';
    if (device === undefined) throw new UsageError('attach to which interface?', {}, attachOperation.example);
    if (engine === 'wasm' || engine === 'interp') return rehearsal(device, prog, engine, flags, io);
    if (engine !== 'kernel') throw new UsageError(`no engine \`${engine}\``, {}, 'engines: kernel, wasm, interp');
    for (const [flag, name] of rehearsalFlags) {
      if (flags[flag] !== undefined) throw new UsageError(`\`${name}\` is for \`--engine wasm\` and \`interp\``);
    }
    if (prog !== undefined) throw new UsageError('the program is the one that is attached; leave its name out');
    const file = flags['object'] as string | undefined;
    const object = file === undefined ? undefined : await openProgramFile(file, io);
    if (flags['dryRun'] === true) return dryRun(device, object, io);
    const seconds = wholeNumber('--seconds', flags['seconds'] as string | undefined, 1);
    const interrupt = io.catchInterrupt();
    const ended = Promise.race([
      terminated(),
      new Promise<void>((done) => {
        interrupt.wake = done;
      }),
      ...(seconds === undefined ? [] : [new Promise<void>((done) => setTimeout(done, seconds * 1000))]),
    ]);
    const session = LiveSession.attach(device, {
      object,
      overhead: percent('--overhead', flags['overhead']),
      budget: percent('--budget', flags['budget']),
      told: ({ kind, what }) => io.info(`${kind}: ${what}`),
    });
    await session.run(ended);
    if (io.flags.json) {
      io.json('jitnic.live-attach/1', { device, ...(interrupt.requested ? { interrupted: true } : {}) });
    }
    return interrupt.requested ? exitCodes.interrupted : exitCodes.ok;
  },
};

/** Those that our engines alone know. */
const rehearsalFlags = [
  ['read', '--read'],
  ['mapsIn', '--maps-in'],
  ['devBound', '--dev-bound'],
  ['count', '--count'],
] as const;

/** Percent as a share of 1; undefined where the flag is not given, so that the session has its own default. */
function percent(flag: string, text: unknown): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(String(text).replace(/%$/, ''));
  if (!(value > 0 && value <= 100)) throw new UsageError(`\`${flag}\` wants a percentage above 0 and up to 100`);
  return value / 100;
}

/** Says what is attached and which look-ups could be written out. Needs the right to read, and changes nothing. */
async function dryRun(device: string, object: Parameters<typeof planLive>[3], io: Io): Promise<typeof exitCodes.ok> {
  const plan = await io.work('taking over', () => planLive(Bpf.open(), new KernelIds(), device, object));
  const { attachment, taken, sites, why } = plan;
  const { info, program, maps } = taken;
  const found = sites.map(({ pc, map, keySize }) => ({
    insn: pc,
    map: taken.object.maps[map]?.name ?? '',
    type: taken.object.maps[map]?.type ?? '',
    key_size: keySize,
  }));
  taken.close();
  if (io.flags.json) {
    io.json('jitnic.live-attach/1', {
      device,
      dry_run: true,
      program: { id: info.id, name: info.name, tag: info.tag, instructions: program.insns.length },
      held_by: attachment.linkId === undefined ? 'netlink' : `link ${attachment.linkId}`,
      mode: attachment.mode === 1 ? 'native' : 'generic',
      maps: maps.map(({ info: map }) => ({ id: map.id, name: map.name })),
      sites: found,
      ...(why === undefined ? {} : { why }),
    });
    return exitCodes.ok;
  }
  const held = attachment.linkId === undefined ? 'netlink' : `link ${attachment.linkId}`;
  io.out(
    `${device}: program ${info.id} (${info.name}), ${attachment.mode === 1 ? 'native' : 'generic'}, by ${held}\n` +
      `turned back: ${program.insns.length} instructions, tag ${info.tag} equal, ${maps.length} maps\n`,
  );
  for (const site of found) io.out(`  instruction ${site.insn}: look-up in ${site.type} \`${site.map}\`\n`);
  if (found.length === 0) io.out(`  nothing to specialise${why === undefined ? '' : `: ${why}`}\n`);
  return exitCodes.ok;
}

/**
 * The loop on our engines, over a capture. Exit 1 where a version decided otherwise than the original: that is a bug
 * of ours, found before it could cost a packet.
 */
async function rehearsal(
  file: string,
  name: string | undefined,
  engine: 'interp' | 'wasm',
  flags: LiveFlags,
  io: Io,
): Promise<typeof exitCodes.ok | typeof exitCodes.negative> {
  const capture = flags['read'] as string | undefined;
  if (capture === undefined) throw new UsageError(`\`--engine ${engine}\` needs packets: \`-r CAPTURE\``);
  const object = await openProgramFile(file, io, flags['devBound'] === true ? { devBound: true } : {});
  const program = pickProgram(object, name);
  const mapsIn = flags['mapsIn'] as string | undefined;
  const contents = mapsIn === undefined ? undefined : parseMapsFile(decodeUtf8(await readInput(mapsIn, io)), mapsIn);
  const most = wholeNumber('--count', flags['count'] as string | undefined, 1) ?? usualPackets;
  // 14 bytes are an Ethernet header: the kernel's test runs refuse shorter frames.
  const packets = (await readPackets(capture, io, most)).filter(({ data }) => data.length >= 14);
  if (packets.length === 0) throw new InputError('the capture has no packet', { file: capture });
  const result = await io.work('rehearsing', () =>
    rehearse(object, program, packets, {
      engine,
      // Packets between two decisions: a quarter of a short capture, so that versions are made and also used in it.
      window: Math.max(64, Math.min(1024, packets.length >> 2)),
      ...(contents === undefined ? {} : { fill: (machine) => loadMaps(machine, contents, mapsIn) }),
    }),
  );
  const { originalInstructions: before, versionInstructions: after, guarded, difference } = result;
  // Instructions are counted by the interpreter alone: what WebAssembly runs are no instructions of BPF.
  const mean = (sum: number): number | null => (guarded === 0 || engine === 'wasm' ? null : sum / guarded);
  if (io.flags.json) {
    io.json('jitnic.live-attach/1', {
      program: { name: program.name, instructions: program.insns.length },
      engine,
      packets: result.packets,
      versions: result.versions,
      guarded,
      sites: result.sites.map(({ map, keys, whole, hits }) => ({ map, keys, whole, hits })),
      original_insns: mean(before),
      version_insns: mean(after),
      difference: difference ?? null,
    });
  } else {
    io.out(`${program.name}: ${result.packets} packets, ${result.versions} versions, ${guarded} packets through one\n`);
    for (const { map, keys, whole, hits } of result.sites) {
      io.out(`  ${map}: ${whole ? 'written out, ' : ''}${keys} keys, ${(100 * hits).toFixed(0)} % of look-ups\n`);
    }
    const [old, now] = [mean(before), mean(after)];
    if (old !== null && now !== null) {
      io.out(
        `  instructions a packet: ${formatNumber(Number(old.toFixed(1)))}, of the version ${formatNumber(Number(now.toFixed(1)))}\n`,
      );
    }
    io.out(difference === undefined ? '  the same decisions\n' : `  ${difference}\n`);
  }
  return difference === undefined ? exitCodes.ok : exitCodes.negative;
}
