/**
 * What two versions of a program cost in the running kernel: BPF_PROG_TEST_RUN with `repeat`, the versions taking
 * turns on the same packets, each packet's best turn. The loop around the program is in the figure of both, so a
 * program that does nothing takes its turn, too.
 */
import { UserError } from '../../base/index.js';
import { type Bpf, KernelObject } from '../../linux/index.js';
import { assemble, type ObjectSpec, sizeMaps } from '../../object/index.js';

const turns = 15;
const repeat = 4000;

/** Nanoseconds a run: before, after, the loop alone; undefined where the kernel does not take or run the program. */
export function kernelTimes(
  bpf: Bpf,
  before: ObjectSpec,
  after: ObjectSpec,
  program: string,
  packets: readonly { readonly data: Uint8Array }[],
): readonly [number, number, number] | undefined {
  const open: KernelObject[] = [];
  try {
    const section = before.programs.find(({ name }) => name === program)?.section ?? 'xdp';
    const nothing = assemble(`.license "GPL"\n.section ${section}\n.globl ${program}\n${program}:\nr0 = 2\nexit\n`);
    for (const object of [before, after, nothing])
      open.push(KernelObject.load(bpf, sizeMaps(object, 64).object, { programs: [program] }));
    const fds = open.map(({ programs }) => {
      const loaded = programs.find(({ spec }) => spec.name === program)?.loaded;
      return loaded !== undefined && 'fd' in loaded ? loaded.fd : undefined;
    });
    const [old, fresh, loop] = fds;
    if (old === undefined || fresh === undefined || loop === undefined) return undefined;
    const sums = [0, 0, 0];
    let counted = 0;
    for (const { data } of packets) {
      // Linux runs no packet without an Ethernet header.
      if (data.length < 14) continue;
      const best = sums.map(() => Number.POSITIVE_INFINITY);
      for (let turn = 0; turn < turns; turn++)
        for (const [side, fd] of [old, fresh, loop].entries()) {
          const { status, duration } = bpf.testRun(fd, { data, repeat });
          if (status !== 0) return undefined;
          best[side] = Math.min(best[side] as number, duration); // a side of sums
        }
      for (const [side, each] of best.entries()) sums[side] = (sums[side] as number) + each; // likewise
      counted++;
    }
    const [first, second, third] = sums.map((all) => all / counted) as [number, number, number]; // as many
    return counted === 0 ? undefined : [first, second, third];
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  } finally {
    for (const each of open) each.close();
  }
}
