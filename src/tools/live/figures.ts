/**
 * Examples before and after specialising, over traffic of high, low and no locality: packets of their captures, and
 * for the router a table of a thousand routes with packets to many of them.
 *
 * What is wanted without locality is 0.99, not 1: a version that gains nothing must not cost anything either, but for
 * what a measurement wavers by.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Bpf, type KernelIds, KernelObject } from '../../linux/index.js';
import { type TrialResult, trial } from '../../live/index.js';
import { readObject } from '../../object/index.js';
import { decodeCapture, Prng } from '../../packet/index.js';
import { loadMaps, Machine, parseMapsFile } from '../../vm/index.js';

/** How the packets of a round are drawn. */
export const localities = ['high', 'low', 'none'] as const;

/** An example, and what is wanted of it at high and at no locality. */
export interface FigureSubject {
  readonly name: string;
  readonly high: number;
  readonly none: number;
  /** Changes what the maps hold, and makes packets of those of the capture. */
  readonly prepare?: (bpf: Bpf, kernel: KernelObject, packets: readonly Uint8Array[]) => Uint8Array[];
}

/** Destination of an IPv4 packet without a VLAN tag. */
const destinationAt = 30;
const routes = 1000;

/** A thousand routes to the first route's next hop, and the first packet that is redirected, to many of them. */
function manyRoutes(bpf: Bpf, kernel: KernelObject, packets: readonly Uint8Array[]): Uint8Array[] {
  const table = kernel.maps.find(({ spec }) => spec.name === 'routes4');
  const program = kernel.programFd('lpm_router') ?? -1;
  const template = packets.find(
    (data) => data[12] === 8 && data[13] === 0 && bpf.testRun(program, { data }).retval === 4,
  );
  if (table === undefined || template === undefined) throw new Error('the router redirects no packet');
  const lookup = Uint8Array.of(32, 0, 0, 0, ...template.subarray(destinationAt, destinationAt + 4));
  const value = bpf.mapLookup(table.fd, lookup, table.spec.valueSize);
  if (typeof value === 'number') throw new Error('the router has no route for it');
  const random = new Prng(20);
  const made: Uint8Array[] = [];
  for (let i = 0; i < routes; i++) {
    const address = [11 + random.below(80), random.below(256), random.below(256)];
    const length = 16 + random.below(9);
    if (bpf.mapUpdate(table.fd, Uint8Array.of(length, 0, 0, 0, ...address, 0), value) < 0) break;
    const packet = template.slice();
    packet.set([...address, 1 + random.below(250)], destinationAt);
    made.push(packet);
  }
  return made;
}

/** In the order of the table. */
export const figureSubjects: readonly FigureSubject[] = [
  { name: 'lpm-router', high: 1.9, none: 0.99, prepare: manyRoutes },
  { name: 'load-balancer', high: 1.3, none: 0.99 },
  { name: 'nat', high: 1, none: 0.99 },
  { name: 'firewall', high: 1, none: 0.99 },
];

/** Packets of a round. Of their times the middle half is averaged (trial.ts), so it takes some hundreds. */
const roundLength = 256;

/** Numbers of packets: nine in ten of two, by rank, or all alike. */
function orderOf(locality: (typeof localities)[number], count: number, random: Prng): number[] {
  return Array.from({ length: roundLength }, () => {
    if (locality === 'none') return random.below(count);
    if (locality === 'high') return random.below(10) < 9 ? random.below(2) : random.below(count);
    // The probability falls with the rank.
    return Math.min(count - 1, Math.floor(count ** random.float()) - 1);
  });
}

/** One row of figures. */
export function figure(
  bpf: Bpf,
  ids: KernelIds,
  subject: FigureSubject,
  locality: (typeof localities)[number],
  rounds: number,
): TrialResult {
  const path = fileURLToPath(new URL(`../../../examples/${subject.name}/${subject.name}`, import.meta.url));
  const object = readObject(readFileSync(`${path}.o`), { name: subject.name });
  const kernel = KernelObject.load(bpf, object);
  try {
    const machine = new Machine(object);
    loadMaps(machine, parseMapsFile(readFileSync(`${path}.maps.json`, 'utf8')));
    for (const [index, map] of machine.maps.entries()) {
      if (map.spec.init !== undefined) continue;
      for (const { key, value } of map.writtenEntries()) {
        // Test runs send nothing: each port is the loopback, which every namespace has.
        const isPort = map.spec.type.startsWith('devmap');
        const bytes = isPort ? Uint8Array.of(1, 0, 0, 0) : kernel.translate(map.spec, value);
        bpf.mapUpdate(kernel.maps[index]?.fd ?? -1, key, bytes);
      }
    }
    const capture = decodeCapture(
      readFileSync(fileURLToPath(new URL(`../../../examples/${subject.name}/traffic.pcap`, import.meta.url))),
    );
    const all = [...capture.packets]
      .map(({ data }) => data.slice())
      .filter(({ length }) => length >= 14 && length < 1500);
    const packets = subject.prepare?.(bpf, kernel, all) ?? all;
    const fd = kernel.programs[0]?.loaded;
    if (fd === undefined || !('fd' in fd)) throw new Error(`${subject.name} is not loaded`);
    const order = orderOf(locality, packets.length, new Prng(7));
    return trial(bpf, ids, ids.program(fd.fd).id, packets, order, rounds);
  } finally {
    kernel.close();
  }
}
