/**
 * A core of the card, instruction by instruction, from the words of the instruction store: what was encoded wrongly
 * computes something else than the interpreter. The core's registers and arithmetic are in datapath.ts; memory is
 * the machine's: addresses of the packet, of maps' values and of the stack are guest addresses, so that the firmware's
 * routines can be the machine's helpers.
 *
 * What counts time is counted in {@link Work}; waiting is counted by what was waited for, since how long that takes is
 * the card's business.
 */
import { InternalError, UnsupportedError } from '../../base/index.js';
import { atomic } from '../../interp/index.js';
import { op } from '../../isa/index.js';
import { helperId, xdpMd } from '../../platform/index.js';
import { Verdicts } from '../../verifier/index.js';
import {
  accessFault,
  type Callbacks,
  type Engine,
  type LoadedProgram,
  type Machine,
  newOutcome,
  type Outcome,
  ProgramTrap,
  placeOf,
  Registers,
} from '../../vm/index.js';
import { type CardDescription, numberOf } from '../description.js';
import { scratch } from './assembler.js';
import { compileManycore, type ManycoreOptions, type ManycoreProgram } from './compile.js';
import { Datapath } from './datapath.js';
import { decode, type Instruction } from './instruction.js';
import { packetWords } from './lower-memory.js';
import { type Routine, routineAt } from './routines.js';
import { Work } from './work.js';

/** Cycles of a core that do not depend on the memory. */
interface CoreTimes {
  /** Lost where a branch is taken, less what stands behind it. */
  readonly branch: number;
  readonly helper: number;
  readonly division: number;
  /** Accesses of a look-up, by kind of map. */
  readonly array: number;
  readonly hash: number;
  readonly trie: number;
}

/** A program as the core has it. */
interface Loaded {
  readonly program: ManycoreProgram;
  readonly code: readonly Instruction[];
}

/** Stops a run for good: nobody calls back, since such programs are refused. */
const callbacks: Callbacks = {
  call() {
    throw new UnsupportedError('helpers of the card call no functions');
  },
};

/** An engine that runs programs as the card's cores would. Programs that it refuses throw UnsupportedError. */
export class ManycoreEngine implements Engine {
  readonly name: string = 'manycore';
  /** Of the last packet, all programs that tail calls reached included. */
  readonly work: Work;
  /** While set: how often each element was used, by map and number; see {@link countElements}. */
  elements: Map<number, number>[] | undefined;
  /** Of the last packet. */
  verdict = 0;
  /** The byte that the last packet's program left for the firmware: see the end of programs (compile.ts). */
  result = 0;
  private readonly machine: Machine;
  private readonly options: Omit<ManycoreOptions, 'facts' | 'stride'>;
  private readonly verdicts: Verdicts;
  private readonly times: CoreTimes;
  private readonly loaded = new Map<LoadedProgram, Loaded>();
  /** Handles of maps in order of their addresses: what belongs to a map lies behind its own. */
  private readonly handles: readonly { readonly at: number; readonly map: number }[];
  private readonly registers = new Registers();
  private readonly outcome: Outcome = newOutcome();
  private readonly core: Datapath;
  private frame = 0;
  private trapSlot = 0;

  constructor(machine: Machine, card: CardDescription, options: Omit<ManycoreOptions, 'facts' | 'stride'> = {}) {
    this.machine = machine;
    this.core = new Datapath(machine.memory);
    this.options = options;
    this.verdicts = Verdicts.of(machine.object, { facts: true });
    this.work = new Work(machine.maps.length);
    this.times = {
      branch: numberOf(card, 'core.branch'),
      helper: numberOf(card, 'core.helper'),
      division: numberOf(card, 'core.division'),
      array: numberOf(card, 'lookups.array'),
      hash: numberOf(card, 'lookups.hash'),
      trie: numberOf(card, 'lookups.trie'),
    };
    this.handles = machine.maps
      .map(({ handle, index }) => ({ at: Number(handle), map: index }))
      .sort((x, y) => x.at - y.at);
  }

  run(program: LoadedProgram): Outcome {
    const { machine, outcome } = this;
    machine.admit(program);
    machine.lane.tailCalls = 0;
    machine.lane.tailTarget = undefined;
    this.work.clear();
    this.work.packets = 1;
    outcome.trap = undefined;
    let running: LoadedProgram | undefined = program;
    try {
      while (running !== undefined) running = this.runProgram(running);
    } catch (error) {
      for (let frame = this.frame; frame >= 0; frame--) machine.lane.leaveFrame(frame);
      if (!(error instanceof ProgramTrap)) throw error;
      outcome.trap = { trap: error.trap, program, insn: this.trapSlot };
      outcome.verdict = 0;
      outcome.r0 = 0n;
    }
    outcome.steps = this.work.instructions;
    this.verdict = outcome.verdict;
    return outcome;
  }

  /** From now on elements are counted. */
  countElements(): void {
    this.elements = this.machine.maps.map(() => new Map());
  }

  /** Runs one program to its end; returns the one that a tail call went to. */
  private runProgram(program: LoadedProgram): LoadedProgram | undefined {
    const { code, program: made } = this.loadedOf(program);
    const { machine, outcome, work, times } = this;
    this.begin(made.depth);
    const { slots, out } = made;
    for (let pc = 0; ; ) {
      if (pc === out) {
        outcome.r0 = BigInt(this.core.a[0] as number) | (BigInt(this.core.a[1] as number) << 32n);
        outcome.verdict = this.core.a[0] as number;
      }
      const each = code[pc];
      if (each === undefined) throw new InternalError('manycore', `no instruction at ${pc}`);
      work.instructions++;
      work.cycles++;
      this.trapSlot = slots[pc] ?? this.trapSlot;
      if (each.kind === 'command' && each.waits > 0) {
        // The thread goes on for so long; the last instructions fill the registers that the command sends.
        pc += this.stepBehind(code, pc, each.waits) + 1;
        this.command(each);
        continue;
      }
      const target = this.step(each);
      if (target < 0) {
        pc++;
        continue;
      }
      const defer = this.stepBehind(code, pc, 'defer' in each ? each.defer : 0);
      work.cycles += Math.max(0, times.branch - defer);
      const routine = routineAt(target);
      if (routine === undefined) pc = target;
      else if (routine.kind === 'next packet') return this.end();
      else {
        pc = this.runRoutine(routine);
        if (machine.lane.tailTarget !== undefined) {
          const next = machine.lane.tailTarget;
          machine.lane.tailTarget = undefined;
          machine.admit(next);
          return next;
        }
      }
    }
  }

  /** Does what stands behind a branch or a command and is done before it; how many. */
  private stepBehind(code: readonly Instruction[], pc: number, count: number): number {
    for (let i = 1; i <= count; i++) {
      const behind = code[pc + i];
      if (behind === undefined || this.step(behind) >= 0)
        throw new InternalError('manycore', 'a branch behind a branch');
    }
    this.work.instructions += count;
    this.work.cycles += count;
    return count;
  }

  private begin(depth: number): void {
    const { machine } = this;
    const { a, b } = this.core;
    a.fill(0);
    b.fill(0);
    this.frame = 0;
    const stands = machine.lane.enterFrame(0) - depth;
    a[scratch.stack] = stands;
    this.core.windows[0] = stands;
    a[2] = b[2] = machine.lane.ctx.start;
    this.describe();
  }

  private end(): undefined {
    this.result = ((this.core.a[0] as number) >>> 16) & 0xff;
    this.machine.lane.leaveFrame(0);
  }

  /** The packet's description: its length below bits that programs mask out, and its address. */
  private describe(): void {
    const { memory, lane } = this.machine;
    const data = memory.load32(lane.ctx.start + xdpMd.data);
    this.core.description[packetWords.address] = data;
    this.core.description[packetWords.length] = 0x4000_0000 | (memory.load32(lane.ctx.start + xdpMd.dataEnd) - data);
  }

  /** Does one instruction; where it branches to, or -1. */
  private step(each: Instruction): number {
    switch (each.kind) {
      case 'alu':
        this.core.arithmetic(each);
        return -1;
      case 'shift':
        this.core.lastResult = this.core.shifted(each);
        this.core.write(each.dst, this.core.lastResult);
        return -1;
      case 'field':
        this.core.writeField(each);
        return -1;
      case 'immediate':
        this.core.writeConstant(each);
        return -1;
      case 'branch':
        return this.core.holds(each.when) ? each.target : -1;
      case 'branch-bit':
        return ((this.core.value(each.source) >>> each.bit) & 1) === 1 ? each.target : -1;
      case 'return':
        return this.core.value(each.source);
      case 'multiply':
        this.core.multiply(each);
        return -1;
      case 'command':
        this.command(each);
        return -1;
      case 'csr':
        this.control(each);
        return -1;
      case 'nop':
        return -1;
    }
  }

  private control({ csr, source, isRead }: Extract<Instruction, { kind: 'csr' }>): void {
    if (isRead) {
      this.helper(helperId.get_prandom_u32);
      this.core.read = this.registers.u32[0] as number;
      return;
    }
    const value = this.core.value(source);
    const index = ['lm0', 'lm1', 'lm2', 'lm3'].indexOf(csr);
    this.core.windows[index] = value;
    const isStack = source.kind === 'register' && source.n === scratch.stack && source.bank === 'a';
    if (index === 0 && isStack) this.followFrame(value);
  }

  /** The stack's window has moved: a function was called, or it is over. */
  private followFrame(stands: number): void {
    const { lane, memory } = this.machine;
    const region = memory.regionOf(stands) ?? memory.regionOf(stands - 1);
    const frame = region === undefined ? -1 : lane.frames.indexOf(region);
    if (frame > this.frame) lane.enterFrame(frame);
    else if (frame < this.frame && frame >= 0) lane.leaveFrame(this.frame);
    if (frame >= 0) this.frame = frame;
  }

  private command(each: Extract<Instruction, { kind: 'command' }>): void {
    const { command: name, isLong, left, right, transfer, isIndirect } = each;
    const low = this.core.value(left);
    const address = isLong ? low + (this.core.value(right) & 0xff) * 2 ** 32 : (low + this.core.value(right)) >>> 0;
    // Bits 8 to 12 of the last result, where it says how many.
    const count = isIndirect ? ((this.core.lastResult >>> 8) & 0x7f) + 1 : each.count + 1;
    switch (name) {
      case 'read32':
      case 'read8':
        this.readInto(address, transfer, name === 'read32' ? 4 * count : count);
        this.waited(address);
        return;
      case 'write32':
      case 'write8':
        this.writeFrom(address, transfer, name === 'write32' ? 4 * count : count);
        this.waited(address);
        return;
      case 'add':
        this.add(address, (each.count & 4) !== 0, undefined);
        return;
      case 'add-constant':
        this.add(address, (this.core.lastResult & (4 << 8)) !== 0, this.core.lastResult >>> 16);
        return;
    }
  }

  /**
   * Words as the host has them. What lies behind the end of memory reads as 0: a read may ask for more than is used.
   */
  private readInto(address: number, first: number, bytes: number): void {
    const { memory } = this.machine;
    if (!memory.canRead(address, 1)) this.refuse(address, bytes, 'read');
    for (let i = 0; 4 * i < bytes; i++) {
      let word = 0;
      for (let k = 3; k >= 0; k--) word = (word << 8) | (memory.u8[address + 4 * i + k] ?? 0);
      this.core.received[first + i] = word >>> 0;
    }
  }

  private writeFrom(address: number, first: number, bytes: number): void {
    const { memory } = this.machine;
    if (!memory.canWrite(address, bytes)) this.refuse(address, bytes, 'write');
    for (let i = 0; i < bytes; ) {
      const word = this.core.sent[first + (i >> 2)] as number;
      if (bytes - i >= 4) memory.store32(address + i, word);
      else for (let k = 0; k < bytes - i; k++) memory.store8(address + i + k, (word >>> (8 * k)) & 0xff);
      i += Math.min(4, bytes - i);
    }
  }

  /** Adds to an element; the amount is in the transfer registers if it is not given. They are written on the way. */
  private add(address: number, isWide: boolean, amount: number | undefined): void {
    const { memory } = this.machine;
    const size = isWide ? 8 : 4;
    if (!memory.canWrite(address, size)) this.refuse(address, size, 'write');
    const map = this.mapAt(address);
    const { work } = this;
    if (map !== undefined) {
      work.atomics[map] = (work.atomics[map] ?? 0) + 1;
      if (amount !== undefined) work.posted[map] = (work.posted[map] ?? 0) + 1;
    }
    if (amount === undefined) this.waited(address);
    const given = BigInt(this.core.sent[0] as number) | (isWide ? BigInt(this.core.sent[1] as number) << 32n : 0n);
    this.addNow(address, isWide, amount === undefined ? given : BigInt(amount));
  }

  private addNow(address: number, isWide: boolean, amount: bigint): void {
    const { memory } = this.machine;
    if (isWide) memory.store64(address, BigInt.asUintN(64, memory.load64(address) + amount));
    else memory.store32(address, Number(BigInt.asUintN(32, BigInt(memory.load32(address)) + amount)));
  }

  private refuse(address: number, size: number, access: 'read' | 'write'): never {
    throw new ProgramTrap(accessFault(this.machine, BigInt.asUintN(64, BigInt(address)), size, access));
  }

  /** The thread has waited for the memory that an address is in. */
  private waited(address: number): void {
    const map = this.mapAt(address);
    if (map === undefined) this.work.packet++;
    else this.touch(map, 1, address);
  }

  private touch(map: number, times: number, address: number): void {
    const { work, elements } = this;
    work.maps[map] = (work.maps[map] ?? 0) + times;
    if (elements === undefined) return;
    const layout = this.machine.maps[map]?.layout();
    if (layout?.kind !== 'array' && layout?.kind !== 'hash') return;
    const counts = elements[map];
    const element = Math.floor((address - Number(layout.base)) / layout.stride);
    counts?.set(element, (counts.get(element) ?? 0) + times);
  }

  /** The map that an address belongs to. */
  private mapAt(address: number): number | undefined {
    const region = this.machine.memory.regionOf(address);
    if (region === undefined || (region.kind !== 'map value' && region.kind !== 'map')) return undefined;
    let found: number | undefined;
    for (const { at, map } of this.handles) {
      if (at > address) break;
      found = map;
    }
    return found;
  }

  /** Runs a routine; where it returns to. */
  private runRoutine(routine: Exclude<Routine, { kind: 'next packet' }>): number {
    const { times, work } = this;
    const { a, b } = this.core;
    switch (routine.kind) {
      case 'helper': {
        const back = b[0] as number;
        work.cycles += times.helper;
        this.countHelper(routine.id);
        this.helper(routine.id);
        this.core.setPair(0, this.registers.u64[0] as bigint);
        this.describe();
        return back;
      }
      case 'division':
        work.cycles += times.division;
        this.core.divide(routine);
        return a[scratch.first] as number;
      case 'atomic':
        this.runAtomic(routine);
        return a[scratch.first] as number;
    }
  }

  /** Calls a helper with r1 to r5 as the registers have them. */
  private helper(id: number): void {
    const { registers, machine } = this;
    for (let r = 1; r <= 5; r++) registers.u64[r] = this.core.pair(r);
    registers.u64[0] = 0n;
    machine.callHelper(id, registers, callbacks);
  }

  /** What a helper costs besides its cycles: accesses of the map in r1, under its lock where it changes the map. */
  private countHelper(id: number): void {
    const { machine, times, work } = this;
    const map = machine.store.at(this.core.b[2] as number);
    if (map === undefined) return;
    const { index, spec } = map;
    const accesses = spec.type.includes('lpm') ? times.trie : spec.type.includes('hash') ? times.hash : times.array;
    const changes = id === helperId.map_update_elem || id === helperId.map_delete_elem;
    work.maps[index] = (work.maps[index] ?? 0) + accesses + (changes ? 1 : 0);
    work.lookups[index] = (work.lookups[index] ?? 0) + 1;
    if (changes) work.locked[index] = (work.locked[index] ?? 0) + accesses + 1;
  }

  private runAtomic({ wide, dst, src }: Extract<Routine, { kind: 'atomic' }>): void {
    const { machine, registers, work } = this;
    const word = this.core.b[scratch.first] as number;
    const [imm, narrow] = [word & 0xfff, word >>> 12];
    const size = narrow > 0 ? narrow : wide ? 8 : 4;
    const address = this.core.a[scratch.second] as number;
    const isLoad = imm === op.ATOMIC_LOAD_ACQ;
    const allowed = isLoad ? machine.memory.canRead(address, size) : machine.memory.canWrite(address, size);
    if (!allowed) this.refuse(address, size, isLoad ? 'read' : 'write');
    for (let r = 0; r < 10; r++) registers.u64[r] = this.core.pair(r);
    atomic(machine.memory, registers, imm, address, size, dst, src);
    for (const r of [0, dst, src]) if (r < 10) this.core.setPair(r, registers.u64[r] as bigint);
    const map = this.mapAt(address);
    if (map !== undefined) work.atomics[map] = (work.atomics[map] ?? 0) + 1;
    this.waited(address);
  }

  /** The program, compiled when it first runs. */
  private loadedOf(program: LoadedProgram): Loaded {
    const known = this.loaded.get(program);
    if (known !== undefined) return known;
    const { frames } = this.machine.lane;
    const stride = frames.length > 1 ? Number(frames[1]?.hi ?? 0) - Number(frames[0]?.hi ?? 0) : 512;
    const facts = this.verdicts.factsOf(program.spec);
    const made = compileManycore(program.insns, { ...this.options, facts, stride: Math.abs(stride) });
    if (made.kind === 'refused')
      throw new UnsupportedError(made.what, placeOf(program.spec, made.insn), 'the host can run it');
    const loaded = { program: made, code: made.words.map(decode) };
    this.loaded.set(program, loaded);
    return loaded;
  }
}
