/** A {@link Machine} with one of its engines as a {@link Subject}. */

import { WasmEngine } from '../jit/index.js';
import type { ObjectSpec } from '../object/index.js';
import { describeTrap, type Engine, Machine, type MachineOptions, type MapHolder } from '../vm/index.js';
import { loopback, MachineMaps } from './machine-maps.js';
import type { Observation, Packet } from './subject.js';

/** The machine's options and the harness's own. */
export interface MachineSubjectOptions extends MachineOptions {
  /**
   * What stack frames are filled with before a program writes to them; default 0. Whose outcome changes with it reads
   * what it never wrote.
   */
  readonly stackFill?: number | undefined;
}

/** Makes the engine that a {@link MachineSubject} runs; called once. */
export type EngineFactory = (machine: Machine) => Engine;

/** One engine on a machine of its own. */
export class MachineSubject extends MachineMaps {
  readonly name: string;
  protected readonly machine: Machine;
  private readonly engine: Engine;
  private readonly program: Machine['programs'][number];

  /** Throws what {@link Machine.admit} throws when the program cannot run here. */
  constructor(object: ObjectSpec, programName: string, makeEngine: EngineFactory, options: MachineSubjectOptions) {
    super();
    this.machine = new Machine(object, options);
    const program = this.machine.programs.find((p) => p.spec.name === programName);
    if (program === undefined) throw new Error(`no program ${programName}`);
    this.machine.admit(program);
    this.program = program;
    this.engine = makeEngine(this.machine);
    this.removeListeners();
    this.machine.lane.stackFill = options.stackFill ?? 0;
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
      data: machine.lane.packet.bytes(),
      meta: machine.lane.packet.metaBytes(),
      outputs: this.records(machine.outputs),
    };
    return outcome.trap === undefined ? observation : { ...observation, stopped: describeTrap(outcome.trap.trap) };
  }
}
