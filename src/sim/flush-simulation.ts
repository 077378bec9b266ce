/**
 * A pipeline that is flushed, simulated: flows are drawn as the model of eHDL has them (flush-model.ts), one packet a
 * cycle. What is counted differs, so there are two of them.
 */
import { HazardClock } from '../nic/index.js';
import { Prng } from '../packet/index.js';

/**
 * Draws flows with `p_i = 1 / (i ln N)`, as the model has them. These sum to more than one (by 5 % for 50,000 flows),
 * so the rarest flows are never drawn; the frequent ones, which collide, are as likely as the model says.
 */
export function zipfFlows(flows: number, seed: number): () => number {
  const cumulative = new Float64Array(flows);
  const scale = Math.log(flows);
  let sum = 0;
  for (let i = 0; i < flows; i++) {
    sum += 1 / ((i + 1) * scale);
    cumulative[i] = sum;
  }
  const random = new Prng(seed);
  return () => {
    const wanted = random.float();
    let [low, high] = [0, flows - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((cumulative[middle] as number) <= wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}

/**
 * Packets a cycle as the formula counts: in each cycle the `distance` packets under way are looked at, and each flow
 * that stands there exactly twice costs `lost` cycles. Two packets of a flow that stay under way together for several
 * cycles are counted in each of them.
 */
export function flushedByWindows(flows: number, distance: number, lost: number, packets: number, seed: number): number {
  const draw = zipfFlows(flows, seed);
  const window: number[] = [];
  const seen = new Map<number, number>();
  let cycles = 0;
  for (let i = 0; i < packets; i++) {
    const flow = draw();
    window.push(flow);
    seen.set(flow, (seen.get(flow) ?? 0) + 1);
    if (window.length > distance) {
      const left = window.shift() as number;
      const others = (seen.get(left) as number) - 1;
      if (others === 0) seen.delete(left);
      else seen.set(left, others);
    }
    let pairs = 0;
    if (seen.size < window.length) for (const times of seen.values()) if (times === 2) pairs++;
    cycles += pairs === 0 ? 1 : pairs * lost;
  }
  return packets / cycles;
}

/**
 * Packets a cycle of the pipeline as it is built (nic/pipeline/hazards.ts): a packet reads `distance` stages before it
 * writes, and one that has read too early begins anew, once. `lost`: cycles from its first begin to the second, if it
 * came right behind.
 */
export function flushedAsBuilt(flows: number, distance: number, lost: number, packets: number, seed: number): number {
  const draw = zipfFlows(flows, seed);
  const write = lost - 1;
  const clock = new HazardClock('flush', 1);
  let cycle = 0;
  for (let i = 0; i < packets; i++) {
    const access = { map: 0, key: draw(), read: write - distance, write, isAtomic: false };
    cycle = clock.enter(cycle, [access]) + 1;
  }
  return packets / cycle;
}
