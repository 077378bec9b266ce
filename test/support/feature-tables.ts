/**
 * The tables of `docs/features.md`, made from the tables that the code works by. Where code knows a thing only as a
 * name, a note here says what there is to say; a name without a note is an error.
 */
import { fileURLToPath } from 'node:url';
import { policies } from '../../src/cache/index.js';
import { commandRows } from '../../src/cli/commands.js';
import { captureCli } from '../../src/cli/testing.js';
import { encodingFault } from '../../src/code/index.js';
import { buildInsn, type ConformanceGroup, type InsnForm, instructions } from '../../src/isa/index.js';
import { bareEngineNames, machineEngineNames } from '../../src/judge/index.js';
import { btfKindNames } from '../../src/object/btf-type.js';
import { coreKinds } from '../../src/object/core-spec.js';
import type { MapSpec } from '../../src/object/index.js';
import { relocationNames } from '../../src/object/relocate.js';
import { sectionMeaning } from '../../src/object/section-name.js';
import { type HelperName, helperNames, helperRow, kfuncNames, mapTypeNames } from '../../src/platform/index.js';
import { aborts, TraceAbort } from '../../src/trace/aborts.js';
import { recordCall } from '../../src/trace/record-call.js';
import { mapRefusal } from '../../src/vm/create-maps.js';
import { findHelper, helperRefusal } from '../../src/vm/index.js';

/** By the name that stands in the document. */
export const featureTables: Readonly<Record<string, () => string | Promise<string>>> = {
  instructions: instructionTable,
  relocations: relocationTable,
  'btf-kinds': () => list(btfKindNames.slice(1)),
  'core-kinds': () => list(coreKinds),
  sections: sectionTable,
  kfuncs: () => list(kfuncNames),
  'map-types': mapTypeTable,
  helpers: helperTable,
  'missing-helpers': missingHelperTable,
  aborts: () =>
    table(
      ['code', 'the recording was given up because'],
      Object.entries(aborts).map(([code, text]) => [tick(code), text]),
    ),
  policies: () =>
    table(
      ['policy', 'evicts'],
      policies.map((policy) => [tick(policy.name), policy.description]),
    ),
  commands: () =>
    table(
      ['command', 'does'],
      commandRows.map((row) => [tick(`jitnic ${row.name}`), row.summary]),
    ),
  engines: engineTable,
};

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

function list(names: readonly string[]): string {
  return names.map(tick).join(' · ');
}

function tick(text: string): string {
  return `\`${text}\``;
}

/** The note of each name; throws where one is missing. */
function annotate(what: string, names: readonly string[], notes: Readonly<Record<string, string>>): readonly string[] {
  return names.map((name) => {
    const note = notes[name];
    if (note === undefined) throw new Error(`no note on ${what} ${name}`);
    return note;
  });
}

function instructionTable(): string {
  const groups = [...new Set(instructions.map((form) => form.group))].sort();
  return table(
    ['group', 'forms', 'first in', 'executed', 'the others'],
    groups.map((group: ConformanceGroup) => {
      const forms = instructions.filter((form) => form.group === group);
      const faults = forms.map(faultOf);
      const refusals = [...new Set(faults.filter((fault) => fault !== undefined))];
      const executed = faults.filter((fault) => fault === undefined).length;
      const versions = [...new Set(forms.map((form) => form.version))].sort();
      return [
        tick(group),
        String(forms.length),
        versions.join(', '),
        String(executed),
        refusals.length === 0 ? '' : `refused: ${refusals.join('; ')}`,
      ];
    }),
  );
}

/** References that loading puts addresses in place of; the interpreter sees those. */
const loadedReferences: readonly string[] = ['map', 'map-value', 'function', 'ksym'];

/** What the interpreter says of an instruction of that form. */
function faultOf(form: InsnForm): string | undefined {
  const { operation } = form;
  if (operation.kind === 'lddw' && operation.what !== 'number') {
    return loadedReferences.includes(operation.what) ? undefined : '64-bit immediates that need a running kernel';
  }
  const insn = buildInsn(form, { dst: 1, src: 2, off: 1, imm: 1 });
  return encodingFault([insn, { code: 0, dst: 0, src: 0, off: 0, imm: 0 }], 0);
}

function relocationTable(): string {
  const rows = [...relocationNames];
  const notes = annotate(
    'relocation',
    rows.map(([, name]) => name),
    {
      R_BPF_NONE: 'skipped',
      R_BPF_64_64: '64-bit loads of maps, global variables, functions, kernel symbols and `.kconfig` values',
      R_BPF_64_ABS64: '`values` of maps: inner maps and programs',
      R_BPF_64_ABS32: 'in debug information only; in code it is refused by name',
      R_BPF_64_NODYLD32: 'in BTF.ext only; in code it is refused by name',
      R_BPF_64_32: 'calls of subprograms and kernel functions',
    },
  );
  return table(
    ['number', 'relocation', 'applied to'],
    rows.map(([number, name], i) => [String(number), tick(name), notes[i] ?? '']),
  );
}

function sectionTable(): string {
  const names = [
    'xdp',
    'xdp/NAME',
    'xdp.frags',
    'xdp.frags/NAME',
    'xdp/devmap',
    'xdp_devmap',
    'xdp.frags/devmap',
    'xdp/cpumap',
    'xdp_cpumap',
    'xdp.frags/cpumap',
    'xdp_NAME',
    'tc',
    'classifier',
    'socket',
    'kprobe/NAME',
    'NAME',
  ];
  return table(
    ['section', 'program type', 'runs', 'attach type', 'fragments'],
    names.map((name) => {
      const { type, attach, frags } = sectionMeaning(name);
      const runs = type === 'xdp' ? 'yes' : type === 'unspec' ? 'when asked for by name' : 'no: shown and disassembled';
      return [tick(name), type, runs, attach ?? '', frags ? 'yes' : ''];
    }),
  );
}

function mapTypeTable(): string {
  return table(
    ['number', 'map type', 'here'],
    mapTypeNames.slice(1).map((type, i) => {
      const spec = { name: 'm', type, typeNumber: i + 1 } as unknown as MapSpec;
      return [
        String(i + 1),
        tick(type),
        mapRefusal(spec) === undefined ? 'yes' : 'no: programs that use it are refused by name',
      ];
    }),
  );
}

const helperNotes: Readonly<Record<string, string>> = {
  ktime_get_ns: 'time comes from `--clock`',
  ktime_get_boot_ns: 'time comes from `--clock`',
  ktime_get_coarse_ns: 'time comes from `--clock`, in steps of a jiffy',
  ktime_get_tai_ns: 'time comes from `--clock`',
  jiffies64: 'time comes from `--clock`',
  get_prandom_u32: 'seeded by `--seed`',
  get_smp_processor_id: 'CPUs come from `--cpus`',
  fib_lookup: 'routes and neighbours come from `--fib`',
  check_mtu: 'interfaces come from `--fib`',
  sk_lookup_tcp: 'sockets come from `--sockets`',
  sk_lookup_udp: 'sockets come from `--sockets`',
  skc_lookup_tcp: 'sockets come from `--sockets`',
  probe_read_kernel: 'refused when called: there is no kernel memory',
  probe_read_kernel_str: 'refused when called: there is no kernel memory',
  probe_read_user: 'refused when called: there is no user memory',
  probe_read_user_str: 'refused when called: there is no user memory',
  get_current_pid_tgid: 'that of the idle task: 0',
  get_current_uid_gid: 'that of the idle task: 0',
  get_current_task: 'that of the idle task: 0',
  get_current_cgroup_id: 'that of the idle task: 0',
};

/** Numbers of the helpers that XDP programs may call in Linux, or here. */
function xdpHelperNumbers(): number[] {
  return helperNames.flatMap((_, id) => {
    if (id === 0) return [];
    const offered =
      helperRow(id) !== undefined || findHelper(id) !== undefined || helperRefusal(id).endsWith('is not supported');
    return offered ? [id] : [];
  });
}

function helperTable(): string {
  const numbers = xdpHelperNumbers().filter((id) => findHelper(id) !== undefined);
  const stale = Object.keys(helperNotes).filter((name) => !numbers.includes(helperNames.indexOf(name as HelperName)));
  if (stale.length > 0) throw new Error(`notes on helpers that do not run: ${stale.join(', ')}`);
  return table(
    ['number', 'helper', 'in traces', 'remarks'],
    numbers.map((id) => {
      const name = helperNames[id] ?? '';
      const note = helperNotes[name] ?? '';
      return [String(id), tick(name), abortOf(id) ?? 'yes', note];
    }),
  );
}

/** Why a call of the helper is not recorded. */
function abortOf(id: number): string | undefined {
  try {
    recordCall({} as never, {} as never, id);
  } catch (error) {
    // A recorder that is none gives out at once, but the recorder's own refusals come before it is used.
    if (error instanceof TraceAbort) return `no: ${tick(error.code)}`;
  }
  return undefined;
}

function missingHelperTable(): string {
  const rows = xdpHelperNumbers().filter((id) => findHelper(id) === undefined);
  return table(
    ['number', 'helper', 'refused with'],
    rows.map((id) => [String(id), tick(helperNames[id] ?? ''), helperRefusal(id)]),
  );
}

async function engineTable(): Promise<string> {
  const filter = fileURLToPath(new URL('../../examples/ipv6-filter/', import.meta.url));
  const argv = ['run', `${filter}ipv6-filter.o`, '-r', `${filter}traffic.pcap`, '--engine', 'nonesuch'];
  const { err } = await captureCli(argv);
  const runs = /engines: (.*)/.exec(err)?.[1]?.split(', ') ?? [];
  const names = [...new Set([...runs, ...machineEngineNames, ...bareEngineNames])];
  const notes = annotate('engine', names, {
    interp: 'the reference interpreter: its code is the specification',
    trace: 'card and host: traces on a software card, the compiled program behind it',
    kernel: 'the running Linux kernel, by bpf(2)',
    wasm: 'compiled to WebAssembly',
    ir: 'the optimized IR, interpreted value by value',
    'ir-O0': 'the IR as the bytecode was translated, interpreted',
  });
  const mark = (yes: boolean): string => (yes ? 'yes' : '');
  return table(
    ['engine', 'is', '`jitnic run`', 'compared with the kernel', 'conformance vectors'],
    names.map((name, i) => [
      tick(name),
      notes[i] ?? '',
      mark(runs.includes(name)),
      name === 'kernel' ? 'is the judge' : mark(machineEngineNames.includes(name)),
      mark(bareEngineNames.includes(name)),
    ]),
  );
}
