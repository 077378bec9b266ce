/** What opt-bench measures of each program of its table, and what published optimizers reach. */
import { readFileSync } from 'node:fs';
import { makePackets } from '../../cli/check/traffic.js';
import { costOf, executedByClass, profilesOf } from '../../cli/opt-cost.js';
import { compareObjects, machineEngine } from '../../judge/index.js';
import type { Bpf } from '../../linux/index.js';
import { type ObjectSpec, readObject } from '../../object/index.js';
import type { Solver } from '../../solve/index.js';
import { improveObject, type OptimizedObject, optimizeObject, type ProgramProfile } from '../../super/index.js';
import { type Validation, validateObject } from '../../super/proof/index.js';
import { kernelTimes } from './kernel-time.js';
import { besideMerlin, type MerlinRow } from './merlin.js';
import { refusalsOf } from './refusals.js';

/** A row: functions of one file, and the slots that the best published optimizer leaves of them at v3, less one. */
export interface Target {
  readonly program: string;
  readonly file: string;
  readonly functions: readonly string[];
  readonly wanted: number;
}

const cpuPrograms = [
  'xdp_prognum0_no_touch',
  'xdp_prognum1_touch_data',
  'xdp_prognum2_round_robin',
  'xdp_prognum3_proto_separate',
  'xdp_prognum4_ddos_filter_pktgen',
  'xdp_prognum5_lb_hash_ip_pairs',
];

/** Merlin and EPSO on the same input, whichever is smaller, is one more than `wanted`; measured, not cited. */
export const targets: readonly Target[] = [
  { program: 'xdp1 (ctx->data)', file: 'xdp1_old', functions: ['xdp_prog1'], wanted: 52 },
  { program: 'xdp2 (ctx->data)', file: 'xdp2_old', functions: ['xdp_prog1'], wanted: 68 },
  { program: 'xdp_fwd', file: 'xdp_fwd', functions: ['xdp_fwd_prog'], wanted: 116 },
  { program: 'sys_enter_open', file: 'syscall_tp', functions: ['trace_enter_open'], wanted: 19 },
  { program: 'sockex3 socket/0', file: 'sockex3', functions: ['main_prog'], wanted: 24 },
  { program: 'sockex3 socket/1', file: 'sockex3', functions: ['bpf_func_PARSE_VLAN'], wanted: 28 },
  { program: 'sockex3 socket/3', file: 'sockex3', functions: ['bpf_func_PARSE_IP'], wanted: 130 },
  { program: 'sockex3 socket/4', file: 'sockex3', functions: ['bpf_func_PARSE_IPV6'], wanted: 144 },
  { program: 'xdp_tx_iptunnel', file: 'xdp_tx_iptunnel', functions: ['_xdp_tx_iptunnel'], wanted: 200 },
  { program: 'xdp_adjust_tail', file: 'xdp_adjust_tail', functions: ['_xdp_icmp'], wanted: 105 },
  { program: 'xdp_rxq_info', file: 'xdp_rxq_info', functions: ['xdp_prognum0'], wanted: 74 },
  { program: 'xdp1', file: 'xdp1', functions: ['xdp_prog1'], wanted: 51 },
  { program: 'xdp2', file: 'xdp2', functions: ['xdp_prog1'], wanted: 78 },
  {
    program: 'xdp_redirect',
    file: 'xdp_redirect',
    functions: ['xdp_redirect_prog', 'xdp_redirect_dummy_prog'],
    wanted: 37,
  },
  { program: 'xdp_router_ipv4', file: 'xdp_router_ipv4', functions: ['xdp_router_ipv4_prog'], wanted: 124 },
  { program: 'xdp_redirect_cpu', file: 'xdp_redirect_cpu', functions: cpuPrograms, wanted: 513 },
];

/** All that is known of one program at one instruction set. */
export interface Row {
  readonly program: string;
  readonly mcpu: string;
  readonly clang: number;
  readonly opt_size: number;
  readonly opt_size_without_atomics: number;
  readonly opt_speed: number;
  /** Instructions a packet, over generated traffic; null for programs that are not XDP. */
  readonly executed_clang: number | null;
  readonly executed_opt: number | null;
  /** Nanoseconds a packet by the cost table; likewise. */
  readonly table_ns_clang: number | null;
  readonly table_ns_opt: number | null;
  /**
   * Nanoseconds a packet in the running kernel, versions taking turns, and what the loop around takes, which is in
   * both; null where it cannot be asked.
   */
  readonly kernel_ns_clang: number | null;
  readonly kernel_ns_opt: number | null;
  readonly kernel_ns_loop: number | null;
  readonly differences: number;
  readonly refused: number;
  /** The least sure of the row's functions, over both goals. */
  readonly label: string;
  /** Instructions a packet of the faster one beside Merlin's, by kind of packet. */
  readonly merlin: readonly MerlinRow[];
  /** Of the processor's time, for the whole file's smaller version, without search, proof and the kernel's say. */
  readonly seconds: number;
  /** All slots of the file. */
  readonly file_slots: number;
}

const packetCount = 400;

/** Packets that the kernel is timed on. */
const timedPackets = 12;

/** Whoever is asked, where there is one. */
export interface Tools {
  readonly bpf: Bpf | undefined;
  readonly solver: Solver | undefined;
}

/** The rows of one file at one instruction set. */
export async function measure(path: string, file: string, mcpu: string, { bpf, solver }: Tools): Promise<Row[]> {
  const bytes = new Uint8Array(readFileSync(path));
  const refuses = refusalsOf(bpf);
  const packets = makePackets(packetCount, 1).map((data) => ({ data }));
  const started = process.cpuUsage();
  const timed = optimizeObject(bytes, {});
  const { user, system } = process.cpuUsage(started);
  const seconds = (user + system) / 1e6;
  const small = await improveObject(bytes, { goal: 'size', refuses, solver });
  const plain = await improveObject(bytes, { goal: 'size', atomics: false, refuses, solver });
  const cost = (object: ObjectSpec): ReadonlyMap<string, number> => costOf(object, packets);
  const profile = (object: ObjectSpec): ReadonlyMap<string, ProgramProfile> => profilesOf(object, packets);
  const fast = await improveObject(bytes, { goal: 'speed', refuses, solver, cost, profile });
  const before = readObject(bytes);
  const [smaller, faster] = [small, fast].map((result) => readObject(result.bytes)) as [ObjectSpec, ObjectSpec];
  const own = targets.filter((target) => target.file === file);
  const names = new Set(own.flatMap(({ functions }) => functions));
  const verdicts: ReadonlyMap<string, Validation>[] = [];
  for (const after of [smaller, faster]) verdicts.push(await validateObject(before, after, names, solver));
  const good = new Set(before.programs.map(({ name }) => name));
  for (const { program } of refuses(bytes)) good.delete(program);
  const compared = [smaller, faster].flatMap((after) =>
    compareObjects(before, after, packets, { engine: machineEngine('wasm'), seeds: [1, 2] }),
  );
  const byClass = executedByClass(before, faster, undefined, packets);
  const rows = byClass.filter((row) => row.class === 'all');
  return own.map((target): Row => {
    const has = (name: string): boolean => target.functions.includes(name);
    const slots = ({ functions }: OptimizedObject, side: 'before' | 'after'): number =>
      functions.filter(({ name }) => has(name)).reduce((total, fn) => total + fn[side], 0);
    const ran = compared.filter(({ program }) => has(program));
    const executed = (of: (row: (typeof rows)[number]) => number): number | null =>
      sum(target.functions.map((name) => rows.filter(({ program }) => program === name).map(of)[0]));
    const some = packets.filter(({ data }) => data.length >= 14).slice(0, timedPackets);
    const times = target.functions.map((name) =>
      bpf === undefined || !good.has(name) ? undefined : kernelTimes(bpf, before, faster, name, some),
    );
    const proofs = verdicts.flatMap((each) => target.functions.map((name) => each.get(name)?.verdict ?? 'unknown'));
    return {
      program: target.program,
      mcpu,
      clang: slots(small, 'before'),
      opt_size: slots(small, 'after'),
      opt_size_without_atomics: slots(plain, 'after'),
      opt_speed: slots(fast, 'after'),
      executed_clang: each(executed(({ before: steps }) => steps)),
      executed_opt: each(executed(({ after }) => after)),
      table_ns_clang: each(executed(({ nsBefore }) => nsBefore)),
      table_ns_opt: each(executed(({ nsAfter }) => nsAfter)),
      kernel_ns_clang: rounded(sum(times.map((time) => time?.[0]))),
      kernel_ns_opt: rounded(sum(times.map((time) => time?.[1]))),
      kernel_ns_loop: rounded(sum(times.map((time) => time?.[2]))),
      differences: ran.filter(({ difference }) => difference !== undefined).length,
      refused: [small, fast].flatMap((result) => refuses(result.bytes)).filter(({ program }) => good.has(program))
        .length,
      label: labelOf(proofs, ran),
      merlin: mcpu === 'v3' ? besideMerlin(file, byClass) : [],
      seconds: Math.round(seconds * 100) / 100,
      file_slots: timed.functions.reduce((total, fn) => total + fn.before, 0),
    };
  });
}

/** The least sure of functions, by their proofs and by runs of packets over both versions. */
export function labelOf(
  proofs: readonly Validation['verdict'][],
  runs: readonly { readonly packets: number }[],
): string {
  const worst = (['refuted', 'unknown', 'bounded'] as const).find((verdict) => proofs.includes(verdict));
  if (worst === 'unknown') return runs.some(({ packets }) => packets > 0) ? 'tested' : 'by rule';
  return worst ?? 'proved';
}

/** A packet's share of a sum over all. */
function each(total: number | null): number | null {
  return total === null ? null : rounded(total / packetCount);
}

function rounded(value: number | null): number | null {
  return value === null ? null : Math.round(value * 100) / 100;
}

function sum(counts: readonly (number | undefined)[]): number | null {
  return counts.reduce<number | null>((all, one) => (all === null || one === undefined ? null : all + one), 0);
}
