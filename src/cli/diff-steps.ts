/** Instructions that two versions of a program took, in all and by class of packet. */
import { classRank, packetClass } from './packet-class.js';

/** What packets of one class took: instructions in all. */
export interface ClassSteps {
  readonly name: string;
  readonly packets: number;
  readonly old: number;
  readonly new: number;
}

/** What one version took for a packet. */
interface Taken {
  readonly steps: number;
}

/** The sums. */
export class StepCount {
  readonly all: [old: number, fresh: number] = [0, 0];
  private readonly byClass = new Map<string, { packets: number; old: number; new: number }>();

  add(data: Uint8Array, [old, fresh]: readonly [Taken, Taken]): void {
    this.all[0] += old.steps;
    this.all[1] += fresh.steps;
    const name = packetClass(data);
    const sum = this.byClass.get(name) ?? { packets: 0, old: 0, new: 0 };
    this.byClass.set(name, sum);
    sum.packets++;
    sum.old += old.steps;
    sum.new += fresh.steps;
  }

  get classes(): ClassSteps[] {
    return [...this.byClass]
      .map(([name, sum]) => ({ name, ...sum }))
      .sort((a, b) => classRank(a.name) - classRank(b.name));
  }
}
