/**
 * The same by simulation, packet by packet in the traffic's own order: packets at a rate, a wire, a bus and the
 * queues of cores; or cores that take locks from each other. What it carries at the highest rate whose loss is
 * {@link allowedLoss} is what {@link predict} says by formula.
 */
import { type CardDescription, numberOf } from '../../nic/index.js';
import { Prng } from '../../packet/index.js';
import { EventClock, HostCores, Link, packetBytes, Wire } from '../../sim/index.js';
import { allowedLoss, scrThroughput } from './costs.js';
import {
  balanced,
  bucketOf,
  firstAssignment,
  hashBuckets,
  queueLength,
  type SharingCosts,
  type Station,
  stationOf,
  type Technique,
} from './techniques.js';
import { type Workload, windowPackets } from './workload.js';

/** What lies between sequencer and cores; left out: nothing does. */
export interface Carrier {
  readonly card: CardDescription;
  /** Bytes in front of each packet. */
  readonly added: number;
}

/** Picoseconds that a packet may wait for the wire or the bus before the ones behind it are lost. */
const longestWait = 5e6;

/** Mpps that n cores carry, by simulation. */
export function simulate(
  technique: Technique,
  costs: SharingCosts,
  workload: Workload,
  cores: number,
  carrier?: Carrier,
): number {
  if (technique === 'lock' || technique === 'atomic')
    return simulateLocks(stationOf(technique, costs, cores), workload, cores);
  const takes = technique === 'scr' ? (1000 * cores) / scrThroughput(costs, cores) : costs.t;
  const at = (rate: number): Carried => offered(technique, takes, workload, cores, rate, carrier);
  let [low, high] = [250 / costs.t, (1000 * cores) / takes / (1 - allowedLoss)];
  // To a thousandth.
  while (high - low > high / 1000) {
    const middle = (low + high) / 2;
    if (at(middle).loss <= allowedLoss) low = middle;
    else high = middle;
  }
  return at(low).rate;
}

interface Carried {
  /** Share of packets that did not come through. */
  readonly loss: number;
  /** Mpps that came through. */
  readonly rate: number;
}

/** Packets at `rate` Mpps. */
function offered(
  technique: 'scr' | 'shard' | 'migrate',
  takes: number,
  { keys, meanLength }: Workload,
  count: number,
  rate: number,
  carrier: Carrier | undefined,
): Carried {
  const cores = new HostCores(count, queueLength);
  const wire = carrier === undefined ? undefined : new Wire(numberOf(carrier.card, 'mac.rate'));
  const link = carrier === undefined ? undefined : new Link(carrier.card, 1n);
  const length = Math.round(meanLength + (carrier?.added ?? 0));
  const gap = 1e6 / rate;
  let assignment = firstAssignment(count);
  let loads = new Float64Array(hashBuckets);
  const ends = keys.length * gap;
  let [done, busy] = [0, 0];
  for (let i = 0; i < keys.length; i++) {
    const time = Math.round(i * gap);
    const key = keys[i] as number;
    let isLost = false;
    let arrived = time;
    if (wire !== undefined && link !== undefined) {
      isLost = wire.free - time > longestWait || busy - time > longestWait;
      if (!isLost) {
        arrived = link.send(wire.pass(time, length), packetBytes(length));
        busy = link.freeAt;
      }
    }
    const core = technique === 'scr' ? i % count : (assignment[bucketOf(key)] as number);
    // What still waits at the end is not carried: so queues need not be full before losses count.
    if (!isLost && cores.admits(core, arrived) && cores.run(core, arrived, Math.round(takes * 1000)) <= ends) done++;
    if (technique !== 'migrate') continue;
    loads[bucketOf(key)] = (loads[bucketOf(key)] as number) + 1;
    if ((i + 1) % windowPackets === 0) {
      assignment = balanced(loads, assignment, count);
      loads = new Float64Array(hashBuckets);
    }
  }
  return { loss: 1 - done / keys.length, rate: (rate * done) / keys.length };
}

/** Cores that take the next packet when they are free, and its element's lock when they have done what needs none. */
function simulateLocks({ think, held }: Station, { keys, keyCount }: Workload, cores: number): number {
  const clock = new EventClock();
  const random = new Prng(2);
  // Of each element: who waits, first come first, as lists through `behind`; -1 is none.
  const first = new Int32Array(keyCount).fill(-1);
  const last = new Int32Array(keyCount).fill(-1);
  const behind = new Int32Array(cores).fill(-1);
  const keyOf = new Uint32Array(cores);
  let taken = 0;
  let done = 0;
  const hold = (core: number): void =>
    clock.at(clock.now + Math.round(held * random.exponential() * 1000), released, core);
  const asks = clock.on((core) => {
    const key = keyOf[core] as number;
    if (first[key] === -1) {
      first[key] = core;
      last[key] = core;
      hold(core);
      return;
    }
    behind[last[key] as number] = core;
    last[key] = core;
  });
  const next = (core: number): void => {
    if (taken >= keys.length) return;
    keyOf[core] = keys[taken++] as number;
    clock.at(clock.now + Math.round(think * 1000), asks, core);
  };
  const released = clock.on((core) => {
    const key = keyOf[core] as number;
    const follows = behind[core] as number;
    behind[core] = -1;
    first[key] = follows;
    if (follows === -1) last[key] = -1;
    else hold(follows);
    done++;
    next(core);
  });
  for (let core = 0; core < cores; core++) next(core);
  clock.finish();
  return (done * 1e6) / clock.now;
}
