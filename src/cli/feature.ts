/**
 * `jitnic feature probe dev NAME`: what a card can do, in bpftool's words. Keys, sentences and macros are those of
 * tools/bpf/bpftool/feature.c, since scripts and build systems match them by letter; text, JSON and macros are three
 * prints of one answer. bpftool finds out by trying to load tiny programs; here the model of the card is asked, and
 * the answer is what such a trial would give. Sections that are about the kernel as a whole (sysctls, kernel options)
 * are left out, as bpftool leaves them out with `dev`.
 */
import { exitCodes, UsageError } from '../base/index.js';
import { Words } from './bpftool-words.js';
import { type CliCommand, defineCommand } from './command.js';
import { type CallFlags, declareCallFlags, openCaller } from './daemon-call.js';

/** What `feature/probe` answers: sections and keys as feature.c prints them with -j. */
interface Probed {
  /** `have_xdp_prog_type` and the like. */
  readonly program_types: Readonly<Record<string, boolean>>;
  /** `have_hash_map_type` and the like. */
  readonly map_types: Readonly<Record<string, boolean>>;
  /** Names with `bpf_` in front. XDP alone: nothing else runs on these cards. */
  readonly helpers: { readonly xdp_available_helpers: readonly string[] };
}

/** JSON: `jitnic.feature/1`, sections with bpftool's keys. */
export const command: CliCommand = defineCommand<CallFlags>({
  declare: (command) => {
    command.argument('<operation>', 'probe').argument('[words...]', 'dev NAME [full] [macros [prefix PREFIX]]');
    declareCallFlags(command);
    command.addHelpText(
      'after',
      `
Examples:
  jitnic feature probe dev nicp0
  jitnic feature probe dev nicp0 macros prefix NFP_`,
    );
  },
  run: async ([operation = '', ...given], flags, io) => {
    if (operation !== 'probe')
      throw new UsageError(`unknown operation \`${operation}\``, {}, 'jitnic feature probe dev NAME');
    const words = new Words(given, 'jitnic feature probe dev NAME [full] [macros [prefix PREFIX]]');
    if (!words.take('dev')) throw new UsageError('`dev NAME` is missing', {}, 'the kernel itself is probed by bpftool');
    const dev = words.next('a network device');
    // With bpftool it adds probes of helpers that write to the kernel's log when tried; nothing is tried here.
    words.take('full');
    const macros = words.take('macros');
    const prefix = macros && words.take('prefix') ? words.next('a prefix') : '';
    words.done();
    const caller = openCaller(flags, io);
    try {
      const probed = (await caller.call('feature/probe', { dev })) as Probed;
      if (io.flags.json) io.json('jitnic.feature/1', { operation, features: probed });
      else io.out(macros ? macroText(probed, prefix) : probedText(probed));
      return exitCodes.ok;
    } finally {
      caller.close();
    }
  },
});

/** `have_lru_hash_map_type` is `lru_hash`: keys are made of names in feature.c, and this is the way back. */
const typeOf = (key: string): string => key.replace(/^have_|_(prog|map)_type$/g, '');

/** Sentences as print_bool_feature of feature.c has them, under its headings. */
function probedText({ program_types: programs, map_types: maps, helpers }: Probed): string {
  const lines = (kind: string, types: Readonly<Record<string, boolean>>): string[] =>
    Object.entries(types).map(([key, has]) => `eBPF ${kind} ${typeOf(key)} is ${has ? '' : 'NOT '}available`);
  return `${[
    'Scanning eBPF program types...',
    ...lines('program_type', programs),
    '',
    'Scanning eBPF map types...',
    ...lines('map_type', maps),
    '',
    'Scanning eBPF helper functions...',
    'eBPF helpers supported for program type xdp:',
    ...helpers.xdp_available_helpers.map((name) => `\t- ${name}`),
  ].join('\n')}\n`;
}

/** Lines for a C header: what is missing is said as well, with `NO_`, so that `#ifdef` can ask for either. */
function macroText({ program_types: programs, map_types: maps, helpers }: Probed, prefix: string): string {
  const line = ([key, has]: [string, boolean]): string => `#define ${prefix}${has ? '' : 'NO_'}${key.toUpperCase()}`;
  const define = (types: Readonly<Record<string, boolean>>): string[] => Object.entries(types).map(line);
  return `${[
    '/*** eBPF program types ***/',
    ...define(programs),
    '',
    '/*** eBPF map types ***/',
    ...define(maps),
    '',
    '/*** eBPF helper functions ***/',
    ...helpers.xdp_available_helpers.map((name) => `#define ${prefix}BPF__PROG_TYPE_xdp__HELPER_${name} 1`),
  ].join('\n')}\n`;
}
