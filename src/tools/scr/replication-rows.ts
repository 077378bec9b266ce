/** Rows about analysis, transformation and equivalence: metadata, examples, our engines, the running kernel. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { UserError } from '../../base/index.js';
import { readPackets } from '../../cli/check/traffic.js';
import { KernelRefusal, KernelSubject } from '../../judge/index.js';
import type { Bpf } from '../../linux/index.js';
import { type ObjectSpec, objectImage, pickProgram, readObject, writeElf } from '../../object/index.js';
import { Prng } from '../../packet/index.js';
import {
  analyzeScr,
  buildScr,
  compareScr,
  type ScrAnalysis,
  Sequencer,
  type TimedPacket,
  writeFrame,
} from '../../scr/index.js';
import type { Machine } from '../../vm/index.js';
import { loadMaps, parseMapsFile } from '../../vm/map-json.js';
import { type ScrTable, TableBuilder } from './rows.js';

/** What is wanted of something, and what was measured. */
interface ScrRow {
  readonly what: string;
  readonly wanted: string;
  readonly measured: string;
  readonly passes: boolean;
}

function tableOf(name: string, title: string, rows: readonly ScrRow[]): ScrTable {
  const table = new TableBuilder(name, title, ['what', 'wanted', 'measured', '']);
  for (const { what, wanted, measured, passes } of rows) table.judge(passes, 'not as wanted', what, wanted, measured);
  return table.finish();
}

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** Programs of the kinds that were published, and the bytes that their authors send of TCP packets. */
const published: readonly { readonly file: string; readonly most: number }[] = [
  { file: 'test/scr/ddos.o', most: 4 },
  { file: 'test/scr/heavy-hitter.o', most: 18 },
  { file: 'test/scr/token-bucket.o', most: 18 },
  { file: 'test/scr/port-knocking.o', most: 8 },
  { file: 'examples/tcp-conntrack/tcp-conntrack.o', most: 30 },
];

/** The examples, port knocking by its first program, and what each is found to be. */
const examples: readonly { readonly file: string; readonly program?: string; readonly wanted: RegExp }[] = [
  { file: 'ddos-mitigator/ddos-mitigator.o', wanted: /^replicable/ },
  { file: 'firewall/firewall.o', wanted: /^replicable/ },
  { file: 'heavy-hitter/heavy-hitter.o', wanted: /^replicable/ },
  { file: 'ipv6-filter/ipv6-filter.o', wanted: /^no state/ },
  { file: 'load-balancer/load-balancer.o', wanted: /^replicable/ },
  { file: 'lpm-router/lpm-router.o', wanted: /^no state/ },
  { file: 'nat/nat.o', wanted: /^replicable/ },
  { file: 'port-knocking/port-knocking.o', program: 'port_knocking', wanted: /^not replicable: .*\[tail-call\]/ },
  { file: 'tcp-conntrack/tcp-conntrack.o', wanted: /^replicable/ },
  { file: 'token-bucket/token-bucket.o', wanted: /^replicable/ },
];

function analyze(file: string, program?: string): ScrAnalysis {
  const object: ObjectSpec = readObject(readFileSync(`${root}${file}`), { name: file });
  return analyzeScr(object, pickProgram(object, program));
}

/** A row whose `measured` may throw what a user would be told. */
function rowOf(
  what: string,
  wanted: string,
  measure: () => { readonly text: string; readonly passes: boolean },
): ScrRow {
  try {
    const { text, passes } = measure();
    return { what, wanted, measured: text, passes };
  } catch (error) {
    if (!(error instanceof UserError || error instanceof KernelRefusal)) throw error;
    return { what, wanted, measured: error.message, passes: false };
  }
}

/** Bytes of metadata a packet beside those of the paper's TCP variants. */
export function metadataRows(): ScrTable {
  const rows = published.map(({ file, most }) =>
    rowOf(file, `at most ${most} B`, () => {
      const { verdict, metadata } = analyze(file);
      const { metadataBytes } = metadata.layout;
      return { text: `${metadataBytes} B, ${verdict}`, passes: verdict === 'replicable' && metadataBytes <= most };
    }),
  );
  const defect = rowOf('test/scr/scr-token-bucket.o', 'clock defect is named', () => {
    const [finding] = analyze('test/scr/scr-token-bucket.o').findings;
    return { text: `${finding?.code} at ${finding?.file}:${finding?.line}`, passes: finding?.code === 'clock-defect' };
  });
  return tableOf('metadata', 'Metadata a packet', [...rows, defect]);
}

/** All examples analysed; those that can be replicated run their captures on three cores, beside the sequential run.
 * */
export async function exampleRows(): Promise<ScrTable> {
  const rows: ScrRow[] = [];
  for (const { file, program, wanted } of examples) {
    const folder = `${root}examples/${file.replace(/[^/]*$/, '')}`;
    const packets = await readPackets(`${folder}traffic.pcap`, 2000);
    rows.push(
      rowOf(file, wanted.source.replace(/[\^\\()]/g, ''), () => {
        const { verdict, metadata, findings, replay } = analyze(`examples/${file}`, program);
        const [first] = findings;
        if (verdict === 'no state') return { text: verdict, passes: wanted.test(verdict) };
        if (verdict !== 'replicable') {
          const text = `${verdict}: ${first?.file}:${first?.line} [${first?.code}]`;
          return { text, passes: wanted.test(text) };
        }
        const maps = `${root}examples/${file.replace(/\.o$/, '.maps.json')}`;
        const options = existsSync(maps)
          ? { fill: (machine: Machine) => loadMaps(machine, parseMapsFile(readFileSync(maps, 'utf8'), maps)) }
          : {};
        const built = buildScr(metadata, { cores: 3 });
        const result = compareScr(metadata, built, packets, { engine: 'interp', ...options });
        const { difference, beyond } = result;
        const pause = beyond === 0 ? '' : `, ${beyond} behind a pause longer than the clock's bits`;
        const code = replay !== undefined && 'insns' in replay ? `${replay.insns} instructions an item` : 'no code';
        const equal = difference ?? `equal on ${result.packets} packets${pause}`;
        const text = `replicable, ${metadata.layout.metadataBytes} B, ${code}, ${equal}`;
        return { text, passes: wanted.test(text) && difference === undefined };
      }),
    );
  }
  return tableOf('examples', 'The examples', rows);
}

/** Ways in which the packets of a trial are spread over flows. */
const traffics = ['one flow', 'few flows', 'many flows', 'knocks', 'slow', 'odd packets'] as const;

/** IPv4 over TCP, mostly; the same for the same arguments. */
export function trialPackets(kind: (typeof traffics)[number], count: number, seed: number): TimedPacket[] {
  const random = new Prng(seed);
  const below = (n: number): number => random.below(n);
  let time = 1000n;
  const flows = { 'one flow': 1, 'few flows': 8, 'many flows': 200, knocks: 4, slow: 16, 'odd packets': 16 }[kind];
  return Array.from({ length: count }, () => {
    const flow = below(flows);
    const data = new Uint8Array(54 + below(40));
    data.set([8, 0, 0x45, 0, 0, 40], 12);
    data[23] = 6;
    const port = kind === 'knocks' ? 100 + below(4) : 80;
    data.set([10, 0, 0, flow, 10, 0, 1, 1, flow, 7, 0, port], 26);
    data[47] = [2, 18, 16, 17, 4][below(5)] as number;
    data[46] = 0x50;
    if (kind === 'odd packets' && below(3) === 0) data[[12, 14, 20, 23, 26, 37][below(6)] as number] = below(256);
    time += BigInt(below(kind === 'slow' ? 40_000_000 : 200_000));
    return { data: kind === 'odd packets' && below(8) === 0 ? data.slice(0, 14 + below(40)) : data, time };
  });
}

/** Every number of cores from 1 to 14, six traffics: `packets` of each in all. */
export function engineRows(packets: number): ScrTable {
  const rows = published.map(({ file }) =>
    rowOf(file, '1 to 14 cores equal one, copies too', () => {
      const { metadata } = analyze(file);
      let run = 0;
      for (let cores = 1; cores <= 14; cores++) {
        const built = buildScr(metadata, { cores });
        for (const [i, kind] of traffics.entries()) {
          const share = Math.max(cores, Math.floor(packets / 14));
          const {
            difference,
            copies,
            packets: done,
          } = compareScr(metadata, built, trialPackets(kind, share, cores * 16 + i));
          if (difference !== undefined) return { text: `${cores} cores, ${kind}: ${difference}`, passes: false };
          if (copies !== cores) return { text: `${cores} cores, ${kind}: ${copies} copies compared`, passes: false };
          run += done;
        }
      }
      return { text: `equal, ${run} packets over ${traffics.length} traffics`, passes: true };
    }),
  );
  return tableOf('engines', 'Equal to the sequential run (our engines)', rows);
}

/**
 * The built objects in the running kernel, lane by lane pinned to the CPUs that there are. What they are compared with
 * is the program itself; with a clock it is the object for one core, whose time is the sequencer's.
 */
export function kernelRows(bpf: Bpf | undefined, packets: number): ScrTable {
  const title = 'Equal to the sequential run (the running kernel, TEST_RUN)';
  if (bpf === undefined) return tableOf('kernel', `${title}: no bpf(2) here, nothing compared`, []);
  const rows = published.map(({ file }) =>
    rowOf(file, 'accepted, 2 and 8 and 14 cores equal one', () => {
      for (const cores of [2, 8, 14]) {
        const difference = compareInKernel(bpf, analyze(file), cores, trialPackets('few flows', packets, cores));
        if (difference !== undefined) return { text: `${cores} cores: ${difference}`, passes: false };
      }
      return { text: `equal, ${packets} packets each`, passes: true };
    }),
  );
  return tableOf('kernel', title, rows);
}

function compareInKernel(
  bpf: Bpf,
  { metadata, program }: ScrAnalysis,
  cores: number,
  packets: readonly TimedPacket[],
): string | undefined {
  const { scr } = metadata.slice;
  const built = buildScr(metadata, { cores });
  const single = metadata.layout.clock === undefined ? undefined : buildScr(metadata, { cores: 1 });
  const reference = single?.object ?? scr.object;
  const sequencer = new Sequencer(metadata);
  const states = scr.maps.filter(({ role }) => role === 'state');
  const alone = new KernelSubject(bpf, reference, single?.object.programs[0]?.name ?? program.name);
  // As it is written to a file, with the types that the kernel wants to see.
  const written = readObject(writeElf(objectImage(built.object, { core: 'applied' })), { name: scr.object.name });
  const many = new KernelSubject(bpf, written, built.object.programs[0]?.name ?? '');
  try {
    const history: (Uint8Array | undefined)[] = Array.from({ length: cores - 1 }, () => undefined);
    for (const [number, { data, time }] of packets.entries()) {
      const lane = number % cores;
      const head = { lane, time, number };
      bpf.pinToCpu(0);
      const expected = alone.run({
        data: single === undefined ? data : writeFrame(single.layout, { ...head, lane: 0 }, [], data),
      });
      bpf.pinToCpu(lane % 2);
      const got = many.run({ data: writeFrame(built.layout, head, history, data) });
      if (got.verdict !== expected.verdict || Buffer.compare(got.data, expected.data) !== 0)
        return `packet ${number}: verdict ${expected.verdict}, here ${got.verdict}`;
      history.shift();
      history.push(sequencer.item(data, time));
      if (number < packets.length - cores) continue;
      for (const { index, spec } of states) {
        const wanted = JSON.stringify(alone.contents(index));
        const own = JSON.stringify(
          many.contents(
            written.maps.findIndex(
              ({ name }) => name === built.object.maps[built.copies[lane]?.get(index) ?? -1]?.name,
            ),
          ),
        );
        if (wanted !== own) return `lane ${lane}'s copy of \`${spec.name}\` differs`;
      }
    }
    return undefined;
  } finally {
    alone.close();
    many.close();
  }
}
