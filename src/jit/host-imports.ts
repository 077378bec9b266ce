/** The JavaScript side of a module's imports: helpers, checks of accesses, traps. */
import { UnsupportedError } from '../base/index.js';
import {
  checkAccess,
  type LoadedProgram,
  type Machine,
  ProgramTrap,
  placeOf,
  privateState,
  type Registers,
  record,
  type Trap,
} from '../vm/index.js';
import { exchange } from './exchange.js';
import { accessFlags, imports, type TrapPoint } from './services.js';

/** Where the program stood when it last called out. */
export interface Site {
  program: LoadedProgram | undefined;
  pc: number;
}

/** JavaScript that compiled code calls, with the registers in the exchange area. */
export class HostImports {
  readonly site: Site = { program: undefined, pc: 0 };
  /** A batch is running: time and CPU come from the records. */
  batch = false;
  /** Record of the packet that called out last. */
  at = 0;
  private readonly machine: Machine;
  private readonly exchange: number;
  private buffer: ArrayBuffer | undefined;
  private registers: Registers | undefined;

  /** `area`: guest address of the exchange area. */
  constructor(machine: Machine, area: number) {
    this.machine = machine;
    this.exchange = area;
  }

  importsFor(
    trapPoints: readonly TrapPoint[],
    { movesPacket, writesRings }: { readonly movesPacket: boolean; readonly writesRings: boolean },
  ): Record<string, Record<string, unknown>> {
    const { machine } = this;
    const callbacks = { call: () => machine.refuse('callbacks are not compiled') };
    return {
      jitnic: {
        [imports.memory]: machine.memory.memory,
        [imports.call]: (helper: number, program: number, pc: number, at: number) => {
          this.site.program = machine.programs[program];
          this.site.pc = pc;
          if (movesPacket || this.batch) machine.lane.packet.sync();
          if (this.batch) this.enterPacket(at);
          if (writesRings) machine.store.openRingWindows();
          machine.callHelper(helper, this.view(), callbacks);
        },
        [imports.check]: (address: bigint, access: number, program: number, pc: number) => {
          this.site.program = machine.programs[program];
          this.site.pc = pc;
          if (movesPacket) machine.lane.packet.sync();
          this.check(BigInt.asUintN(64, address), access & 15, access & ~15);
        },
        [imports.trap]: (index: number, at: number) => {
          this.at = at;
          this.stop(trapPoints[index] as TrapPoint);
        },
        [imports.exit]: (outOfFuel: number) => this.exit(outOfFuel !== 0),
      },
    };
  }

  /** Tells the machine which packet of the batch helpers run for. */
  enterPacket(at: number): void {
    if (this.at === at) return;
    const { machine } = this;
    this.at = at;
    machine.lane.now = machine.memory.load64(at + record.now);
    machine.lane.cpu = machine.memory.load32(at + record.cpu);
    machine.lane.number = machine.memory.load32(at + record.number);
    machine.collectOutputs(at);
  }

  /** The exchange area as registers. */
  view(): Registers {
    const { memory } = this.machine.memory;
    if (this.buffer !== memory.buffer || this.registers === undefined) {
      const { buffer } = memory;
      const at = this.exchange + exchange.registers;
      this.buffer = buffer;
      this.registers = {
        u64: new BigUint64Array(buffer, at, 11),
        s64: new BigInt64Array(buffer, at, 11),
        u32: new Uint32Array(buffer, at, 22),
      };
    }
    return this.registers;
  }

  /** What the interpreter checks before a load, store or atomic operation. */
  private check(address: bigint, size: number, kind: number): void {
    const access = kind === accessFlags.read ? 'read' : kind === accessFlags.atomic ? 'atomic' : 'write';
    checkAccess(this.machine, address, size, access, this.offsetAt());
  }

  /** The offset of the access that is checked: a refusal names it. */
  private offsetAt(): number {
    return this.site.program?.insns[this.site.pc]?.off ?? 0;
  }

  /** A trap that is known when code is made: the program came to an instruction that cannot run. */
  private stop(point: TrapPoint): never {
    const program = this.machine.programs[point.program] as LoadedProgram;
    this.site.program = program;
    this.site.pc = point.pc;
    if (point.unsupported) throw new UnsupportedError(point.what, placeOf(program.spec, point.pc));
    const kind = point.what.startsWith('the call stack') ? 'call depth' : 'instruction';
    return trap({ kind, what: point.what });
  }

  /** The end of a checked program, or of its allowance. */
  private exit(outOfFuel: boolean): void {
    if (outOfFuel) trap({ kind: 'steps', what: 'stopped: it loops for too long' });
    const { memory } = this.machine;
    const { state } = this.machine.lane;
    if (memory.load32(state + privateState.lock) !== 0) {
      trap({ kind: 'helper', what: 'BPF_EXIT instruction cannot be used inside bpf_spin_lock-ed region' });
    }
    if (memory.load32(state + privateState.references) !== 0) {
      trap({ kind: 'helper', what: 'BPF_EXIT instruction would lead to reference leak' });
    }
  }
}

function trap(what: Trap): never {
  throw new ProgramTrap(what);
}
