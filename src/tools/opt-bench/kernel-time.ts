/**
 * What two versions of a program cost in the running kernel: BPF_PROG_TEST_RUN with `repeat`, the versions taking turns
 * on the same packets, each packet's best turn. The loop around the program is in the figure of both.
 */
import { UserError } from '../../base/index.js';
import { type Bpf, KernelObject } from '../../linux/index.js';
import { type ObjectSpec, sizeMaps } from '../../object/index.js';

const turns = 9;
const repeat = 4000;

/** Nanoseconds a run, before and after; undefined where the kernel does not take or run the program. */
export function kernelTimes(
  bpf: Bpf,
  before: ObjectSpec,
  after: ObjectSpec,
  program: string,
  packets: readonly { readonly data: Uint8Array }[],
): readonly [number, number] | undefined {
  const open: KernelObject[] = [];
  try {
    for (const object of [before, after])
      open.push(KernelObject.load(bpf, sizeMaps(object, 64).object, { programs: [program] }));
    const fds = open.map(({ programs }) => {
      const loaded = programs.find(({ spec }) => spec.name === program)?.loaded;
      return loaded !== undefined && 'fd' in loaded ? loaded.fd : undefined;
    });
    const [old, fresh] = fds;
    if (old === undefined || fresh === undefined) return undefined;
    const sums: [number, number] = [0, 0];
    let counted = 0;
    for (const { data } of packets) {
      // Linux runs no packet without an Ethernet header.
      if (data.length < 14) continue;
      const best: [number, number] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
      for (let turn = 0; turn < turns; turn++)
        for (const [side, fd] of [old, fresh].entries()) {
          const { status, duration } = bpf.testRun(fd, { data, repeat });
          if (status !== 0) return undefined;
          best[side as 0 | 1] = Math.min(best[side as 0 | 1], duration);
        }
      sums[0] += best[0];
      sums[1] += best[1];
      counted++;
    }
    return counted === 0 ? undefined : [sums[0] / counted, sums[1] / counted];
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  } finally {
    for (const each of open) each.close();
  }
}
