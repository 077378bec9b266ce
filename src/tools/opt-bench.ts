/**
 * `npm run opt-bench -- [WORKDIR] [--files A,B] [--mcpu V]`: how small `jitnic opt` makes the programs that published
 * optimizers are measured by, beside what those reach. Builds the inputs (bench/opt-inputs.sh: linux-source-6.1,
 * clang-19 -O2 -g, v2 and v3) in WORKDIR unless they are there, asks verifier and kernel about each result, compares
 * input and output on packets and counts executed instructions in the interpreter. A row for each program; writes
 * bench/opt.json and the table of docs/opt.md; exit 0 when every figure is reached. Rows of a file are kept in
 * WORKDIR/rows, and not measured again by the same build: a run that was broken off goes on. Then programs of the
 * kind that K2 was measured on (opt-bench/k2-rows.ts), and times (opt-bench/times.ts). With --files or --mcpu only
 * those rows (`k2` and `times` are names, too), nothing is written, and only what has to hold for each of them is
 * asked: sizes at v3 no larger than wanted, accepted, equal.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makePackets } from '../cli/check/traffic.js';
import { Bpf } from '../linux/index.js';
import { openSolver } from '../linux/open-solver.js';
import { formatTable } from '../text/index.js';
import { buildHash } from './build-hash.js';
import { buildK2Inputs, type K2Row, k2Programs, k2Row, k2Table } from './opt-bench/k2-rows.js';
import { measure, type Row, type Tools, targets } from './opt-bench/rows.js';
import { type TimeRow, timedPrograms, timeRow, timeTable } from './opt-bench/times.js';
import { negativeIf, runTool } from './tool.js';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** Processor time for so many slots, without search and proof. */
const timedSlots = 300;
const wantedSeconds = 1;

/** How many of the first targets the mean is over. */
const meanOver = 11;
const wantedReached = 14;
const wantedMean = 0.82;
const wantedSpeed = 0.65;
const wantedMerlin = 0.8;
const wantedWeighted = 0.75;
const wantedKernel = 0.93;
const worstKernel = 1.02;

/** Modules that rows hang on: who prints and judges them may change. */
const measured: RegExp =
  /^(base|bpf|code|interp|ir|isa|jit|judge|linux|object|opt|packet|platform|solve|super|verifier|vm|wasm|tools\/opt-bench|cli\/check|cli\/opt-cost)\b/;

await runTool(
  'npm run opt-bench -- [WORKDIR] [--files A,B] [--mcpu V]',
  { files: { type: 'string' }, mcpu: { type: 'string' } },
  async (operands, flags) => {
    const folder = operands[0] ?? join(tmpdir(), 'jitnic-opt-bench');
    if (!existsSync(join(folder, 'v3', 'xdp_router_ipv4.o'))) {
      execFileSync('bash', [join(root, 'bench', 'opt-inputs.sh'), folder], { stdio: ['ignore', 'inherit', 'inherit'] });
    }
    const chosen = typeof flags['files'] === 'string' ? flags['files'].split(',') : undefined;
    const files = [...new Set(targets.map(({ file }) => file))].filter((file) => chosen?.includes(file) ?? true);
    const versions = ['v2', 'v3'].filter((mcpu) => flags['mcpu'] === undefined || flags['mcpu'] === mcpu);
    const isWhole = chosen === undefined && versions.length === 2;
    const isOther = (name: string): boolean => isWhole || chosen?.includes(name) === true;
    const tools: Tools = { bpf: Bpf.tryOpen(), solver: await openSolver() };
    const build = buildHash(measured);
    const rows: Row[] = [];
    for (const mcpu of versions)
      for (const file of files)
        rows.push(
          ...(await kept(folder, `${build} ${mcpu} ${file}`, () =>
            measure(join(folder, mcpu, `${file}.o`), file, mcpu, tools),
          )),
        );
    const k2: K2Row[] = [];
    if (isOther('k2') && buildK2Inputs(root, folder)) {
      const packets = makePackets(400, 1).map((data) => ({ data }));
      for (const name of k2Programs)
        k2.push(
          ...(await kept(folder, `${build} k2 ${name.replace('/', '-')}`, async () => [
            await k2Row(folder, name, packets, tools),
          ])),
        );
    }
    await tools.solver?.close();
    const times: TimeRow[] = [];
    for (const name of isOther('times') ? timedPrograms : [])
      times.push(...(await kept(folder, `${build} time ${name}`, async () => [await timeRow(folder, name)])));
    const checks = [...(isWhole ? judge(rows) : judgeRows(rows)), ...judgeK2(k2), ...judgeTimes(times)];
    const tables = [
      ...(rows.length > 0 ? [tableOf(rows)] : []),
      ...(k2.length > 0 ? [k2Table(k2)] : []),
      ...(times.length > 0 ? [timeTable(times)] : []),
    ];
    console.log(tables.join('\n'));
    for (const { what, passed } of checks) console.log(`${passed ? 'passed' : 'failed'}  ${what}`);
    if (isWhole) {
      writeFileSync(join(root, 'bench', 'opt.json'), `${JSON.stringify(rows, undefined, 2)}\n`);
      writeFileSync(join(root, 'bench', 'opt-k2.json'), `${JSON.stringify({ k2, times }, undefined, 2)}\n`);
      writeTables(tables);
    }
    const failed = checks.filter(({ passed }) => !passed).length;
    console.log(`\n${checks.length - failed} passed, ${failed} failed`);
    return negativeIf(failed);
  },
);

/** Rows that this build has measured in the folder before, or else now. */
async function kept<T>(folder: string, name: string, made: () => Promise<T[]>): Promise<readonly T[]> {
  const path = join(folder, 'rows', `${name}.json`);
  if (existsSync(path)) return JSON.parse(readFileSync(path, 'utf8'));
  const rows = await made();
  mkdirSync(join(folder, 'rows'), { recursive: true });
  writeFileSync(path, JSON.stringify(rows));
  return rows;
}

/** The geometric one. */
function mean(ratios: readonly number[]): number {
  return Math.exp(ratios.reduce((all, ratio) => all + Math.log(ratio), 0) / ratios.length);
}

interface Check {
  readonly what: string;
  readonly passed: boolean;
}

/** What holds for each row by itself. */
function judgeRows(rows: readonly Row[]): Check[] {
  const differing = rows.reduce((all, row) => all + row.differences, 0);
  const refused = rows.reduce((all, row) => all + row.refused, 0);
  const sizes = rows.filter(({ mcpu }) => mcpu === 'v3');
  return [
    ...sizes.map(({ program, opt_size: slots }) => {
      const wanted = targets.find((target) => target.program === program)?.wanted ?? 0;
      return { what: `${program}: ${slots} slots, wanted at most ${wanted}`, passed: slots <= wanted };
    }),
    { what: `${refused} programs refused by the kernel that took them before, wanted 0`, passed: refused === 0 },
    { what: `${differing} programs that decide otherwise, wanted 0`, passed: differing === 0 },
  ];
}

/** What the program takes by itself in the kernel, of clang's; undefined where that can't be told. */
function programShare(row: Row): number | undefined {
  const { kernel_ns_clang: old, kernel_ns_opt: now, kernel_ns_loop: loop } = row;
  if (old === null || now === null || loop === null || old - loop < 1) return undefined;
  return Math.max(0.01, now - loop) / (old - loop);
}

/** All figures that the whole run is to reach. */
function judge(rows: readonly Row[]): Check[] {
  const v3 = targets.map(({ program }) => rows.find((row) => row.program === program && row.mcpu === 'v3') as Row);
  const reached = targets.filter(({ wanted }, i) => (v3[i]?.opt_size ?? Number.POSITIVE_INFINITY) <= wanted).length;
  const size = mean(v3.slice(0, meanOver).map((row) => row.opt_size / row.clang));
  const plain = mean(v3.slice(0, meanOver).map((row) => row.opt_size_without_atomics / row.clang));
  const ratios = (old: keyof Row, now: keyof Row): number[] =>
    v3.flatMap((row) => (row[old] === null || row[now] === null ? [] : [Number(row[now]) / Number(row[old])]));
  const speed = ratios('executed_clang', 'executed_opt');
  const weighted = ratios('table_ns_clang', 'table_ns_opt');
  const kernel = ratios('kernel_ns_clang', 'kernel_ns_opt');
  const alone = v3.flatMap((row) => programShare(row) ?? []);
  const merlin = v3.flatMap((row) => row.merlin.map(({ opt, merlin: theirs }) => opt / theirs));
  const seconds = Math.max(...v3.map((row) => (row.seconds * timedSlots) / Math.max(timedSlots, row.file_slots)));
  const proved = rows.filter(({ label }) => label === 'proved').length;
  const percent = (ratio: number): string => `${(100 * (1 - ratio)).toFixed(1)} %`;
  return [
    ...judgeRows(rows),
    {
      what: `${reached} of ${targets.length} sizes reached, wanted ${wantedReached}`,
      passed: reached >= wantedReached,
    },
    {
      what: `${percent(size)} below clang over the first ${meanOver}, wanted ${percent(wantedMean)} (${percent(plain)} without atomics)`,
      passed: size <= wantedMean,
    },
    {
      what: `executed instructions ${mean(speed).toFixed(3)} of clang's (geometric mean), wanted ${wantedSpeed}`,
      passed: mean(speed) <= wantedSpeed,
    },
    {
      what: `executed instructions ${mean(merlin).toFixed(3)} of Merlin's on ${merlin.length} kinds of packet, wanted ${wantedMerlin}`,
      passed: mean(merlin) <= wantedMerlin,
    },
    {
      what: `${seconds.toFixed(2)} s of the processor's time for ${timedSlots} slots, at worst, without search, wanted ${wantedSeconds}`,
      passed: seconds <= wantedSeconds,
    },
    {
      what: `by the cost table ${mean(weighted).toFixed(3)} of clang's, at worst ${Math.max(...weighted).toFixed(3)}, wanted ${wantedWeighted} on each`,
      passed: Math.max(...weighted) <= wantedWeighted,
    },
    {
      what: `in the kernel ${mean(alone).toFixed(3)} of clang's, wanted ${wantedKernel} (${mean(kernel).toFixed(3)} with the loop around, which is in both)`,
      passed: mean(alone) <= wantedKernel,
    },
    {
      what: `in the kernel at worst ${Math.max(...kernel).toFixed(3)} of clang's, the loop around included, wanted ${worstKernel}`,
      passed: Math.max(...kernel) <= worstKernel,
    },
    { what: `${proved} of ${rows.length} rows proved, wanted 90 %`, passed: proved >= 0.9 * rows.length },
  ];
}

/** Sizes against K2's shares: K2's on each, and all that has to hold. */
function judgeK2(rows: readonly K2Row[]): Check[] {
  if (rows.length === 0) return [];
  const bad = rows.reduce((all, { refused, differences }) => all + refused + differences, 0);
  const proved = rows.filter(({ label }) => label === 'proved').length;
  return [
    ...rows.flatMap(({ program, clang, opt, wanted }) =>
      wanted === null
        ? []
        : [{ what: `${program} (as K2's): ${clang} to ${opt} slots, wanted at most ${wanted}`, passed: opt <= wanted }],
    ),
    { what: `${bad} of K2's kind refused or different, wanted 0`, passed: bad === 0 },
    { what: `${proved} of ${rows.length} of K2's kind proved, wanted 90 %`, passed: proved >= 0.9 * rows.length },
  ];
}

function judgeTimes(rows: readonly TimeRow[]): Check[] {
  return rows.map(({ what, seconds, wanted }) => ({
    what: `${what}: ${seconds.toFixed(1)} s of the processor's time, wanted ${wanted}`,
    passed: seconds <= wanted,
  }));
}

function tableOf(rows: readonly Row[]): string {
  const right = 'right' as const;
  const columns = [
    'program',
    'mcpu',
    'clang',
    'opt',
    'no atomics',
    'speed',
    'wanted',
    'executed',
    'table',
    'kernel',
    'how sure',
  ].map((title, i) => ({
    title,
    ...(i < 2 || title === 'how sure' ? {} : { align: right }),
  }));
  return formatTable(
    columns,
    rows.map((row) => {
      const wanted = row.mcpu === 'v3' ? targets.find(({ program }) => program === row.program)?.wanted : undefined;
      const ratio = (old: number | null, now: number | null): string =>
        old === null || now === null ? '' : (now / old).toFixed(2);
      return [
        row.program,
        row.mcpu,
        row.clang,
        row.opt_size,
        row.opt_size_without_atomics,
        row.opt_speed,
        wanted,
        ratio(row.executed_clang, row.executed_opt),
        ratio(row.table_ns_clang, row.table_ns_opt),
        programShare(row)?.toFixed(2),
        row.label,
      ];
    }),
  );
}

/** The tables of docs/opt.md, between two marks. */
function writeTables(tables: readonly string[]): void {
  const path = join(root, 'docs', 'opt.md');
  const text = readFileSync(path, 'utf8');
  const [before, rest] = text.split('<!-- opt-bench -->\n');
  const [, after] = rest?.split('<!-- end -->\n') ?? [];
  if (before === undefined || after === undefined) return;
  const blocks = tables.map((table) => `\`\`\`\n${table.trimEnd()}\n\`\`\`\n`).join('\n');
  writeFileSync(path, `${before}<!-- opt-bench -->\n\n${blocks}\n<!-- end -->\n${after}`);
}
