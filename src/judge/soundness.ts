/**
 * Soundness by execution: what the verifier claims before an instruction, beside what the interpreter's registers and
 * stack hold there. One value outside its claim is a bug of the verifier (or of the interpreter), whatever the
 * verdict.
 */
import { Interpreter, type Observer } from '../interp/index.js';
import { insnClass, isConditionalJump, op } from '../isa/index.js';
import type { ObjectSpec, ProgramSpec } from '../object/index.js';
import { type ConcreteWorld, factHolds, type ProgramFacts, type ValueFact, Verdicts } from '../verifier/index.js';
import type { LoadedProgram, Machine } from '../vm/index.js';
import { MachineSubject } from './machine-subject.js';
import { seedMaps } from './seed-maps.js';
import type { Packet } from './subject.js';

/** A value that the verifier said could not be. */
export interface Violation {
  /** Name of the object and of its program. */
  readonly program: string;
  readonly insn: number;
  /** `r3`, `fp-16`, or `unreached` for an instruction that no path was to reach. */
  readonly place: string;
  readonly value: bigint;
  readonly fact: ValueFact | undefined;
}

/** Counts of a campaign. */
export interface SoundnessResult {
  programs: number;
  rejected: number;
  runs: number;
  /** Executed and checked instructions. */
  insns: number;
  /** Single values compared with their claim. */
  values: number;
  /** Runs that ended in a memory fault or the like although the program was accepted. */
  traps: number;
  readonly violations: Violation[];
}

/** All zero. */
export function newSoundnessResult(): SoundnessResult {
  return { programs: 0, rejected: 0, runs: 0, insns: 0, values: 0, traps: 0, violations: [] };
}

/** Violations listed at most; the run goes on counting instructions. */
const maxViolations = 20;

/** A claim about a register. Most are plain ranges, which two comparisons check. */
interface RegClaim {
  readonly reg: number;
  readonly fact: ValueFact;
  /** Set where the claim says no more than that the value lies in [low, high]. */
  readonly low: bigint | undefined;
  readonly high: bigint;
}

function regClaim(reg: number, fact: ValueFact): RegClaim {
  if (fact.kind === 'scalar' && fact.range.isPlainRange) {
    return { reg, fact, low: fact.range.umin, high: fact.range.umax };
  }
  return { reg, fact, low: undefined, high: 0n };
}

/** A claim about a stack slot, `off` below the frame's top. */
interface SlotClaim {
  readonly off: number;
  readonly size: number;
  /** Undefined: all bytes are zero. */
  readonly fact: ValueFact | undefined;
}

/** What is to be checked before one instruction; claims that hold of every value are left out. */
interface Plan {
  readonly reached: boolean;
  readonly regs: readonly RegClaim[];
  readonly slots: readonly SlotClaim[];
  /**
   * The claims that remain when the instruction before was just executed and checked: the others follow from its
   * claims.
   */
  readonly newRegs: readonly RegClaim[];
  readonly newSlots: readonly SlotClaim[];
}

/** False for claims that every value meets: they are not worth a look at each instruction. */
function says(fact: ValueFact | undefined): fact is ValueFact {
  if (fact === undefined || fact.kind === 'any') return false;
  if (fact.kind !== 'scalar') return true;
  const { umin, umax, smin, smax, mask } = fact.range;
  const all = (1n << 64n) - 1n;
  return umin !== 0n || umax !== all || mask !== all || smin !== -(1n << 63n) || smax !== (1n << 63n) - 1n;
}

/** Is a claim implied by the one before? Then it need not be checked again where the value did not change. */
function follows(before: ValueFact | undefined, fact: ValueFact | undefined): boolean {
  if (before === fact) return true;
  return before?.kind === 'scalar' && fact?.kind === 'scalar' && fact.range.covers(before.range);
}

const carrying: readonly number[] = [op.ALU, op.ALU64, op.LDX];

/** What to check before each instruction; and what of that is new where the one before it has just run. */
function plansOf(program: ProgramSpec, facts: ProgramFacts): Plan[] {
  const plans: Plan[] = [];
  for (const [pc, insn] of facts.insns.entries()) {
    const regs = insn.regs.flatMap((fact, reg) => (says(fact) ? [regClaim(reg, fact)] : []));
    const slots = insn.stack.flatMap((slot): SlotClaim[] => {
      if (slot.kind === 'zero') return [{ off: slot.off, size: 8, fact: undefined }];
      return slot.kind === 'spill' && says(slot.value) ? [{ off: slot.off, size: slot.size, fact: slot.value }] : [];
    });
    const before = facts.insns[pc - 1];
    const previous = program.insns[pc - 1];
    // Only an instruction that writes its destination and nothing else lets claims be carried over.
    const carries = previous !== undefined && (carrying.includes(insnClass(previous)) || isConditionalJump(previous));
    const written = previous === undefined || isConditionalJump(previous) ? -1 : previous.dst;
    const oldSlots = new Map(before?.stack.map((slot) => [slot.off, slot]));
    plans.push({
      reached: insn.reached,
      regs,
      slots,
      newRegs: carries ? regs.filter(({ reg, fact }) => reg === written || !follows(before?.regs[reg], fact)) : regs,
      newSlots: carries
        ? slots.filter(({ off, size, fact }) => {
            const old = oldSlots.get(off);
            if (old === undefined || old.size !== size) return true;
            return fact === undefined ? old.kind !== 'zero' : old.kind !== 'spill' || !follows(old.value, fact);
          })
        : slots,
    });
  }
  return plans;
}

/** Watches the interpreter and compares before every instruction. */
class Checker implements Observer, ConcreteWorld {
  private readonly object: ObjectSpec;
  private readonly machine: Machine;
  private readonly registers: BigUint64Array;
  private readonly result: SoundnessResult;
  private readonly verdicts: Verdicts;
  private readonly plans = new Map<ProgramSpec, Plan[] | undefined>();
  private readonly framePointers: bigint[] = [];
  private depth = 0;
  private lastProgram: LoadedProgram | undefined;
  private lastPc = -2;

  constructor(object: ObjectSpec, machine: Machine, registers: BigUint64Array, result: SoundnessResult) {
    this.object = object;
    this.machine = machine;
    this.registers = registers;
    this.result = result;
    this.verdicts = Verdicts.of(object, { facts: true });
  }

  get ctx(): bigint {
    return this.machine.lane.pointers.context;
  }

  get data(): bigint {
    return this.machine.lane.pointers.data;
  }

  get dataEnd(): bigint {
    return this.machine.lane.pointers.dataEnd;
  }

  get dataMeta(): bigint {
    return this.machine.lane.pointers.dataMeta;
  }

  framePointer(framesUp: number): bigint | undefined {
    return this.framePointers[this.depth - framesUp];
  }

  /** Does an address fit a claim about a map's value? Offsets are those within an element. */
  onMapValue(map: number, address: bigint, fits: (offset: bigint) => boolean): boolean {
    const region = this.machine.memory.pointee(address);
    // A pointer that was moved off its value is not used there; nothing can be said of it.
    if (region === undefined || region.kind !== 'map value' || region.stride === 0) return true;
    if (region.name !== `value of map ${this.object.maps[map]?.name}`) return false;
    const offset = region.distanceTo(address);
    // One element's end is the next one's start.
    return fits(BigInt(offset)) || offset === 0 || !fits(0n);
  }

  before(program: LoadedProgram, pc: number, depth: number): void {
    const { registers, result } = this;
    const stepped = program === this.lastProgram && pc === this.lastPc + 1 && depth === this.depth;
    this.lastProgram = program;
    this.lastPc = pc;
    this.depth = depth;
    this.framePointers[depth] = registers[10] as bigint; // eleven registers
    result.insns++;
    const plan = this.planOf(program.spec)?.[pc];
    if (plan === undefined) return;
    if (!plan.reached) this.report(program.spec, pc, 'unreached', 0n, undefined);
    for (const { reg, fact, low, high } of stepped ? plan.newRegs : plan.regs) {
      const value = registers[reg] as bigint; // reg is 0 to 10
      result.values++;
      if (low !== undefined && value >= low && value <= high) continue;
      if (!factHolds(fact, value, this)) this.report(program.spec, pc, `r${reg}`, value, fact);
    }
    for (const { off, size, fact } of stepped ? plan.newSlots : plan.slots) {
      const value = this.load((registers[10] as bigint) + BigInt(off), size);
      result.values++;
      if (fact === undefined ? value !== 0n : !factHolds(fact, value, this)) {
        this.report(program.spec, pc, `fp${off}`, value, fact);
      }
    }
  }

  private load(pointer: bigint, size: number): bigint {
    return this.machine.memory.peek(pointer, size) ?? 0n;
  }

  private planOf(spec: ProgramSpec): Plan[] | undefined {
    if (!this.plans.has(spec)) {
      const facts = this.verdicts.factsOf(spec);
      this.plans.set(spec, facts === undefined ? undefined : plansOf(spec, facts));
    }
    return this.plans.get(spec);
  }

  /** Notes a violation, each place once. */
  private report(spec: ProgramSpec, insn: number, place: string, value: bigint, fact: ValueFact | undefined): void {
    const { violations } = this.result;
    if (violations.length >= maxViolations) return;
    const program = `${this.object.name} ${spec.name}`;
    if (violations.some((v) => v.insn === insn && v.place === place && v.program === program)) return;
    violations.push({ program, insn, place, value, fact });
  }
}

/** Runs one program of an object over packets, `rounds` times, and adds what came out to `result`. */
export function checkSoundness(
  object: ObjectSpec,
  program: ProgramSpec,
  packets: readonly Packet[],
  seed: number,
  result: SoundnessResult,
): void {
  if (!Verdicts.of(object).accepts(program)) {
    result.rejected++;
    return;
  }
  result.programs++;
  const subject = new MachineSubject(
    object,
    program.name,
    (machine) => {
      const interpreter = new Interpreter(machine);
      interpreter.observer = new Checker(object, machine, interpreter.registers.u64, result);
      return interpreter;
    },
    { cpus: 1, seed: BigInt(seed) },
  );
  seedMaps(
    object,
    [subject],
    seed,
    1,
    packets.map((packet) => packet.data),
  );
  for (const packet of packets) {
    result.runs++;
    if (subject.run(packet).stopped !== undefined) result.traps++;
  }
  subject.close();
}
