/** Runs one case of a campaign on the kernel and on the engine, and makes it small when they differ. */
import { UserError } from '../../base/index.js';
import { Interpreter } from '../../interp/index.js';
import { type Bpf, possibleCpus } from '../../linux/index.js';
import type { ObjectSpec } from '../../object/index.js';
import { type DumpedMaps, dumpMaps } from '../../vm/index.js';
import { comparePackets, type Difference } from '../compare.js';
import { KernelRefusal, KernelSubject } from '../kernel-subject.js';
import { type EngineFactory, MachineSubject } from '../machine-subject.js';
import { type PlantedFault, plant, withWasmFault } from '../plant.js';
import { isReproducible } from '../reproducible.js';
import { seedMaps } from '../seed-maps.js';
import type { KnownValues } from '../shrink/replacements.js';
import { type FailingCase, shrinkCase } from '../shrink/shrink-case.js';
import type { Packet, Subject } from '../subject.js';
import type { Failure } from './campaign.js';

/** What cases are run on. */
export interface CaseOptions {
  readonly engine: EngineFactory;
  readonly fault?: PlantedFault;
  readonly shrink?: boolean;
}

/** Everything that cases of one campaign share. */
export class CaseRunner {
  /** Why the engine, a compiler, left the last program to the interpreter, if it did. */
  notCompiled: string | undefined;
  private readonly bpf: Bpf;
  private readonly seed: number;
  private readonly samples: readonly Uint8Array[];
  private readonly options: CaseOptions;

  /** `packets` of the whole case: map contents are made with bytes of theirs, and stay the same when it shrinks. */
  constructor(bpf: Bpf, seed: number, packets: readonly Packet[], options: CaseOptions) {
    this.bpf = bpf;
    this.seed = seed;
    this.samples = packets.map((packet) => packet.data);
    this.options = options;
  }

  /** Undefined: nothing to compare (the fault does not concern the program). Throws KernelRefusal. */
  compare(failing: FailingCase): Difference | 'none' | undefined {
    const { fault } = this.options;
    const found = withWasmFault(fault, () => this.compareWith(failing, fault));
    if (fault === undefined || found === undefined || found === 'none') return found;
    // What differs without the planted mistake too does not show it: a mistake that is there, a comparison with a
    // pointer.
    return this.compareWith(failing, undefined) === 'none' ? found : undefined;
  }

  /** Kernel against engine on one case; undefined: the fault is not in this program. Throws KernelRefusal. */
  private compareWith(
    { object, packets, seeded }: FailingCase,
    fault: PlantedFault | undefined,
  ): Difference | 'none' | undefined {
    const { engine: makeEngine } = this.options;
    const ours = fault?.kind === 'insn' ? plant(object, fault) : object;
    if (ours === undefined) return undefined;
    const name = nameOf(object);
    const kernel = new KernelSubject(this.bpf, object, name);
    try {
      const engine = new MachineSubject(ours, name, makeEngine, { cpus: possibleCpus() });
      const complaint = seeded ? this.fill(object, [kernel, engine]) : undefined;
      if (complaint !== undefined) return { packet: -1, what: complaint };
      const { difference } = comparePackets(object, kernel, engine, packets);
      this.notCompiled = engine.notCompiled;
      return difference ?? 'none';
    } catch (error) {
      // A mistake of ours is a difference too, and the campaign goes on.
      return { packet: -1, what: `the engine fails: ${error instanceof UserError ? error.format() : error}` };
    } finally {
      kernel.close();
    }
  }

  /** The failure, shrunk if that is asked for. */
  describe(failing: FailingCase, difference: Difference): Failure {
    const { seed } = this;
    if (this.options.shrink !== true) return { seed, difference, failing, maps: this.contentsOf(failing) };
    let last = difference;
    const fails = (smaller: FailingCase): boolean => {
      try {
        const found = this.compare(smaller);
        // A candidate that returns or stores a pointer differs for no interesting reason.
        if (found === undefined || found === 'none' || !this.isReproducible(smaller)) return false;
        last = found;
        return true;
      } catch (error) {
        if (error instanceof KernelRefusal || error instanceof UserError) return false;
        throw error;
      }
    };
    const observe = (smaller: FailingCase): KnownValues => this.observe(smaller);
    const small = shrinkCase(failing, fails, { packet: difference.packet, observe });
    return { seed, difference: last, failing: small, maps: this.contentsOf(small) };
  }

  /** What its maps hold before the first packet, if the seed filled them. */
  private contentsOf({ object, seeded }: FailingCase): DumpedMaps | undefined {
    if (!seeded || object.maps.length === 0) return undefined;
    const machine = new MachineSubject(object, nameOf(object), (m) => new Interpreter(m), { cpus: possibleCpus() });
    this.fill(object, [machine]);
    return dumpMaps(machine.holder, { formatted: false });
  }

  /** Fills all subjects alike; what they answer differently is a difference already. */
  private fill(object: ObjectSpec, subjects: readonly Subject[]): string | undefined {
    return seedMaps(object, subjects, this.seed, possibleCpus(), this.samples)[0];
  }

  /** Does it come to the same when addresses are others? */
  private isReproducible({ object, packets, seeded }: FailingCase): boolean {
    return isReproducible(object, nameOf(object), packets, (subjects) => {
      if (seeded) this.fill(object, subjects);
      return undefined;
    });
  }

  /** Registers after each instruction of the first program, when it was last executed. */
  private observe({ object, packets, seeded }: FailingCase): KnownValues {
    const known = new Map<number, BigUint64Array>();
    const pending: (number | undefined)[] = [];
    const name = nameOf(object);
    const makeEngine: EngineFactory = (machine) => {
      const interpreter = new Interpreter(machine);
      interpreter.observer = {
        before(program, pc, depth) {
          if (program.spec.name !== name) return;
          const done = pending[depth];
          if (done !== undefined) known.set(done, interpreter.registers.u64.slice());
          pending[depth] = pc;
          // A frame that is entered anew has executed nothing yet.
          pending.length = depth + 1;
        },
      };
      return interpreter;
    };
    const machine = new MachineSubject(object, name, makeEngine, { cpus: possibleCpus() });
    if (seeded) this.fill(object, [machine]);
    for (const packet of packets) {
      pending.length = 0;
      machine.run(packet);
    }
    return known;
  }
}

function nameOf(object: ObjectSpec): string {
  return object.programs[0]?.name ?? '';
}
