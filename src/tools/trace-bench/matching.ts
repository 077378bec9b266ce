/**
 * How finding a packet's trace grows with their number: the compiled tree against a scan of the ternary rows and
 * tuple-space search (matchers.ts), over generated programs that are binary decisions on packet bits, 4 to 4,096
 * traces. *Same bits*: each level of the decisions asks one bit, so all rows have one mask, the best case of a hash
 * table. *Own bits*: each decision asks a bit of its own, as programs with many branches do, so masks are as many as
 * rows. Packets are drawn so that each trace is as likely; all three find the same traces.
 */
import { InternalError } from '../../base/index.js';
import { rowCells, ternaryRows } from '../../condition/index.js';
import { assemble, type ObjectSpec } from '../../object/index.js';
import { Prng } from '../../packet/index.js';
import { Runtime } from '../../runtime/index.js';
import { formatTable } from '../../text/index.js';
import { columnsOf, PacketArena } from '../../vm/index.js';
import { makeMatchers, type Row } from './matchers.js';

/** Numbers of traces; each is a full tree of decisions, so powers of two. */
const sizes = [4, 16, 64, 256, 1024, 4096];
// All packets are of one length: no guard on it tells traces apart.
const packetBytes = 64;
const batch = 512;
const rounds = 60;
/** Milliseconds that V8 gets to optimize each way. */
const settle = 1500;

/** Nanoseconds a packet, of ways that take turns; `before` is called ahead of each, and is not counted. */
export function mediansOf(
  ways: readonly (() => unknown)[],
  packets: number,
  times: number,
  before: () => void = () => {},
): number[] {
  const samples = ways.map((): number[] => []);
  for (let i = 0; i < times; i++) {
    for (const [w, way] of ways.entries()) {
      before();
      const from = process.hrtime.bigint();
      way();
      samples[w]?.push(Number(process.hrtime.bigint() - from) / packets);
    }
  }
  return samples.map((list) => list.sort((a, b) => a - b)[list.length >> 1] ?? Number.NaN);
}

/** Decisions of `depth` levels on bits of the first 64 bytes. */
function decisionProgram(depth: number, own: boolean, random: Prng): ObjectSpec {
  const lines = ['r2 = *(u32 *)(r1 + 0)', 'r3 = *(u32 *)(r1 + 4)', 'r4 = r2', `r4 += ${packetBytes}`, 'r0 = 2'];
  lines.push('if r4 > r3 goto out');
  // Bits behind the Ethernet addresses and type, five apart, so that they are spread over bytes.
  const levels = Array.from({ length: depth }, (_, i) => 8 * 14 + 5 * i);
  let labels = 0;
  const decide = (level: number, used: ReadonlySet<number>): void => {
    if (level === depth) {
      lines.push(`r0 = ${1 + random.below(2)}`, 'exit');
      return;
    }
    let bit = levels[level] as number;
    while (own && (bit === levels[level] || used.has(bit))) bit = 8 * 12 + random.below(8 * 48);
    const label = `yes${labels++}`;
    lines.push(`r5 = *(u8 *)(r2 + ${bit >> 3})`, `r5 &= ${1 << (bit & 7)}`, `if r5 != 0 goto ${label}`);
    const more = new Set(used).add(bit);
    decide(level + 1, more);
    lines.push(`${label}:`);
    decide(level + 1, more);
  };
  decide(0, new Set());
  lines.push('out:', 'exit');
  return assemble(lines.join('\n'), { name: 'decisions.s' });
}

/** Runs random packets until every path is a trace. */
function recordPaths(object: ObjectSpec, count: number, random: Prng): Runtime {
  const [program] = object.programs;
  if (program === undefined) throw new InternalError('trace-bench', 'no program');
  const runtime = new Runtime(object, program, {
    cacheSize: 2 * count,
    bypass: false,
    keepConditions: false,
    patience: Number.POSITIVE_INFINITY,
  });
  for (let i = 0; i < 40 * count && runtime.traces.length < count; i++) runtime.run({ data: draw(random) });
  return runtime;
}

/** A packet of random bytes: each path is as likely as any other. */
function draw(random: Prng): Uint8Array {
  return Uint8Array.from({ length: packetBytes }, () => random.below(256));
}

/** The rows of the traces, cells as words. */
function rowsOf(runtime: Runtime): Row[] {
  return runtime.traces.flatMap(({ trace }) => {
    if (trace === undefined) return [];
    return ternaryRows(trace.facts).rows.map((row) => {
      const words = new Map<number, { mask: number; value: number }>();
      for (const { column, mask, value } of rowCells(row.bits)) {
        // Lengths are the same here.
        if (column.kind !== 'packet') continue;
        const at = column.offset & ~3;
        const shift = 8 * (column.offset & 3);
        const word = words.get(at) ?? { mask: 0, value: 0 };
        words.set(at, { mask: word.mask | (mask << shift), value: word.value | (value << shift) });
      }
      return [...words].map(([offset, { mask, value }]) => ({ offset, mask: mask >>> 0, value: value >>> 0 }));
    });
  });
}

/** A row of the table: nanoseconds a packet by way, and milliseconds to compile the tree. */
interface Figures {
  readonly traces: number;
  readonly masks: number;
  readonly tree: number;
  readonly tuples: number;
  readonly scan: number;
  readonly compileMs: number;
}

/** One row: traces recorded, all three ways built and compared with each other, then timed in turns. */
function measure(depth: number, own: boolean): Figures {
  const random = new Prng(7 + depth);
  const object = decisionProgram(depth, own, random);
  const runtime = recordPaths(object, 2 ** depth, random);
  const { machine, card } = runtime;
  if (card === undefined) throw new InternalError('trace-bench', 'no card');
  const start = performance.now();
  card.compile();
  const compileMs = performance.now() - start;
  const matchers = makeMatchers(rowsOf(runtime));
  const arena = new PacketArena(machine, { moves: 'none' });
  const bytes = Uint8Array.from({ length: packetBytes * batch }, () => random.below(256));
  arena.load(bytes);
  arena.add(columnsOf(new Array<number>(batch).fill(packetBytes)), 0, batch, 0);
  matchers.bytes.set(bytes, matchers.packets);
  const ways = [
    () => card.runRecords(arena, 0, batch),
    () => matchers.tuples(matchers.packets, batch, packetBytes),
    () => matchers.scan(matchers.packets, batch, packetBytes),
  ];
  // The sum of the row numbers over all packets is the same if both find the same rows.
  const [decided, byTuples, byScan] = ways.map((way) => way());
  if (decided !== batch || byTuples !== byScan) throw new InternalError('trace-bench', 'the matchers disagree');
  for (const way of ways) for (const begin = performance.now(); performance.now() - begin < settle; ) way();
  const [tree = 0, tuples = 0, scan = 0] = mediansOf(ways, batch, rounds);
  return { traces: runtime.traces.length, masks: matchers.masks, tree, tuples, scan, compileMs };
}

/** Nanoseconds a packet by number of traces, as a table of text. */
export function matchingTable(): string {
  const rows = [false, true].flatMap((own) =>
    sizes.map((size) => {
      const { traces, masks, tree, tuples, scan, compileMs } = measure(Math.log2(size), own);
      const figures = [tree, tuples, scan].map((ns) => ns.toFixed(1));
      return [own ? 'own bits' : 'same bits', traces, masks, ...figures, compileMs.toFixed(0)];
    }),
  );
  const titles = ['traces', 'masks', 'tree ns', 'tuple space ns', 'scan ns', 'compile ms'];
  return formatTable([{ title: 'matching' }, ...titles.map((title) => ({ title, align: 'right' as const }))], rows);
}
