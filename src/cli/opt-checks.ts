/** What `jitnic opt` asks before it writes: the running kernel, and packets. */
import { UserError } from '../base/index.js';
import { Interpreter } from '../interp/index.js';
import { compareObjects, MachineSubject, machineEngine, type ObjectDifferenceRow, seedMaps } from '../judge/index.js';
import { acceptances, Bpf } from '../linux/index.js';
import { type ObjectSpec, type ReadObjectOptions, readObject, sizeMaps, xdpFitness } from '../object/index.js';
import type { Refusal } from '../super/index.js';
import { openCaptureFile } from './capture-input.js';
import { makePackets } from './check/traffic.js';
import type { Io } from './command.js';

/** Whether the kernel has a say. */
export type KernelState = 'accepts all that it accepted before' | 'not asked' | 'cannot be asked';

/** The running kernel's say, where there is one and this process may ask it. */
export interface KernelJudge {
  readonly state: KernelState;
  readonly ask: ((bytes: Uint8Array) => readonly Refusal[]) | undefined;
}

/** The running kernel as a judge of objects, or that it cannot be asked. Both verdicts are those of BPF_PROG_LOAD. */
export function kernelRefusals(reading: ReadObjectOptions, io: Io): KernelJudge {
  const bpf = Bpf.tryOpen();
  if (bpf === undefined) return { state: 'cannot be asked', ask: undefined };
  const ask = (bytes: Uint8Array): readonly Refusal[] => {
    // Maps that their loader sizes are none of the verifier's business.
    const { object } = sizeMaps(readObject(bytes, reading), 64);
    try {
      return acceptances(bpf, object).flatMap(({ program, refusal }) =>
        refusal === undefined ? [] : [{ program, why: `the kernel: ${refusal}` }],
      );
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      // A map that can't be made: no program loads, before and after.
      io.detail(1, error.format());
      return object.programs.map(({ name }) => ({ program: name, why: error.message }));
    }
  };
  return { state: 'accepts all that it accepted before', ask };
}

/** What is compared on. */
export interface ComparedOptions {
  readonly count: number;
  readonly capture: string | undefined;
  readonly programs: readonly string[] | undefined;
}

const seed = 1;
/** Contents of maps that packets are shared between. */
const seeds: readonly number[] = [1, 2, 3, 4];

/** Input and output side by side on generated packets and those of a capture. */
export async function comparedPackets(
  before: ObjectSpec,
  after: ObjectSpec,
  { count, capture, programs }: ComparedOptions,
  io: Io,
): Promise<ObjectDifferenceRow[]> {
  const made = count === 0 ? [] : makePackets(count, seed);
  const packets: { readonly data: Uint8Array }[] = made.map((data) => ({ data }));
  if (capture !== undefined) packets.push(...(await packetsOf(capture, io)));
  const engine = machineEngine('wasm');
  return io.breakable('comparing', () => compareObjects(before, after, packets, { engine, seeds, programs }));
}

async function packetsOf(path: string, io: Io): Promise<{ readonly data: Uint8Array }[]> {
  const capture = await openCaptureFile(path, io);
  const packets: { readonly data: Uint8Array }[] = [];
  for await (const packet of capture.packets()) packets.push({ data: packet.data.slice() });
  if (capture.damage !== undefined) io.info(`${path}: ${capture.damage}`);
  return packets;
}

/** Instructions that a program executed over a capture, before and after. */
export interface ExecutedRow {
  readonly program: string;
  readonly packets: number;
  readonly before: number;
  readonly after: number;
}

/** One for each program that can be run as XDP; maps are filled from a seed. */
export async function executedInstructions(
  before: ObjectSpec,
  after: ObjectSpec,
  capture: string,
  programs: readonly string[] | undefined,
  io: Io,
): Promise<ExecutedRow[]> {
  const packets = await packetsOf(capture, io);
  return before.programs
    .filter((program) => xdpFitness(program) !== 'other' && (programs?.includes(program.name) ?? true))
    .flatMap(({ name }) => {
      const [old, now] = [before, after].map((object) => executedOn(object, name, packets));
      return old === undefined || now === undefined
        ? []
        : [{ program: name, packets: packets.length, before: old, after: now }];
    });
}

/** Instructions that a program executes on all packets together; undefined where it can't be run. */
export function executedOn(
  object: ObjectSpec,
  name: string,
  packets: readonly { readonly data: Uint8Array }[],
): number | undefined {
  let steps = 0;
  try {
    const subject = new MachineSubject(
      sizeMaps(object, 64).object,
      name,
      (machine) => new CountingInterpreter(machine),
      { cpus: 1 },
    );
    seedMaps(
      object,
      [subject],
      seed,
      1,
      packets.slice(0, 64).map(({ data }) => data),
    );
    for (const packet of packets) {
      subject.run(packet);
      steps += CountingInterpreter.last;
    }
    return steps;
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

/** The interpreter, which knows how many instructions a run took. */
class CountingInterpreter extends Interpreter {
  static last = 0;

  override run(program: Parameters<Interpreter['run']>[0]): ReturnType<Interpreter['run']> {
    const outcome = super.run(program);
    CountingInterpreter.last = (outcome as { readonly steps?: number }).steps ?? 0;
    return outcome;
  }
}
