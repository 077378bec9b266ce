/**
 * Programs of the kind that K2 (SIGCOMM 2021, Table 1) was measured on: instructions alone with a list of maps, as
 * older compilers wrote them (bench/k2-inputs.sh). K2's own inputs are not at hand; where ours has as many slots as
 * K2's, what K2 left of its own is wanted, else the same share.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { compareObjects, machineEngine } from '../../judge/index.js';
import {
  type ObjectSpec,
  type ProgramSpec,
  rawImage,
  rawInsns,
  rawMapList,
  readObject,
  writeElf,
} from '../../object/index.js';
import { improveObject, optimizeObject } from '../../super/index.js';
import { validateObject } from '../../super/proof/index.js';
import { formatTable } from '../../text/index.js';
import { refusalsOf } from './refusals.js';
import { labelOf, type Tools } from './rows.js';

interface Target {
  /** K2's name for it. */
  readonly program: string;
  readonly file: string;
  readonly function: string;
  readonly section: string;
  /** Slots before and after, of K2's own; undefined: it has none of the kind. */
  readonly k2: readonly [number, number] | undefined;
}

const targets: readonly Target[] = [
  { program: 'xdp_exception', file: 'programs', function: 'xdp_exception', section: 'tracepoint/xdp', k2: [18, 16] },
  { program: 'redirect_err', file: 'programs', function: 'redirect_err', section: 'tracepoint/xdp', k2: [18, 16] },
  { program: 'devmap_xmit', file: 'programs', function: 'devmap_xmit', section: 'tracepoint/xdp', k2: [36, 29] },
  { program: 'cpumap_kthread', file: 'programs', function: 'cpumap_kthread', section: 'tracepoint/xdp', k2: [24, 18] },
  { program: 'cpumap_enqueue', file: 'programs', function: 'cpumap_enqueue', section: 'tracepoint/xdp', k2: [26, 21] },
  {
    program: 'sys_enter_open',
    file: 'syscall_tp',
    function: 'trace_enter_open',
    section: 'tracepoint/a',
    k2: [24, 20],
  },
  { program: 'socket/0', file: 'sockex3', function: 'main_prog', section: 'socket', k2: [29, 27] },
  { program: 'socket/1', file: 'sockex3', function: 'bpf_func_PARSE_VLAN', section: 'socket', k2: [32, 30] },
  { program: 'router_ipv4', file: 'xdp_router_ipv4', function: 'xdp_router_ipv4_prog', section: 'xdp', k2: [111, 99] },
  { program: 'redirect', file: 'xdp_redirect', function: 'xdp_redirect_prog', section: 'xdp', k2: [43, 35] },
  { program: 'xdp1', file: 'xdp1_old', function: 'xdp_prog1', section: 'xdp', k2: [61, 56] },
  { program: 'xdp2', file: 'xdp2_old', function: 'xdp_prog1', section: 'xdp', k2: [78, 71] },
  { program: 'xdp_fwd', file: 'xdp_fwd', function: 'xdp_fwd_prog', section: 'xdp', k2: [155, 128] },
  { program: 'pktcntr', file: 'programs', function: 'pktcntr', section: 'xdp', k2: [22, 19] },
  { program: 'firewall', file: 'programs', function: 'firewall', section: 'xdp', k2: [72, 65] },
  { program: 'map_access', file: 'programs', function: 'map_access', section: 'xdp', k2: [30, 26] },
  { program: 'from-network', file: 'programs', function: 'from_network', section: 'tc', k2: [39, 29] },
  { program: 'recvmsg4', file: 'recvmsg4', function: 'recvmsg4_prog', section: 'cgroup/recvmsg4', k2: [94, 81] },
  { program: 'balancer', file: 'balancer', function: 'balancer_ingress_v4', section: 'xdp', k2: [1771, 1607] },
  { program: 'balancer (TC)', file: 'cls_redirect', function: 'cls_redirect', section: 'tc', k2: undefined },
];

/** One of them. */
export interface K2Row {
  readonly program: string;
  readonly clang: number;
  readonly opt: number;
  /** At most as many slots; null: nobody else's figure is known. */
  readonly wanted: number | null;
  readonly label: string;
  readonly refused: number;
  readonly differences: number;
  /** Of the processor's time, without search, proof and the kernel's say. */
  readonly seconds: number;
}

/** Slots that K2 would have left, by its share. */
function wantedOf({ k2 }: Target, clang: number): number | null {
  return k2 === undefined ? null : Math.floor((clang * k2[1]) / k2[0]);
}

/** Names of all rows, in their order. */
export const k2Programs: readonly string[] = targets.map(({ program }) => program);

/** Builds the inputs in the folder unless they are there; false where no clang-14 is. */
export function buildK2Inputs(root: string, folder: string): boolean {
  if (existsSync(join(folder, 'k2', 'cls_redirect.o'))) return true;
  try {
    execFileSync('clang-14', ['--version'], { stdio: 'ignore' });
  } catch {
    return false;
  }
  execFileSync('bash', [join(root, 'bench', 'k2-inputs.sh'), folder], { stdio: ['ignore', 'inherit', 'inherit'] });
  return true;
}

/** A program as other tools hand one over: instructions and a list of maps, of the type that a section's name says. */
export function instructionsAlone(object: ObjectSpec, program: ProgramSpec, section: string): Uint8Array {
  return writeElf(rawImage(rawInsns(program), rawMapList(object), undefined, section));
}

/** Optimizes one of them for size. */
export async function k2Row(
  folder: string,
  program: string,
  packets: readonly { readonly data: Uint8Array }[],
  { bpf, solver }: Tools,
): Promise<K2Row> {
  const target = targets.find((each) => each.program === program) as Target; // one of k2Programs
  const whole = readObject(new Uint8Array(readFileSync(join(folder, 'k2', `${target.file}.o`))));
  const chosen = whole.programs.find(({ name }) => name === target.function);
  if (chosen === undefined) throw new Error(`${target.file}.o has no ${target.function}`);
  const bytes = instructionsAlone(whole, chosen, target.section);
  const refuses = refusalsOf(bpf);
  const started = process.cpuUsage();
  optimizeObject(bytes);
  const { user, system } = process.cpuUsage(started);
  const small = await improveObject(bytes, { refuses, solver });
  const [before, after] = [readObject(bytes), readObject(small.bytes)];
  const good = new Set(before.programs.map(({ name }) => name));
  for (const each of refuses(bytes)) good.delete(each.program);
  const rows = compareObjects(before, after, packets, { engine: machineEngine('wasm'), seeds: [1, 2] });
  const names = new Set(small.functions.filter(({ saved }) => saved.length > 0).map(({ name }) => name));
  const verdicts = [...(await validateObject(before, after, names, solver)).values()].map(({ verdict }) => verdict);
  const clang = chosen.insns.length;
  return {
    program,
    clang,
    opt: small.functions.reduce((sum, fn) => sum + fn.after, 0),
    wanted: wantedOf(target, clang),
    label: labelOf(verdicts, rows),
    refused: refuses(small.bytes).filter((each) => good.has(each.program)).length,
    differences: rows.filter(({ difference }) => difference !== undefined).length,
    seconds: Math.round((user + system) / 1e4) / 100,
  };
}

/** A line for each. */
export function k2Table(rows: readonly K2Row[]): string {
  const right = 'right' as const;
  const columns = ['program', 'clang-14', 'opt', 'wanted', 'how sure'].map((title, i) => ({
    title,
    ...(i > 0 && i < 4 ? { align: right } : {}),
  }));
  return formatTable(
    columns,
    rows.map(({ program, clang, opt, wanted, label }) => [program, clang, opt, wanted ?? undefined, label]),
  );
}
