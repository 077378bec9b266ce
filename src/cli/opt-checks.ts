/** What `jitnic opt` asks before it writes: the running kernel, and packets. */
import { UserError } from '../base/index.js';
import { compareObjects, machineEngine, type ObjectDifferenceRow } from '../judge/index.js';
import { acceptances, Bpf } from '../linux/index.js';
import { type ObjectSpec, type ReadObjectOptions, readObject, sizeMaps } from '../object/index.js';
import type { Refusal } from '../super/index.js';
import { readPackets } from './capture-input.js';
import { makePackets } from './check/traffic.js';
import type { Io } from './command.js';

/** Whether the kernel has a say. */
export type KernelState = 'accepts all that it accepted before' | 'not asked' | 'cannot be asked';

/** The running kernel's say, where there is one and this process may ask it. */
export interface KernelJudge {
  readonly state: KernelState;
  readonly ask: ((bytes: Uint8Array) => readonly Refusal[]) | undefined;
  /** The kernel itself, to run programs. */
  readonly bpf: Bpf | undefined;
}

/**
 * The running kernel as a judge of objects, or that it cannot be asked. Both verdicts are those of BPF_PROG_LOAD;
 * `aligned`: with BPF_F_STRICT_ALIGNMENT.
 */
export function kernelRefusals(reading: ReadObjectOptions, io: Io, aligned = false): KernelJudge {
  const bpf = Bpf.tryOpen();
  if (bpf === undefined) return { state: 'cannot be asked', ask: undefined, bpf };
  const ask = (bytes: Uint8Array): readonly Refusal[] => {
    // Maps that their loader sizes are none of the verifier's business.
    const { object } = sizeMaps(readObject(bytes, reading), 64);
    try {
      return acceptances(bpf, object, { strictAlignment: aligned }).flatMap(({ program, refusal }) =>
        refusal === undefined ? [] : [{ program, why: `the kernel: ${refusal}` }],
      );
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      // A map that can't be made: no program loads, before and after.
      io.detail(1, error.format());
      return object.programs.map(({ name }) => ({ program: name, why: error.message }));
    }
  };
  return { state: 'accepts all that it accepted before', ask, bpf };
}

/** What is compared on. */
export interface ComparedOptions {
  readonly count: number;
  readonly capture: string | undefined;
  readonly programs: readonly string[] | undefined;
  /** Runs what engines of ours can't; undefined: nobody does. */
  readonly kernel: Bpf | undefined;
}

const seed = 1;
/** Contents of maps that packets are shared between. */
const seeds: readonly number[] = [1, 2, 3, 4];

/** Input and output side by side on generated packets and those of a capture. */
export async function comparedPackets(
  before: ObjectSpec,
  after: ObjectSpec,
  { count, capture, programs, kernel }: ComparedOptions,
  io: Io,
): Promise<ObjectDifferenceRow[]> {
  const made = count === 0 ? [] : makePackets(count, seed);
  const packets: { readonly data: Uint8Array }[] = made.map((data) => ({ data }));
  if (capture !== undefined) packets.push(...(await readPackets(capture, io)));
  const engine = machineEngine('wasm');
  return io.work('comparing', () => compareObjects(before, after, packets, { engine, seeds, programs, kernel }));
}
