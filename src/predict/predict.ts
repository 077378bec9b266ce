/** Runs packets and makes a contract of what they did. */
import { Interpreter, type Observer } from '../interp/index.js';
import type { ObjectSpec, ProgramSpec } from '../object/index.js';
import { type LoadedProgram, Machine, type MachineOptions, type PacketInput } from '../vm/index.js';
import { type ContractClass, ContractMaker, type PacketCost } from './contract.js';
import type { FlowVariable } from './flow-model.js';
import { Watch } from './observation.js';

/** How packets are run. */
export interface PredictOptions extends MachineOptions {
  /** Instructions a packet may take. */
  readonly maxSteps?: number | undefined;
  /** Fills the machine's maps before the first packet. */
  readonly fill?: ((machine: Machine) => void) | undefined;
  /** Looks on, too. */
  readonly beside?: Observer | undefined;
}

/** A variable of flow, with the program that it is in. */
export type NamedVariable = FlowVariable & { readonly program: ProgramSpec };

/** A program under watch: give it packets, ask it for the contract. */
export class Prediction {
  readonly machine: Machine;
  /** Packets that ended in a trap: they have no class. */
  trapped = 0;
  private readonly interpreter: Interpreter;
  private readonly watch: Watch;
  private readonly maker: ContractMaker;
  private readonly program: LoadedProgram;

  /** Throws what making and filling machines throws. */
  constructor(object: ObjectSpec, program: ProgramSpec, options: PredictOptions = {}) {
    this.machine = new Machine(object, options);
    options.fill?.(this.machine);
    this.program = this.machine.programs[object.programs.indexOf(program)] as LoadedProgram;
    this.interpreter = new Interpreter(this.machine, { maxSteps: options.maxSteps });
    this.watch = new Watch(this.interpreter, options.beside);
    this.maker = new ContractMaker(this.watch, object.maps);
  }

  /**
   * Runs a packet, maps being as the one before left them: what it cost, or undefined after a trap. `label` describes
   * a class by its first packet.
   */
  run(packet: PacketInput, label: (verdict: number) => string): PacketCost | undefined {
    this.machine.setPacket(packet);
    this.watch.start();
    const { trap, verdict } = this.interpreter.run(this.program);
    this.watch.end();
    if (trap === undefined) return this.maker.add(verdict, () => label(verdict));
    this.trapped++;
    return undefined;
  }

  /** What there is so far. */
  get classes(): readonly ContractClass[] {
    return this.maker.contract();
  }

  /** What the names of flow variables stand for. */
  get variables(): readonly NamedVariable[] {
    return this.maker.variables();
  }
}
