/**
 * Chains of tail calls cut between card and driver, both in the running kernel: where the first program leaves the
 * packet to the driver, the dispatcher is run on what it left, metadata included. Needs bpf(2); skipped elsewhere.
 */
import { describe, expect, it } from 'vitest';
import { Interpreter } from '../../src/interp/index.js';
import { comparePackets, KernelSubject, MachineSubject } from '../../src/judge/index.js';
import type { Observation, Packet } from '../../src/judge/subject.js';
import { Bpf } from '../../src/linux/index.js';
import { cutStages, dispatcherName, type Stages } from '../../src/offload/index.js';
import { stageChain, stageChainWithMetadata, stageCuts, stagePackets } from '../../src/offload/testing.js';
import { XDP_PASS } from '../../src/platform/index.js';

const bpf = Bpf.tryOpen();
const packets = stagePackets(32).map((data) => ({ data }));

/** Both stages as one. */
class StagedKernel extends KernelSubject {
  crossed = 0;
  private readonly entry: string;

  constructor(kernel: Bpf, { object }: Stages) {
    const entry = object.programs[0]?.name ?? '';
    super(kernel, object, entry);
    this.entry = entry;
  }

  override run(packet: Packet): Observation {
    this.choose(this.entry);
    const left = super.run(packet);
    if (left.verdict !== XDP_PASS) return left;
    this.choose(dispatcherName);
    const ended = super.run({ data: left.data, meta: left.meta });
    if (ended.meta.length < left.meta.length) this.crossed++;
    return ended;
  }
}

describe.skipIf(bpf === undefined)('in the running kernel', () => {
  for (const object of [stageChain, stageChainWithMetadata])
    for (const card of stageCuts(object))
      it(`${object.name} with ${[...card].join(', ')} on the card`, () => {
        const stages = cutStages(object, { entry: 'parse', card });
        const whole = new MachineSubject(object, 'parse', (machine) => new Interpreter(machine), {});
        const cut = new StagedKernel(bpf as Bpf, stages);
        try {
          const { difference, packets: compared } = comparePackets(object, whole, cut, packets);
          expect({ difference, compared }).toEqual({ difference: undefined, compared: packets.length });
          expect(cut.crossed > 0).toBe(stages.driver.length > 0);
        } finally {
          whole.close();
          cut.close();
        }
      });
});
