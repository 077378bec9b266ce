/** Rows about the card of many cores: small programs, and two load balancers (cards/programs) with their maps. */
import { readFileSync } from 'node:fs';
import {
  type CardDescription,
  ManycoreEngine,
  type Placed,
  partRates,
  placedByCounts,
  placedFar,
  shippedCard,
  Work,
} from '../../nic/index.js';
import { assemble, type ObjectSpec, readObject } from '../../object/index.js';
import { buildPacket } from '../../packet/index.js';
import { XDP_TX } from '../../platform/index.js';
import { Machine } from '../../vm/index.js';
import type { Row } from './row.js';

/** Packets of a row, and their flows. */
const packetCount = 512;

/** What a program did with a stream of packets. */
interface Done {
  readonly object: ObjectSpec;
  readonly work: Work;
  readonly elements: readonly ReadonlyMap<number, number>[];
  /** Share of the packets that were sent back. */
  readonly sent: number;
  readonly length: number;
}

/** Runs packets of UDP of so many flows, `length` bytes without checksum; `fill` puts the maps' elements there. */
function runFlows(object: ObjectSpec, card: CardDescription, length: number, fill: (machine: Machine) => void): Done {
  const machine = new Machine(object);
  fill(machine);
  const engine = new ManycoreEngine(machine, card);
  engine.countElements();
  const work = new Work(machine.maps.length);
  const [program] = machine.programs;
  let sent = 0;
  for (let i = 0; i < packetCount && program !== undefined; i++) {
    const text = `eth/ip(src=10.0.${i >> 8}.${i & 255},dst=10.1.0.1)/udp(sport=${1024 + 7 * i},dport=80)/zeros(${length - 42})`;
    machine.setPacket({ data: buildPacket(text), ingressIfindex: 1 });
    if (engine.run(program).verdict === XDP_TX) sent++;
    work.add(engine.work);
  }
  return { object, work, elements: engine.elements ?? [], sent: sent / packetCount, length };
}

/** Millions of packets a second, with maps where `placed` says. */
function rateOf(card: CardDescription, { work, sent, length }: Done, placed: Placed): number {
  return partRates(card, work, placed, { length, sent })[0]?.rate ?? Number.NaN;
}

const bytes = (...values: readonly number[]): Uint8Array => Uint8Array.from(values);
const word = (value: number): Uint8Array => bytes(value & 0xff, (value >> 8) & 0xff, (value >> 16) & 0xff, 0);

function put(machine: Machine, name: string, key: Uint8Array, value: Uint8Array): void {
  const map = machine.maps.find(({ spec }) => spec.name === name);
  const error = map?.updateElem(key, value) ?? -1;
  if (error !== 0) throw new Error(`${name}: element ${key.join()}: ${error}`);
}

/** The balancer of the samples: 32 servers. */
function fillServers(machine: Machine): void {
  for (let i = 0; i < 32; i++) put(machine, 'servers', word(i), bytes(10, 2, 0, 1, 10, 3, 0, i));
}

/** Ours, cut: one VIP, 64 reals. */
function fillFour(machine: Machine): void {
  put(machine, 'vips', bytes(10, 1, 0, 1, 0, 80, 17, 0), word(0));
  for (let i = 0; i < 251; i++) put(machine, 'rings', word(i), word(i % 64));
  for (let i = 0; i < 64; i++) put(machine, 'reals', word(i), bytes(10, 3, 0, i, 1, 0, 0, 0));
}

const lookup = (key: number): string => `.map m type=hash key=${key} value=8 max_entries=64
  .section xdp
  .globl f
  f:
  r1 = 0
  *(u64 *)(r10 - 8) = r1
  *(u64 *)(r10 - 16) = r1
  r2 = r10
  r2 += -${key}
  r1 = m ll
  call 1
  r0 = 1
  exit`;

/** Rows of all published figures. `folder`: where the programs are. */
export function manycoreRows(folder: string): Row[] {
  const [one, two] = [shippedCard('nfp4000'), shippedCard('nfp4000-2x40')];
  if (one === undefined || two === undefined) return [];
  const small = (text: string): number => {
    const object = assemble(text.includes('.section') ? text : `.section xdp\n.globl f\nf:\n${text}\n`);
    return rateOf(
      one,
      runFlows(object, one, 60, () => undefined),
      placedFar(object),
    );
  };
  const program = (name: string, length: number, fill: (machine: Machine) => void): Done =>
    runFlows(readObject(readFileSync(`${folder}/${name}.o`), { name }), two, length, fill);
  const row = (what: string, published: number, model: number, wanted: Row['wanted'], unit = 'Mpps'): Row => {
    return { group: 'NFP-4000', what, unit, published, model, wanted };
  };
  const sample = program('sample-balancer', 140, fillServers);
  const four = program('four-lookups', 60, fillFour);
  const far = rateOf(two, four, placedFar(four.object));
  const near = rateOf(two, four, placedByCounts(two, four.object, four.work, four.elements) ?? placedFar(four.object));
  return [
    row('DROP', 32.2, small('r0 = 1\nexit'), 5),
    row('TX', 28.3, small('r0 = 3\nexit'), 5),
    ...[1, 4, 16].map((key) => row(`a look-up, key of ${key} B`, 32.3, small(lookup(key)), 5)),
    row('load balancer of the samples, 144 B, two ports', 33.0, rateOf(two, sample, placedFar(sample.object)), 10),
    row('four look-ups, maps far, two ports', 24, far, 10),
    row('four look-ups, maps by counts, two ports', 41.5, near, 10),
    row('the same, near over far, at least 40 / 24', 40 / 24, near / far, 'at least', 'times'),
    row('the same, near over far, at most 43 / 24', 43 / 24, near / far, 'at most', 'times'),
  ];
}
