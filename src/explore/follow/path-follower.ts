/**
 * Follows a run of the interpreter and keeps, beside each register and byte that depends on the packet or on maps, the
 * term that it is of them. Where the program decides on such a term, the comparison is a step of the path
 * (path-steps.ts), which a solver can turn round.
 *
 * What is concrete stays concrete: instructions on values without a term cost a look at the table. Addresses are what
 * they are; one that depends on the start is *pinned*, which is a step, too. Nothing here has to be complete: whoever
 * makes a start of a turned step runs it, and sees where it goes.
 */
import type { Observer } from '../../interp/index.js';
import { accessSize, type Insn, insnClass, isConditionalJump, op } from '../../isa/index.js';
import { xdpMd } from '../../platform/index.js';
import { type Term, type Terms, widthOf } from '../../solve/index.js';
import { aluTerm, jumpTerm, readsDestination } from '../../super/index.js';
import type { LoadedProgram, Machine, Registers } from '../../vm/index.js';
import { ConstantTables } from './constant-tables.js';
import { followCall } from './follow-call.js';
import { KeyFollower } from './follow-keys.js';
import type { KeyClass } from './map-keys.js';
import { PathNumber } from './path-number.js';
import { type ConditionKind, noWay, type PathStep, wayOf } from './path-steps.js';
import { ShadowMemory } from './shadow-memory.js';
import { type StartState, startNames } from './start-state.js';

/** Terms of a function's registers. */
type TermsOfRegisters = (Term | undefined)[];

/** A function under way. */
interface Frame {
  terms: TermsOfRegisters;
  /** What to do when it goes on after the instruction that it is at. */
  after: ((program: LoadedProgram, pc: number) => void) | undefined;
  /** A helper called it. */
  readonly isCallback: boolean;
}

const registerCount = 11;

function noTerms(): TermsOfRegisters {
  return new Array<Term | undefined>(registerCount).fill(undefined);
}

/** Follows one run after another: {@link start}, the interpreter runs with it as observer, {@link steps} are read. */
export class PathFollower implements Observer {
  readonly terms: Terms;
  readonly machine: Machine;
  readonly registers: Registers;
  readonly shadow: ShadowMemory;
  readonly keys: KeyFollower;
  private readonly tables: ConstantTables;
  /** Of the run so far. */
  steps: PathStep[] = [];
  /** Ways out of conditional jumps that it went, each once for each time. */
  ways: number[] = [];
  /** Results of calls that a start does not decide, in order; and that each is what it was. */
  results: bigint[] = [];
  pins: Term[] = [];
  /** The run looked for metadata before the packet, or made some. */
  asksForMetadata = false;
  /** Maps, by index, that gave room which they might not have had. */
  readonly gaveRoom: Set<number> = new Set();
  /** Maps that had no room for something. */
  readonly lackedRoom: Set<number> = new Set();
  /** What `data_end` is. */
  end: Term;
  private frames: Frame[] = [];
  private readonly known = new Set<Term>();
  private last: Insn | undefined;
  /** The step that asked for an element, until a jump comes. */
  private asked: Extract<PathStep, { readonly kind: 'presence' }> | undefined;
  /** Which path it is. */
  readonly number: PathNumber = new PathNumber();

  constructor(terms: Terms, machine: Machine, registers: Registers, varyMaps: boolean) {
    this.terms = terms;
    this.machine = machine;
    this.registers = registers;
    this.shadow = new ShadowMemory(terms, machine.memory, machine.lane);
    this.keys = new KeyFollower(this, varyMaps);
    this.tables = new ConstantTables(terms, machine);
    this.end = terms.bits(64, 0);
  }

  /** Call it when the start is in the machine, before the program runs. */
  start(state: StartState): void {
    const { terms, shadow, machine } = this;
    const { data } = machine.lane.packet;
    this.steps = [];
    this.ways = [];
    this.results = [];
    this.pins = [];
    this.known.clear();
    this.frames = [];
    this.last = undefined;
    this.asked = undefined;
    this.asksForMetadata = false;
    this.gaveRoom.clear();
    this.lackedRoom.clear();
    this.number.start();
    shadow.clear();
    shadow.addSpan({ start: data, size: machine.lane.packet.linearLength, name: startNames.packet });
    const { length } = state.metadata;
    if (length > 0) shadow.addSpan({ start: data - length, size: length, name: startNames.metadata });
    this.end = terms.add(terms.zeroExtend(terms.unknown(startNames.length, 16), 64), terms.bits(64, data));
    this.keys.start(state);
  }

  /** The interpreter's call before each instruction. */
  before(program: LoadedProgram, pc: number, depth: number): void {
    this.number.before(program, pc);
    const frame = this.frameAt(depth);
    const { after } = frame;
    if (after !== undefined) {
      frame.after = undefined;
      after(program, pc);
    }
    const insn = program.insns[pc];
    this.last = insn;
    if (insn !== undefined) this.follow(program, insn, pc, frame);
  }

  /** The frame of that depth, after calls and returns since the last instruction. */
  private frameAt(depth: number): Frame {
    const { frames, last } = this;
    // A helper calls back again: the frame before it has gone unseen.
    const isAgain = last !== undefined && last.code === (op.JMP | op.EXIT) && depth === frames.length - 1;
    if (isAgain) frames.pop();
    while (frames.length - 1 > depth) {
      const { terms } = frames.pop() as Frame;
      const caller = frames.at(-1);
      if (caller === undefined) break;
      caller.terms.fill(undefined, 0, 6);
      caller.terms[0] = terms[0];
    }
    while (frames.length - 1 < depth) {
      const caller = frames.at(-1);
      const isCallback = caller !== undefined && (isAgain || last?.src !== 1);
      const terms = noTerms();
      if (caller !== undefined && !isCallback) for (let r = 1; r <= 5; r++) terms[r] = caller.terms[r];
      this.shadow.enterFrame(frames.length);
      frames.push({ terms, after: undefined, isCallback });
    }
    return frames[depth] as Frame;
  }

  /** Another program takes over the frame. */
  enterProgram(): void {
    const frame = this.frames.at(-1);
    frame?.terms.fill(undefined);
    // Its first jump asks for something else than who called it.
    this.asked = undefined;
    this.shadow.enterFrame(this.frames.length - 1);
  }

  /** A comparison that came out as `term`, which is true. */
  condition(kind: ConditionKind, term: Term, way: number = noWay, pinned?: Term): void {
    if (term.op === 'const' || this.known.has(term)) return;
    this.known.add(term);
    this.steps.push({ kind, term, way, pinned });
  }

  /** There was an element at the start, or none, and the run depends on it. */
  presence(key: KeyClass, isPresent: boolean): void {
    const step: PathStep = { kind: 'presence', key, isPresent, way: noWay };
    this.steps.push(step);
    this.asked = step;
  }

  /** The comparison came out like this. */
  decide(kind: ConditionKind, term: Term, holds: boolean, way: number = noWay): void {
    this.condition(kind, holds ? term : this.terms.no(term), way);
  }

  /** From here on the value is taken for what it is. */
  pin(term: Term | undefined, value: bigint): void {
    if (term === undefined) return;
    this.condition('pin', this.terms.eq(term, this.terms.bits(widthOf(term), value)), noWay, term);
  }

  /** What a register is in the running function, and what it holds. */
  termOf(register: number): Term | undefined {
    return this.frames.at(-1)?.terms[register];
  }

  valueOf(register: number): bigint {
    return this.registers.u64[register] as bigint;
  }

  /** A register as a term, whether it has one or not. */
  asTerm(register: number): Term {
    return this.termOf(register) ?? this.terms.bits(64, this.valueOf(register));
  }

  /** A result that is no function of the start, or not one that is known. */
  result(value: bigint): Term {
    const term = this.terms.unknown(startNames.result(this.results.length), 64);
    this.results.push(value);
    this.pins.push(this.terms.eq(term, this.terms.bits(64, value)));
    return term;
  }

  /** The address in a register, which is pinned. */
  address(register: number): number {
    this.pin(this.termOf(register), this.valueOf(register));
    return Number(this.valueOf(register));
  }

  private set(frame: Frame, register: number, term: Term | undefined): void {
    frame.terms[register] = term?.op === 'const' ? undefined : term;
  }

  private follow(program: LoadedProgram, insn: Insn, pc: number, frame: Frame): void {
    switch (insnClass(insn)) {
      case op.ALU:
      case op.ALU64:
        this.followAlu(insn, frame);
        return;
      case op.LD:
        frame.terms[insn.dst] = undefined;
        return;
      case op.LDX:
        this.set(frame, insn.dst, this.loaded(insn));
        return;
      case op.ST:
        this.shadow.store(this.address(insn.dst) + insn.off, accessSize(insn), undefined);
        return;
      case op.STX:
        if ((insn.code & 0xe0) === op.MODE_ATOMIC) this.followAtomic(insn, frame);
        else this.shadow.store(this.address(insn.dst) + insn.off, accessSize(insn), frame.terms[insn.src]);
        return;
      default:
        this.followJump(program, insn, pc, frame);
    }
  }

  private followAlu(insn: Insn, frame: Frame): void {
    const { terms } = this;
    const isRegister = (insn.code & op.X) !== 0 && (insn.code & 0xf0) !== op.END;
    const a = readsDestination(insn) ? frame.terms[insn.dst] : undefined;
    const b = isRegister ? frame.terms[insn.src] : undefined;
    if (a === undefined && b === undefined) {
      frame.terms[insn.dst] = undefined;
      return;
    }
    const operand = b ?? terms.bits(64, isRegister ? this.valueOf(insn.src) : BigInt(insn.imm));
    this.set(frame, insn.dst, aluTerm(terms, insn, a ?? terms.bits(64, this.valueOf(insn.dst)), operand));
  }

  private loaded(insn: Insn): Term | undefined {
    const { machine } = this;
    const size = accessSize(insn);
    const found = this.fromTable(insn, size);
    if (found !== undefined) return this.extended(insn, found);
    const address = this.address(insn.src) + insn.off;
    const { ctx } = machine.lane;
    if (address >= ctx.start && address < ctx.end) return this.contextField(address - ctx.start);
    const term = this.shadow.load(address, size);
    return term && this.extended(insn, term);
  }

  private extended({ code }: Insn, term: Term): Term {
    const { terms } = this;
    return (code & 0xe0) === op.MODE_MEMSX ? terms.signExtend(term, 64) : terms.zeroExtend(term, 64);
  }

  /** What a table of constants has there, where the address depends on the start. */
  private fromTable({ src, off }: Insn, size: number): Term | undefined {
    const { terms } = this;
    const term = this.termOf(src);
    if (term === undefined) return undefined;
    const address = terms.add(term, terms.bits(64, BigInt.asUintN(64, BigInt(off))));
    const found = this.tables.load(address, Number(this.valueOf(src)) + off, size);
    if (found !== undefined) this.condition('pin', found.isInside);
    return found?.value;
  }

  private contextField(offset: number): Term | undefined {
    if (offset === xdpMd.dataEnd) return this.end;
    if (offset === xdpMd.dataMeta) this.asksForMetadata = true;
    if (offset === xdpMd.ingressIfindex) return this.terms.zeroExtend(this.terms.unknown(startNames.ifindex, 32), 64);
    return undefined;
  }

  /** The sums that counters are made with; of all others only the bytes are known not to be. */
  private followAtomic(insn: Insn, frame: Frame): void {
    const { terms, shadow } = this;
    const isLoad = insn.imm === 0x100;
    const address = this.address(isLoad ? insn.src : insn.dst) + insn.off;
    const size = accessSize(insn);
    const old = shadow.load(address, size);
    if (isLoad) this.set(frame, insn.dst, old && terms.zeroExtend(old, 64));
    else if (insn.imm === 0x110) shadow.store(address, size, frame.terms[insn.src]);
    else if (insn.imm === 0xf1) this.followCompareAndSwap(insn, frame, address, old);
    else if (insn.imm === 0xe1) {
      shadow.store(address, size, frame.terms[insn.src]);
      this.set(frame, insn.src, old && terms.zeroExtend(old, 64));
    } else {
      const operation = ({ 0: 'bvadd', 64: 'bvor', 80: 'bvand', 160: 'bvxor' } as const)[insn.imm & 0xf0];
      const by = frame.terms[insn.src];
      const isFetch = (insn.imm & 1) !== 0;
      if (operation === undefined || (old === undefined && by === undefined)) shadow.store(address, size, undefined);
      else {
        const whole = old ?? terms.bits(8 * size, this.machine.memory.peek(BigInt(address), size) ?? 0n);
        const other = terms.extract(this.asTerm(insn.src), 8 * size - 1, 0);
        shadow.store(address, size, terms.binary(operation, whole, other));
      }
      if (isFetch) this.set(frame, insn.src, old && terms.zeroExtend(old, 64));
    }
  }

  /**
   * Whether it stores is part of the path. Nobody comes between a load and the swap, so one that compares with what
   * was just loaded always does.
   */
  private followCompareAndSwap(insn: Insn, frame: Frame, address: number, old: Term | undefined): void {
    const { terms, machine } = this;
    const size = accessSize(insn);
    const held = machine.memory.peek(BigInt(address), size) ?? 0n;
    const isEqual = held === BigInt.asUintN(8 * size, this.valueOf(0));
    if (old !== undefined || frame.terms[0] !== undefined) {
      const expected = terms.extract(this.asTerm(0), 8 * size - 1, 0);
      this.decide('branch', terms.eq(old ?? terms.bits(8 * size, held), expected), isEqual);
    }
    if (isEqual) this.shadow.store(address, size, frame.terms[insn.src]);
    this.set(frame, 0, old && terms.zeroExtend(old, 64));
  }

  private followJump(program: LoadedProgram, insn: Insn, pc: number, frame: Frame): void {
    const { terms } = this;
    if (isConditionalJump(insn)) {
      const isRegister = (insn.code & op.X) !== 0;
      const a = frame.terms[insn.dst];
      const b = isRegister ? frame.terms[insn.src] : undefined;
      const right = b ?? terms.bits(64, isRegister ? this.valueOf(insn.src) : BigInt(insn.imm));
      const taken =
        a === undefined && b === undefined
          ? undefined
          : jumpTerm(terms, insn, a ?? terms.bits(64, this.valueOf(insn.dst)), right);
      frame.after = (_, next): void => {
        const way = wayOf(program.index, pc, next !== pc + 1);
        this.ways.push(way);
        if (this.asked !== undefined) this.asked.way = way;
        this.asked = undefined;
        if (taken !== undefined) this.decide('branch', taken, next !== pc + 1, way);
      };
    } else if (insn.code === (op.JMP | op.CALL) && insn.src !== 1) {
      const result = followCall(this, insn.imm);
      frame.after = (next, at): void => {
        const r0 = result?.(this.valueOf(0), next !== program || at !== pc + 1);
        if (next !== program || at !== pc + 1) this.enterProgram();
        else {
          frame.terms.fill(undefined, 0, 6);
          this.set(frame, 0, r0 ?? undefined);
        }
      };
    } else if (insn.code === (op.JMP | op.EXIT) && frame.isCallback) {
      // A result other than 0 ends the walk that calls back.
      const result = frame.terms[0];
      if (result !== undefined) this.decide('branch', terms.eq(result, terms.bits(64, 0)), this.valueOf(0) === 0n);
    }
  }
}
