// biome-ignore-all lint/style/noNonNullAssertion: every index into a typed array here is in range by construction
// (register numbers and slots were checked by `encodingFault`), and a cast on each operand would bury the semantics
// that this file is there to show.
/**
 * The reference interpreter: what each instruction means, in the order of RFC 9669. All other engines are judged by
 * it, so it is written to be read against the RFC; where Linux adds to it (`may_goto`, load-acquire, store-release) or
 * decides what it leaves open, the comment says so.
 *
 * Notation: `r` are the registers as unsigned, `s` as signed 64-bit numbers, `u` their unsigned 32-bit halves (`u[2 *
 * i]` is the low half of register i). Storing into one of these arrays truncates, which is the wrap-around that
 * section
 * 4.1 asks for. A 32-bit operation writes both halves, the high one with 0 (section 4.1: "the upper 32 bits are
 * zeroed").
 *
 * Opcodes are literals, since a switch over literals becomes a jump table; `src/isa/opcode.ts` shows how an opcode is
 * put together.
 *
 * The file is as long as the instruction set: three quarters of it are one switch. Families of cases in functions of
 * their own would not have the loop's local variables, and V8 inlines only so much into one loop; a reader would no
 * longer have the RFC's sections one below the other. What takes more than an operator is elsewhere: arithmetic.ts,
 * atomic.ts, the encoding in decode.ts.
 */

import { UnsupportedError } from '../base/index.js';
import { helperId, maxFrames, maxLoops } from '../platform/index.js';
import {
  accessFault,
  type Callbacks,
  contextPages,
  type Engine,
  type LoadedProgram,
  type Machine,
  misalignedAtomic,
  type Outcome,
  ProgramTrap,
  placeOf,
  privateState,
  probe,
  Registers,
  slotAt,
  type Trap,
  type TrapSite,
} from '../vm/index.js';
import {
  divide32,
  divideSigned,
  modulo32,
  moduloSigned,
  shiftLeft,
  shiftRight,
  shiftSigned,
  swap,
  truncate,
  widen,
} from './arithmetic.js';
import { atomic } from './atomic.js';
import { Code } from './decode.js';
import type { Observer } from './observer.js';

/** Limits of a run. */
export interface InterpreterOptions {
  /** Instructions a packet may take before it is stopped; default 2^24. */
  readonly maxSteps?: number | undefined;
}

/** Bytes by the size bits of an opcode: W, H, B, DW. */
const probeSizes = [4, 2, 1, 8];

/** One object for all packets; r0 is read from the registers when somebody asks. */
class InterpreterOutcome implements Outcome {
  verdict = 0;
  trap: TrapSite | undefined = undefined;
  steps = 0;
  private readonly registers: Registers;

  constructor(registers: Registers) {
    this.registers = registers;
  }

  get r0(): bigint {
    return this.registers.u64[0]!;
  }
}

/**
 * Runs programs instruction by instruction, as RFC 9669 and Linux say: the specification that compiled code, traces
 * and cards are compared with. Checks every access, so unverified programs are safe to run; a trap says what was wrong
 * and where.
 */
export class Interpreter implements Engine, Callbacks {
  readonly name: string = 'interp';
  readonly machine: Machine;
  readonly registers: Registers = new Registers();
  /** Called before each instruction while set. */
  observer: Observer | null = null;
  maxSteps: number;

  private readonly codes = new Map<LoadedProgram, Code>();
  private readonly outcome: InterpreterOutcome;
  /** Where execution stands, as of the last helper call or trap. */
  private code: Code | undefined = undefined;
  private pc = 0;
  private depth = 0;
  private steps = 0;
  // Callers' state by call depth: where to go on, r6 to r9, and the frame's may_goto count. Programs that functions
  // tail-call stand on the frames of those that wait for them, and Linux counts frames anew in each: `floor` is the
  // depth at which the program began that owns the frame.
  private readonly returnTo: Int32Array;
  private readonly returnCode: Code[] = [];
  private readonly saved: BigUint64Array;
  private readonly mayGoto: Int32Array;
  private readonly floor: Int32Array;

  constructor(machine: Machine, options: InterpreterOptions = {}) {
    this.machine = machine;
    this.maxSteps = options.maxSteps ?? 1 << 24;
    this.outcome = new InterpreterOutcome(this.registers);
    const depths = machine.lane.frames.length;
    this.returnTo = new Int32Array(depths);
    this.saved = new BigUint64Array(depths * 4);
    this.mayGoto = new Int32Array(depths);
    this.floor = new Int32Array(depths);
  }

  /**
   * Runs an XDP program on the current packet: r1 is the context. Throws UnsupportedError where loading was refused.
   */
  run(program: LoadedProgram): Outcome {
    this.registers.u64.fill(0n);
    this.registers.u32[2] = this.machine.lane.ctx.start;
    return this.start(program);
  }

  /** Runs a program with r1 and r2 given, and no context. */
  runWith(program: LoadedProgram, r1: bigint, r2: bigint): Outcome {
    this.registers.u64.fill(0n);
    this.registers.u64[1] = r1;
    this.registers.u64[2] = r2;
    return this.start(program);
  }

  /** For helpers: runs the function at code address `fn` in a frame of its own. */
  call(fn: number): void {
    const code = this.code!;
    const pc = this.pc;
    const depth = this.depth;
    const slot = slotAt(code.program, BigInt(fn));
    if (slot < 0) this.machine.refuse('the callback is not a function of this program');
    if (!this.mayCall(depth)) this.trap(code, pc, this.steps, { kind: 'call depth', what: tooDeep });
    this.floor[depth + 1] = this.floor[depth]!;
    const { u64 } = this.registers;
    const [r6, r7, r8, r9, r10] = [u64[6]!, u64[7]!, u64[8]!, u64[9]!, u64[10]!];
    this.execute(code, slot, depth + 1);
    u64[6] = r6;
    u64[7] = r7;
    u64[8] = r8;
    u64[9] = r9;
    u64[10] = r10;
    this.code = code;
    this.pc = pc;
    this.depth = depth;
  }

  /** Has a function at this depth a frame left to call into? */
  private mayCall(depth: number): boolean {
    return depth + 1 - this.floor[depth]! < maxFrames;
  }

  /** Runs the machine's packet from the program's first instruction. */
  private start(program: LoadedProgram): Outcome {
    const { machine, outcome, registers } = this;
    machine.admit(program);
    machine.lane.tailCalls = 0;
    machine.lane.tailTarget = undefined;
    this.steps = 0;
    this.floor[0] = 0;
    outcome.trap = undefined;
    try {
      this.execute(this.codeOf(program), 0, 0);
    } catch (error) {
      this.stop(error);
    }
    outcome.steps = this.steps;
    outcome.verdict = registers.u32[0]!;
    return outcome;
  }

  /** Turns what was thrown during a run into a trap, or throws it on. */
  private stop(error: unknown): void {
    const code = this.code!;
    for (let depth = 0; depth < this.machine.lane.frames.length; depth++) this.machine.lane.leaveFrame(depth);
    if (error instanceof UnsupportedError && error.place.section === undefined) {
      throw new UnsupportedError(error.message, placeOf(code.program.spec, this.pc), error.hint);
    }
    if (!(error instanceof ProgramTrap)) throw error;
    this.outcome.trap = { trap: error.trap, program: code.program, insn: this.pc };
    this.registers.u64[0] = 0n;
  }

  /** The program's columns, decoded when it first runs. */
  private codeOf(program: LoadedProgram): Code {
    let code = this.codes.get(program);
    if (code === undefined) {
      code = new Code(program);
      this.codes.set(program, code);
    }
    return code;
  }

  /** Stops the run: the loop's position, which it keeps in locals, goes to where `stop` finds it. */
  private trap(code: Code, pc: number, steps: number, trap: Trap): never {
    this.steps = steps;
    this.code = code;
    this.pc = pc;
    throw new ProgramTrap(trap);
  }

  /** Stops the run at an access that leaves its object. */
  private fault(code: Code, pc: number, steps: number, access: 'read' | 'write', base: number, size: number): never {
    const address = BigInt.asUintN(64, this.registers.u64[base]! + BigInt(code.off[pc]!));
    this.trap(code, pc, steps, accessFault(this.machine, address, size, access));
  }

  /** At the program's end: what the verifier would not let a program leave behind. */
  private checkReleased(code: Code, pc: number): void {
    const { memory } = this.machine;
    const { state } = this.machine.lane;
    if (memory.load32(state + privateState.lock) !== 0) {
      this.trap(code, pc, this.steps, {
        kind: 'helper',
        what: 'BPF_EXIT instruction cannot be used inside bpf_spin_lock-ed region',
      });
    }
    if (memory.load32(state + privateState.references) !== 0) {
      this.trap(code, pc, this.steps, { kind: 'helper', what: 'BPF_EXIT instruction would lead to reference leak' });
    }
  }

  /** Runs from slot `pc` in a new frame of depth `base` until that frame exits. */
  private execute(start: Code, entry: number, base: number): void {
    const { machine, observer, maxSteps, returnTo, returnCode, saved, mayGoto, floor } = this;
    const { memory } = machine;
    const { view } = memory;
    const { u64: r, s64: s, u32: u } = this.registers;
    const contextEnd = machine.lane.ctx.start + contextPages;
    let code = start;
    let { opcode: opcodes, dst: dsts, src: srcs, off: offs, imm: k, imm32: k32, target: targets } = code;
    let pc = entry;
    let depth = base;
    let steps = this.steps;
    r[10] = BigInt(machine.lane.enterFrame(depth));
    mayGoto[depth] = 0;

    for (;;) {
      if (steps >= maxSteps) {
        this.trap(code, pc, steps, { kind: 'steps', what: `stopped after ${maxSteps} instructions` });
      }
      steps++;
      if (observer !== null) observer.before(code.program, pc, depth);
      const d = dsts[pc]!;
      const x = srcs[pc]!;
      switch (opcodes[pc]!) {
        // Section 4.1, arithmetic. 64 bits: immediate (sign-extended), then register operand.
        case 0x07: // dst += imm
          r[d] = r[d]! + k[pc]!;
          break;
        case 0x0f: // dst += src
          r[d] = r[d]! + r[x]!;
          break;
        case 0x17: // dst -= imm
          r[d] = r[d]! - k[pc]!;
          break;
        case 0x1f: // dst -= src
          r[d] = r[d]! - r[x]!;
          break;
        case 0x27: // dst *= imm
          r[d] = r[d]! * k[pc]!;
          break;
        case 0x2f: // dst *= src
          r[d] = r[d]! * r[x]!;
          break;
        case 0x37: // dst = imm ? dst / imm : 0; signed with offset 1
          if (offs[pc] === 0) r[d] = k[pc] === 0n ? 0n : r[d]! / k[pc]!;
          else divideSigned(s, d, BigInt.asIntN(64, k[pc]!));
          break;
        case 0x3f: // dst = src ? dst / src : 0; signed with offset 1
          if (offs[pc] === 0) r[d] = r[x] === 0n ? 0n : r[d]! / r[x]!;
          else divideSigned(s, d, s[x]!);
          break;
        case 0x47: // dst |= imm
          r[d] = r[d]! | k[pc]!;
          break;
        case 0x4f: // dst |= src
          r[d] = r[d]! | r[x]!;
          break;
        case 0x57: // dst &= imm
          r[d] = r[d]! & k[pc]!;
          break;
        case 0x5f: // dst &= src
          r[d] = r[d]! & r[x]!;
          break;
        case 0x67: // dst <<= imm
          shiftLeft(u, d, k32[2 * pc]! & 63);
          break;
        case 0x6f: // dst <<= src
          shiftLeft(u, d, u[2 * x]! & 63);
          break;
        case 0x77: // dst >>= imm
          shiftRight(u, d, k32[2 * pc]! & 63);
          break;
        case 0x7f: // dst >>= src
          shiftRight(u, d, u[2 * x]! & 63);
          break;
        case 0x87: // dst = -dst
          r[d] = -r[d]!;
          break;
        case 0x97: // dst = imm ? dst % imm : dst; signed with offset 1
          if (offs[pc] !== 0) moduloSigned(s, d, BigInt.asIntN(64, k[pc]!));
          else if (k[pc] !== 0n) r[d] = r[d]! % k[pc]!;
          break;
        case 0x9f: // dst = src ? dst % src : dst; signed with offset 1
          if (offs[pc] !== 0) moduloSigned(s, d, s[x]!);
          else if (r[x] !== 0n) r[d] = r[d]! % r[x]!;
          break;
        case 0xa7: // dst ^= imm
          r[d] = r[d]! ^ k[pc]!;
          break;
        case 0xaf: // dst ^= src
          r[d] = r[d]! ^ r[x]!;
          break;
        case 0xb7: // dst = imm
          r[d] = k[pc]!;
          break;
        case 0xbf: // dst = src; sign-extended from 8, 16 or 32 bits with that offset
          if (offs[pc] === 0) r[d] = r[x]!;
          else if (offs[pc] === 32) widen(u, d, u[2 * x]! | 0);
          else widen(u, d, offs[pc] === 8 ? (u[2 * x]! << 24) >> 24 : (u[2 * x]! << 16) >> 16);
          break;
        case 0xc7: // dst s>>= imm
          shiftSigned(u, d, k32[2 * pc]! & 63);
          break;
        case 0xcf: // dst s>>= src
          shiftSigned(u, d, u[2 * x]! & 63);
          break;
        case 0xd7: // dst = bswap(dst)
          swap(u, d, k32[2 * pc]!);
          break;

        // 32 bits.
        case 0x04: // dst += imm
          u[2 * d]! += k32[2 * pc]!;
          u[2 * d + 1] = 0;
          break;
        case 0x0c: // dst += src
          u[2 * d]! += u[2 * x]!;
          u[2 * d + 1] = 0;
          break;
        case 0x14: // dst -= imm
          u[2 * d]! -= k32[2 * pc]!;
          u[2 * d + 1] = 0;
          break;
        case 0x1c: // dst -= src
          u[2 * d]! -= u[2 * x]!;
          u[2 * d + 1] = 0;
          break;
        case 0x24: // dst *= imm
          u[2 * d] = Math.imul(u[2 * d]!, k32[2 * pc]!);
          u[2 * d + 1] = 0;
          break;
        case 0x2c: // dst *= src
          u[2 * d] = Math.imul(u[2 * d]!, u[2 * x]!);
          u[2 * d + 1] = 0;
          break;
        case 0x34: // dst = imm ? dst / imm : 0; signed with offset 1
          u[2 * d] = offs[pc] === 0 ? divide32(u[2 * d]!, k32[2 * pc]!) : divide32(u[2 * d]! | 0, k32[2 * pc]! | 0);
          u[2 * d + 1] = 0;
          break;
        case 0x3c: // dst = src ? dst / src : 0; signed with offset 1
          u[2 * d] = offs[pc] === 0 ? divide32(u[2 * d]!, u[2 * x]!) : divide32(u[2 * d]! | 0, u[2 * x]! | 0);
          u[2 * d + 1] = 0;
          break;
        case 0x44: // dst |= imm
          u[2 * d]! |= k32[2 * pc]!;
          u[2 * d + 1] = 0;
          break;
        case 0x4c: // dst |= src
          u[2 * d]! |= u[2 * x]!;
          u[2 * d + 1] = 0;
          break;
        case 0x54: // dst &= imm
          u[2 * d]! &= k32[2 * pc]!;
          u[2 * d + 1] = 0;
          break;
        case 0x5c: // dst &= src
          u[2 * d]! &= u[2 * x]!;
          u[2 * d + 1] = 0;
          break;
        case 0x64: // dst <<= imm (JavaScript masks 32-bit shifts by 31 itself)
          u[2 * d]! <<= k32[2 * pc]!;
          u[2 * d + 1] = 0;
          break;
        case 0x6c: // dst <<= src
          u[2 * d]! <<= u[2 * x]!;
          u[2 * d + 1] = 0;
          break;
        case 0x74: // dst >>= imm
          u[2 * d]! >>>= k32[2 * pc]!;
          u[2 * d + 1] = 0;
          break;
        case 0x7c: // dst >>= src
          u[2 * d]! >>>= u[2 * x]!;
          u[2 * d + 1] = 0;
          break;
        case 0x84: // dst = -dst
          u[2 * d] = -u[2 * d]!;
          u[2 * d + 1] = 0;
          break;
        case 0x94: // dst = imm ? dst % imm : dst; signed with offset 1
          u[2 * d] = offs[pc] === 0 ? modulo32(u[2 * d]!, k32[2 * pc]!) : modulo32(u[2 * d]! | 0, k32[2 * pc]! | 0);
          u[2 * d + 1] = 0;
          break;
        case 0x9c: // dst = src ? dst % src : dst; signed with offset 1
          u[2 * d] = offs[pc] === 0 ? modulo32(u[2 * d]!, u[2 * x]!) : modulo32(u[2 * d]! | 0, u[2 * x]! | 0);
          u[2 * d + 1] = 0;
          break;
        case 0xa4: // dst ^= imm
          u[2 * d]! ^= k32[2 * pc]!;
          u[2 * d + 1] = 0;
          break;
        case 0xac: // dst ^= src
          u[2 * d]! ^= u[2 * x]!;
          u[2 * d + 1] = 0;
          break;
        case 0xb4: // dst = imm
          u[2 * d] = k32[2 * pc]!;
          u[2 * d + 1] = 0;
          break;
        case 0xbc: // dst = src; sign-extended to 32 bits from 8 or 16 with that offset
          if (offs[pc] === 0) u[2 * d] = u[2 * x]!;
          else u[2 * d] = offs[pc] === 8 ? (u[2 * x]! << 24) >> 24 : (u[2 * x]! << 16) >> 16;
          u[2 * d + 1] = 0;
          break;
        case 0xc4: // dst s>>= imm
          u[2 * d]! >>= k32[2 * pc]!;
          u[2 * d + 1] = 0;
          break;
        case 0xcc: // dst s>>= src
          u[2 * d]! >>= u[2 * x]!;
          u[2 * d + 1] = 0;
          break;

        // Section 4.2, byte order. The machine is little-endian: `le` truncates, `be` swaps as well.
        case 0xd4: // dst = htole(dst)
          truncate(u, d, k32[2 * pc]!);
          break;
        case 0xdc: // dst = htobe(dst)
          swap(u, d, k32[2 * pc]!);
          break;

        // Section 4.3, jumps. `continue` skips the step to the next slot.
        case 0x05: // goto off
        case 0x06: // goto imm
          pc = targets[pc]!;
          continue;
        case 0x15: // if dst == imm
          if (r[d] === k[pc]) {
            pc = targets[pc]!;
            continue;
          }
          break;
        case 0x1d: // if dst == src
          if (r[d] === r[x]) {
            pc = targets[pc]!;
            continue;
          }
          break;
        case 0x25: // if dst > imm
          if (r[d]! > k[pc]!) {
            pc = targets[pc]!;
            continue;
          }
          break;
        case 0x2d: // if dst > src
          if (r[d]! > r[x]!) {
            pc = targets[pc]!;
            continue;
          }
          break;
        case 0x35: // if dst >= imm
          if (r[d]! >= k[pc]!) {
            pc = targets[pc]!;
            continue;
          }
          break;
        case 0x3d: // if dst >= src
          if (r[d]! >= r[x]!) {
            pc = targets[pc]!;
            continue;
          }
          break;
        case 0x45: // if dst & imm
          if ((r[d]! & k[pc]!) !== 0n) {
            pc = targets[pc]!;
            continue;
          }
          break;
        case 0x4d: // if dst & src
          if ((r[d]! & r[x]!) !== 0n) {
            pc = targets[pc]!;
            continue;
          }
          break;
        case 0x55: // if dst != imm
          if (r[d] !== k[pc]) {
            pc = targets[pc]!;
            continue;
          }
          break;
        case 0x5d: // if dst != src
          if (r[d] !== r[x]) {
            pc = targets[pc]!;
            continue;
          }
          break;
        case 0x65: // if dst s> imm
          if (s[d]! > BigInt.asIntN(64, k[pc]!)) {
            pc = targets[pc]!;
            continue;
          }
          break;
        case 0x6d: // if dst s> src
          if (s[d]! > s[x]!) {
            pc = targets[pc]!;
            continue;
          }
          break;
        case 0x75: // if dst s>= imm
          if (s[d]! >= BigInt.asIntN(64, k[pc]!)) {
            pc = targets[pc]!;
            continue;
          }
          break;
        case 0x7d: // if dst s>= src
          if (s[d]! >= s[x]!) {
            pc = targets[pc]!;
            continue;
          }
          break;
        case 0xa5: // if dst < imm
          if (r[d]! < k[pc]!) {
            pc = targets[pc]!;
            continue;
          }
          break;
        case 0xad: // if dst < src
          if (r[d]! < r[x]!) {
            pc = targets[pc]!;
            continue;
          }
          break;
        case 0xb5: // if dst <= imm
          if (r[d]! <= k[pc]!) {
            pc = targets[pc]!;
            continue;
          }
          break;
        case 0xbd: // if dst <= src
          if (r[d]! <= r[x]!) {
            pc = targets[pc]!;
            continue;
          }
          break;
        case 0xc5: // if dst s< imm
          if (s[d]! < BigInt.asIntN(64, k[pc]!)) {
            pc = targets[pc]!;
            continue;
          }
          break;
        case 0xcd: // if dst s< src
          if (s[d]! < s[x]!) {
            pc = targets[pc]!;
            continue;
          }
          break;
        case 0xd5: // if dst s<= imm
          if (s[d]! <= BigInt.asIntN(64, k[pc]!)) {
            pc = targets[pc]!;
            continue;
          }
          break;
        case 0xdd: // if dst s<= src
          if (s[d]! <= s[x]!) {
            pc = targets[pc]!;
            continue;
          }
          break;

        // 32-bit comparisons.
        case 0x16: // if dst == imm
          if (u[2 * d] === k32[2 * pc]) {
            pc = targets[pc]!;
            continue;
          }
          break;
        case 0x1e: // if dst == src
          if (u[2 * d] === u[2 * x]) {
            pc = targets[pc]!;
            continue;
          }
          break;
        case 0x26: // if dst > imm
          if (u[2 * d]! > k32[2 * pc]!) {
            pc = targets[pc]!;
            continue;
          }
          break;
        case 0x2e: // if dst > src
          if (u[2 * d]! > u[2 * x]!) {
            pc = targets[pc]!;
            continue;
          }
          break;
        case 0x36: // if dst >= imm
          if (u[2 * d]! >= k32[2 * pc]!) {
            pc = targets[pc]!;
            continue;
          }
          break;
        case 0x3e: // if dst >= src
          if (u[2 * d]! >= u[2 * x]!) {
            pc = targets[pc]!;
            continue;
          }
          break;
        case 0x46: // if dst & imm
          if ((u[2 * d]! & k32[2 * pc]!) !== 0) {
            pc = targets[pc]!;
            continue;
          }
          break;
        case 0x4e: // if dst & src
          if ((u[2 * d]! & u[2 * x]!) !== 0) {
            pc = targets[pc]!;
            continue;
          }
          break;
        case 0x56: // if dst != imm
          if (u[2 * d] !== k32[2 * pc]) {
            pc = targets[pc]!;
            continue;
          }
          break;
        case 0x5e: // if dst != src
          if (u[2 * d] !== u[2 * x]) {
            pc = targets[pc]!;
            continue;
          }
          break;
        case 0x66: // if dst s> imm
          if ((u[2 * d]! | 0) > (k32[2 * pc]! | 0)) {
            pc = targets[pc]!;
            continue;
          }
          break;
        case 0x6e: // if dst s> src
          if ((u[2 * d]! | 0) > (u[2 * x]! | 0)) {
            pc = targets[pc]!;
            continue;
          }
          break;
        case 0x76: // if dst s>= imm
          if ((u[2 * d]! | 0) >= (k32[2 * pc]! | 0)) {
            pc = targets[pc]!;
            continue;
          }
          break;
        case 0x7e: // if dst s>= src
          if ((u[2 * d]! | 0) >= (u[2 * x]! | 0)) {
            pc = targets[pc]!;
            continue;
          }
          break;
        case 0xa6: // if dst < imm
          if (u[2 * d]! < k32[2 * pc]!) {
            pc = targets[pc]!;
            continue;
          }
          break;
        case 0xae: // if dst < src
          if (u[2 * d]! < u[2 * x]!) {
            pc = targets[pc]!;
            continue;
          }
          break;
        case 0xb6: // if dst <= imm
          if (u[2 * d]! <= k32[2 * pc]!) {
            pc = targets[pc]!;
            continue;
          }
          break;
        case 0xbe: // if dst <= src
          if (u[2 * d]! <= u[2 * x]!) {
            pc = targets[pc]!;
            continue;
          }
          break;
        case 0xc6: // if dst s< imm
          if ((u[2 * d]! | 0) < (k32[2 * pc]! | 0)) {
            pc = targets[pc]!;
            continue;
          }
          break;
        case 0xce: // if dst s< src
          if ((u[2 * d]! | 0) < (u[2 * x]! | 0)) {
            pc = targets[pc]!;
            continue;
          }
          break;
        case 0xd6: // if dst s<= imm
          if ((u[2 * d]! | 0) <= (k32[2 * pc]! | 0)) {
            pc = targets[pc]!;
            continue;
          }
          break;
        case 0xde: // if dst s<= src
          if ((u[2 * d]! | 0) <= (u[2 * x]! | 0)) {
            pc = targets[pc]!;
            continue;
          }
          break;
        case 0xe5: // may_goto (Linux): jumps when the frame's loops have gone on for too long
          if (mayGoto[depth]!++ >= maxLoops) {
            pc = targets[pc]!;
            continue;
          }
          break;

        // Section 4.3.1 and 4.3.2, calls.
        case 0x85:
          if (x === 0) {
            this.code = code;
            this.pc = pc;
            this.depth = depth;
            this.steps = steps;
            const helper = k32[2 * pc]!;
            machine.callHelper(helper, this.registers, this);
            steps = this.steps;
            if (helper === helperId.tail_call && machine.lane.tailTarget !== undefined) {
              // The target takes over this frame: its exit returns to whoever called this function.
              const target = machine.lane.tailTarget;
              machine.lane.tailTarget = undefined;
              machine.admit(target);
              code = this.codeOf(target);
              ({ opcode: opcodes, dst: dsts, src: srcs, off: offs, imm: k, imm32: k32, target: targets } = code);
              r.fill(0n);
              u[2] = machine.lane.ctx.start;
              u[20] = machine.lane.enterFrame(depth);
              mayGoto[depth] = 0;
              floor[depth] = depth;
              pc = 0;
              continue;
            }
            break;
          }
          if (x === 2) {
            // Loading took this call for unreachable (src/vm/load-programs.ts).
            this.code = code;
            this.pc = pc;
            throw new UnsupportedError('calling kernel functions is not supported');
          }
          if (!this.mayCall(depth)) this.trap(code, pc, steps, { kind: 'call depth', what: tooDeep });
          returnTo[depth] = pc + 1;
          returnCode[depth] = code;
          for (let i = 0; i < 4; i++) saved[depth * 4 + i] = r[6 + i]!;
          depth++;
          floor[depth] = floor[depth - 1]!;
          u[20] = machine.lane.enterFrame(depth);
          mayGoto[depth] = 0;
          pc = targets[pc]!;
          continue;
        case 0x95: // return r0
          machine.lane.leaveFrame(depth);
          if (depth === floor[depth]) {
            this.steps = steps;
            this.checkReleased(code, pc);
          }
          if (depth === base) {
            this.steps = steps;
            return;
          }
          depth--;
          code = returnCode[depth]!;
          ({ opcode: opcodes, dst: dsts, src: srcs, off: offs, imm: k, imm32: k32, target: targets } = code);
          for (let i = 0; i < 4; i++) r[6 + i] = saved[depth * 4 + i]!;
          u[20] = machine.lane.frames[depth]!.hi;
          pc = returnTo[depth]!;
          continue;

        // Section 5.1, loads; section 5.2, sign-extending loads. An address is 64 bits wide and valid ones fit in 32.
        case 0x71: {
          const address = u[2 * x]! + offs[pc]!;
          if (u[2 * x + 1] !== 0 || address < contextEnd || !memory.canRead(address, 1)) {
            this.fault(code, pc, steps, 'read', x, 1);
          }
          u[2 * d] = view.getUint8(address);
          u[2 * d + 1] = 0;
          break;
        }
        case 0x69: {
          const address = u[2 * x]! + offs[pc]!;
          if (u[2 * x + 1] !== 0 || address < contextEnd || !memory.canRead(address, 2)) {
            this.fault(code, pc, steps, 'read', x, 2);
          }
          u[2 * d] = view.getUint16(address, true);
          u[2 * d + 1] = 0;
          break;
        }
        case 0x61: {
          const address = u[2 * x]! + offs[pc]!;
          if (u[2 * x + 1] !== 0 || (address < contextEnd && address % 4 !== 0) || !memory.canRead(address, 4)) {
            this.fault(code, pc, steps, 'read', x, 4);
          }
          u[2 * d] = view.getUint32(address, true);
          u[2 * d + 1] = 0;
          break;
        }
        case 0x79: {
          const address = u[2 * x]! + offs[pc]!;
          if (u[2 * x + 1] !== 0 || address < contextEnd || !memory.canRead(address, 8)) {
            this.fault(code, pc, steps, 'read', x, 8);
          }
          u[2 * d] = view.getUint32(address, true);
          u[2 * d + 1] = view.getUint32(address + 4, true);
          break;
        }
        case 0x91: {
          const address = u[2 * x]! + offs[pc]!;
          if (u[2 * x + 1] !== 0 || address < contextEnd || !memory.canRead(address, 1)) {
            this.fault(code, pc, steps, 'read', x, 1);
          }
          widen(u, d, view.getInt8(address));
          break;
        }
        case 0x89: {
          const address = u[2 * x]! + offs[pc]!;
          if (u[2 * x + 1] !== 0 || address < contextEnd || !memory.canRead(address, 2)) {
            this.fault(code, pc, steps, 'read', x, 2);
          }
          widen(u, d, view.getInt16(address, true));
          break;
        }
        case 0x81: {
          const address = u[2 * x]! + offs[pc]!;
          if (u[2 * x + 1] !== 0 || address < contextEnd || !memory.canRead(address, 4)) {
            this.fault(code, pc, steps, 'read', x, 4);
          }
          widen(u, d, view.getInt32(address, true));
          break;
        }

        // Loads that give 0 where nothing can be read: BPF_PROBE_MEM, then BPF_PROBE_MEMSX.
        case 0x21:
        case 0x29:
        case 0x31:
        case 0x39:
        case 0x41:
        case 0x49:
        case 0x51: {
          const size = probeSizes[(opcodes[pc]! >> 3) & 3]!;
          const loaded = probe(machine, BigInt.asUintN(64, r[x]! + BigInt(offs[pc]!)), size);
          r[d] = opcodes[pc]! >= 0x41 ? BigInt.asIntN(8 * size, loaded) : loaded;
          break;
        }

        // Section 5.1, stores: of the immediate, then of a register.
        case 0x72:
        case 0x73: {
          const address = u[2 * d]! + offs[pc]!;
          if (u[2 * d + 1] !== 0 || !memory.canWrite(address, 1)) this.fault(code, pc, steps, 'write', d, 1);
          memory.store8(address, opcodes[pc] === 0x72 ? k32[2 * pc]! : u[2 * x]!);
          break;
        }
        case 0x6a:
        case 0x6b: {
          const address = u[2 * d]! + offs[pc]!;
          if (u[2 * d + 1] !== 0 || !memory.canWrite(address, 2)) this.fault(code, pc, steps, 'write', d, 2);
          memory.store16(address, opcodes[pc] === 0x6a ? k32[2 * pc]! : u[2 * x]!);
          break;
        }
        case 0x62:
        case 0x63: {
          const address = u[2 * d]! + offs[pc]!;
          if (u[2 * d + 1] !== 0 || !memory.canWrite(address, 4)) this.fault(code, pc, steps, 'write', d, 4);
          memory.store32(address, opcodes[pc] === 0x62 ? k32[2 * pc]! : u[2 * x]!);
          break;
        }
        case 0x7a:
        case 0x7b: {
          const address = u[2 * d]! + offs[pc]!;
          if (u[2 * d + 1] !== 0 || !memory.canWrite(address, 8)) this.fault(code, pc, steps, 'write', d, 8);
          if (opcodes[pc] === 0x7a) memory.storeHalves(address, k32[2 * pc]!, k32[2 * pc + 1]!);
          else memory.storeHalves(address, u[2 * x]!, u[2 * x + 1]!);
          break;
        }

        // Section 5.3, atomic operations on 32 and 64 bits; 8 and 16 only for Linux's load-acquire and store-release.
        case 0xc3:
        case 0xdb:
        case 0xcb:
        case 0xd3: {
          const size = opcodes[pc] === 0xc3 ? 4 : opcodes[pc] === 0xdb ? 8 : opcodes[pc] === 0xcb ? 2 : 1;
          const isLoad = k32[2 * pc] === 0x100;
          const at = isLoad ? x : d;
          const address = u[2 * at]! + offs[pc]!;
          const allowed = isLoad ? memory.canRead(address, size) : memory.canWrite(address, size);
          if (u[2 * at + 1] !== 0 || address < contextEnd || !allowed) {
            this.fault(code, pc, steps, isLoad ? 'read' : 'write', at, size);
          }
          if (address % size !== 0) this.trap(code, pc, steps, misalignedAtomic(offs[pc]!, size));
          atomic(memory, this.registers, k32[2 * pc]!, address, size, d, x);
          break;
        }

        // Section 5.4, 64-bit immediates: two slots.
        case 0x18:
          r[d] = k[pc]!;
          pc += 2;
          continue;

        default:
          this.trap(code, pc, steps, { kind: 'instruction', what: code.faults.get(pc) ?? 'unknown opcode' });
      }
      pc++;
    }
  }
}

const tooDeep = `the call stack of ${maxFrames + 1} frames is too deep !`;
