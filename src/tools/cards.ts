/**
 * `npm run cards -- [--page FILE] [--examples FOLDER] [FILE|FOLDER...]`: what has been published about cards, and what
 * is wanted of them, beside what the models say. Files are programs of hXDP's evaluation, objects or `llvm-objdump -d`
 * listings, known by their names; `--examples` has programs with traffic, whose traces become stages. Without them
 * only what needs none is compared. `--page` writes docs/cards.md. Exit 1 where a row fails.
 */
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { exitCodes } from '../base/index.js';
import {
  compileProgram,
  manycoreOptimizations,
  numberOf,
  type OptimizationName,
  optimizations,
  publishedOptimizations,
  shippedCard,
  shippedCards,
  VliwEngine,
} from '../nic/index.js';
import { assemble, type ObjectSpec, type ProgramSpec, readObject } from '../object/index.js';
import { buildPacket } from '../packet/index.js';
import { flushedThroughput, flushProbability, largestLoss, publishedProbability } from '../sim/index.js';
import { formatTable } from '../text/index.js';
import { Machine } from '../vm/index.js';
import { manycoreRows } from './cards/manycore-rows.js';
import { exampleRows, flushRows, worstRows } from './cards/pipeline-rows.js';
import { hxdpPrograms, type PublishedProgram } from './cards/published.js';
import { passes, type Row } from './cards/row.js';
import { runTool } from './tool.js';

/** The card that hXDP's figures are about; it is shipped. */
const hxdp = shippedCard('hxdp') ?? shippedCards[0];

/** Table 3 of eHDL: cycles lost by a flush, distance of read and write, Mpps; by the exact sum. */
const ehdlTable3 = [
  ['Tunnel', 109, 2, 120, 99],
  ['Router', 41, 2, 178, 160],
  ['Suricata', 59, 3, 91, 76],
  ['leaky bucket', 39, 5, 52, 47],
] as const;
/** Table 4, by the exact sum (theirs follow from rounded probabilities and another bound: docs/cards.md). */
const ehdlTable4 = [
  [2, 50],
  [3, 18.5],
  [4, 10.4],
  [5, 7],
] as const;

function ehdlRows(): Row[] {
  const rows: Row[] = [];
  for (const [what, lost, distance, rounded, exact] of ehdlTable3) {
    const common = { group: 'eHDL, table 3', unit: 'Mpps', wanted: 1 } as const;
    const model = flushedThroughput(250, publishedProbability(distance), lost);
    rows.push({ ...common, what: `${what}, rounded`, published: rounded, model });
    const precise = flushedThroughput(250, flushProbability(50_000, distance), lost);
    rows.push({ ...common, what: `${what}, exact sum`, published: exact, model: precise });
  }
  for (const [distance, most] of ehdlTable4) {
    const model = largestLoss(250, flushProbability(50_000, distance), 148);
    rows.push({ group: 'eHDL, table 4', what: `L = ${distance}`, unit: 'cycles', published: most, model, wanted: 2 });
  }
  return rows;
}

/** Millions of packets a second: of one packet after the other, on the core alone. */
function rateOf(object: ObjectSpec, program: ProgramSpec, names?: ReadonlySet<OptimizationName>): number {
  if (hxdp === undefined) return Number.NaN;
  const machine = new Machine(object);
  const loaded = machine.programs[object.programs.indexOf(program)];
  if (loaded === undefined) return Number.NaN;
  const engine = new VliwEngine(machine, hxdp, names === undefined ? {} : { optimizations: names });
  machine.setPacket({ data: testPacket(), ingressIfindex: 1 });
  engine.run(loaded);
  return numberOf(hxdp, 'clock') / engine.cycles;
}

/** 64 bytes of UDP, without their checksum of four bytes. */
function testPacket(): Uint8Array {
  const packet = new Uint8Array(60);
  const built = buildPacket('eth/ip(src=10.0.0.1,dst=10.0.0.2)/udp(sport=1000,dport=2000)/zeros(18)');
  packet.set(built.subarray(0, 60));
  return packet;
}

function micro(text: string): number {
  const object = assemble(`.section xdp\n.globl f\nf:\n${text}\n`);
  const [program] = object.programs;
  return program === undefined ? Number.NaN : rateOf(object, program, publishedOptimizations);
}

function microRows(): Row[] {
  const row = (what: string, published: number, model: number): Row => {
    return { group: 'hXDP, micro', what, unit: 'Mpps', published, model, wanted: 10 };
  };
  const calls = (n: number): number => micro(`${'call 5\n'.repeat(n)}r0 = 3\nexit`);
  return [
    row('DROP', 52.2, micro('r0 = 1\nexit')),
    row('TX', 22.4, micro('r0 = 3\nexit')),
    ...(
      [
        [1, 22.4],
        [10, 9.8],
        [20, 6.05],
        [30, 4.33],
        [40, 3.38],
      ] as const
    ).map(([n, published]) => row(`${n} calls of a helper`, published, calls(n))),
  ];
}

/** Rows, lanes, reductions and speed of one of the authors' programs, or of what is built from the same source. */
function programRows(file: string, known: PublishedProgram): Row[] {
  const bytes = readFileSync(file);
  const object = bytes[0] === 0x7f ? readObject(bytes, { name: file }) : assemble(bytes.toString('utf8'));
  const program = object.programs.find(({ name }) => known.programs.test(name)) ?? object.programs[0];
  if (program === undefined) return [];
  const group = `hXDP, ${known.name}`;
  const rows: Row[] = [];
  const isTheirs = program.insns.length === known.slots;
  const count = (lanes: number, names?: ReadonlySet<OptimizationName>): number => {
    const made = compileProgram(program.insns, { lanes, ...(names === undefined ? {} : { optimizations: names }) });
    return made.kind === 'compiled' ? made.rows.length : Number.NaN;
  };
  rows.push({
    group,
    what: isTheirs ? 'rows, 4 lanes' : `rows, 4 lanes (${program.insns.length} slots for ${known.slots})`,
    unit: 'rows',
    published: known.rows,
    model: count(4),
    wanted: 'at most',
  });
  // Shapes and shares are about the very same instructions.
  if (!isTheirs) return rows;
  for (const [i, lanes] of [1, 2, 3, 4, 8].entries()) {
    const published = known.byLanes[i];
    if (published === undefined) continue;
    const model = count(lanes, publishedOptimizations);
    rows.push({ group, what: `published form, ${lanes} lanes`, unit: 'rows', published, model, wanted: 5 });
  }
  return rows;
}

/** Files of operands that are known by name. */
function filesOf(operands: readonly string[]): readonly (readonly [string, PublishedProgram])[] {
  const files = operands.flatMap((path) =>
    statSync(path).isDirectory()
      ? readdirSync(path)
          .sort()
          .map((name) => join(path, name))
      : [path],
  );
  return files.flatMap((file): (readonly [string, PublishedProgram])[] => {
    const found = hxdpPrograms.find(({ files: names }) => names.test(basename(file)));
    return found === undefined ? [] : [[file, found]];
  });
}

function table(rows: readonly Row[]): string {
  const columns = ['of', 'what', 'published', 'model', 'difference', 'unit', 'wanted', ''].map((title, i) => ({
    title,
    ...(i >= 2 && i <= 4 ? { align: 'right' as const } : {}),
  }));
  const digits = (value: number): string => String(Math.round(value * 100) / 100);
  return formatTable(
    columns,
    rows.map((row) => [
      row.group,
      row.what,
      digits(row.published),
      digits(row.model),
      `${(100 * (row.model / row.published - 1)).toFixed(1)} %`,
      row.unit,
      typeof row.wanted === 'string' ? row.wanted : `within ${row.wanted} %`,
      passes(row) ? 'ok' : 'FAILED',
    ]),
  );
}

/** docs/cards.md: what stands between its marks is made here. */
function writePage(file: string, rows: readonly Row[]): void {
  const text = readFileSync(file, 'utf8');
  const steps = formatTable(
    [{ title: 'optimization' }, { title: 'published' }, { title: 'what' }],
    optimizations.map(({ name, published, what }) => [name, published ? 'yes' : 'no', what]),
  );
  const manycore = formatTable(
    [{ title: 'optimization' }, { title: 'what' }],
    manycoreOptimizations.map(({ name, what }) => [name, what]),
  );
  const made: Readonly<Record<string, string>> = { figures: table(rows), optimizations: steps, manycore };
  const block = /<!-- table: (\w+) -->\n[\s\S]*?<!-- end -->/g;
  writeFileSync(
    file,
    text.replace(
      block,
      (_, name: string) =>
        `<!-- table: ${name} -->\n\n    ${(made[name] ?? '').trimEnd().replaceAll('\n', '\n    ')}\n\n<!-- end -->`,
    ),
  );
}

const usage = 'npm run cards -- [--page FILE] [--examples FOLDER] [FILE|FOLDER...]';
/** Packets of each example's traffic. */
const examplePackets = 1000;

await runTool(usage, { page: { type: 'string' }, examples: { type: 'string' } }, async (operands, flags) => {
  const files = filesOf(operands);
  const pipeline = shippedCard('pipeline');
  const examples = flags['examples'];
  const rows = [
    ...ehdlRows(),
    ...flushRows(ehdlTable3),
    ...(pipeline === undefined ? [] : worstRows(pipeline)),
    ...microRows(),
    ...manycoreRows(fileURLToPath(new URL('../../src/tools/cards/programs', import.meta.url))),
    ...files.flatMap(([file, known]) => programRows(file, known)),
    ...(typeof examples === 'string' ? await exampleRows(examples, examplePackets) : []),
  ];
  console.log(`published figures, and what the models say (model: no card was measured here)\n\n${table(rows)}`);
  if (typeof flags['page'] === 'string') writePage(flags['page'], rows);
  const failed = rows.filter((row) => !passes(row)).length;
  console.log(`${rows.length - failed} passed, ${failed} failed`);
  return failed > 0 ? exitCodes.negative : exitCodes.ok;
});
