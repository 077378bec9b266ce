/** A {@link Machine} with one of its engines as a {@link Subject}. */

import { WasmEngine } from '../jit/index.js';
import type { MapSpec, ObjectSpec } from '../object/index.js';
import { stackSize } from '../platform/index.js';
import { describeTrap, type Engine, Machine, type MachineOptions, type MapHolder } from '../vm/index.js';
import {
  binary,
  type Contents,
  canonical,
  hex,
  isReadable,
  type Observation,
  type Packet,
  type Subject,
} from './subject.js';

export interface MachineSubjectOptions extends MachineOptions {
  /**
   * What stack frames are filled with before a program writes to them; default 0. Whose outcome changes with it reads
   * what it never wrote.
   */
  readonly stackFill?: number | undefined;
}

/** As BPF_PROG_TEST_RUN has it: see KernelSubject. */
const loopback = 1;

export type EngineFactory = (machine: Machine) => Engine;

export class MachineSubject implements Subject {
  readonly name: string;
  private readonly machine: Machine;
  private readonly engine: Engine;
  private readonly program: Machine['programs'][number];

  /** Throws what {@link Machine.admit} throws when the program cannot run here. */
  constructor(object: ObjectSpec, programName: string, makeEngine: EngineFactory, options: MachineSubjectOptions) {
    this.machine = new Machine(object, options);
    const program = this.machine.programs.find((p) => p.spec.name === programName);
    if (program === undefined) throw new Error(`no program ${programName}`);
    this.machine.admit(program);
    this.program = program;
    this.engine = makeEngine(this.machine);
    this.removeListeners();
    if (options.stackFill !== undefined) this.fillStacks(options.stackFill);
    this.name = this.engine.name;
  }

  /** For map files. */
  get holder(): MapHolder {
    return this.machine;
  }

  /** Why the program ran in the interpreter, if this is a compiler that could not take it. */
  get notCompiled(): string | undefined {
    return this.engine instanceof WasmEngine ? this.engine.fallbacks[0]?.what : undefined;
  }

  run(packet: Packet): Observation {
    const { machine } = this;
    machine.setPacket({
      data: packet.data,
      meta: packet.meta,
      ingressIfindex: loopback,
      frags: this.program.spec.frags,
    });
    const outcome = this.engine.run(this.program);
    const observation = {
      verdict: outcome.verdict,
      data: machine.packetBytes(),
      meta: machine.metaBytes(),
      outputs: this.records(),
    };
    return outcome.trap === undefined ? observation : { ...observation, stopped: describeTrap(outcome.trap.trap) };
  }

  /** Nobody listens to the kernel's perf event arrays here, so bpf_perf_event_output says ENOENT. */
  private removeListeners(): void {
    for (const map of this.machine.maps) {
      if (map.spec.type !== 'perf_event_array') continue;
      for (let cpu = 0; cpu < map.spec.maxEntries && cpu < this.machine.cpus; cpu++)
        map.deleteElem(Uint8Array.of(cpu, 0, 0, 0));
    }
  }

  private fillStacks(byte: number): void {
    const { machine } = this;
    const enterFrame = machine.enterFrame.bind(machine);
    machine.enterFrame = (depth) => {
      const top = enterFrame(depth);
      machine.memory.u8.fill(byte, top - stackSize, top);
      return top;
    };
  }

  /** Ring buffer records, in the order of the maps as the kernel's are drained. */
  private records(): readonly string[] {
    const { machine } = this;
    if (machine.ringbufs.length === 0) return [];
    const { outputs } = machine;
    return machine.ringbufs.flatMap(({ spec }) =>
      outputs.flatMap((output) =>
        output.kind === 'ringbuf' && output.map === spec.name ? [`${spec.name}: ${hex(output.data)}`] : [],
      ),
    );
  }

  update(map: number, key: Uint8Array, value: Uint8Array, flags = 0n): number {
    return this.machine.maps[map]?.updateElem(key, value, flags) ?? -1;
  }

  translate(_spec: MapSpec, value: Uint8Array): Uint8Array {
    return value;
  }

  remove(map: number, key: Uint8Array): number {
    return this.machine.maps[map]?.deleteElem(key) ?? -1;
  }

  contents(map: number): Contents | undefined {
    const found = this.machine.maps[map];
    if (found === undefined || !isReadable(found.spec)) return undefined;
    return canonical(
      found.spec,
      [...found.entries()].map(({ key, value }) => [binary(key), binary(value)]),
    );
  }

  drain(map: number): readonly string[] {
    const found = this.machine.maps[map];
    if (found === undefined || (found.spec.type !== 'queue' && found.spec.type !== 'stack')) return [];
    const drained: string[] = [];
    for (;;) {
      const value = found.lookupAndDeleteElem(new Uint8Array(0));
      if (typeof value === 'number') return drained;
      drained.push(hex(value));
    }
  }

  close(): void {
    // Guest memory goes with the machine.
  }
}
