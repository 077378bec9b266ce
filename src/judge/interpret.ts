/**
 * Runs IR on a machine, value by value with bigints: the second opinion about passes and about generated code. Slow,
 * and meant to be read. Every access is checked, also where a verifier has said that it need not be, so code that an
 * unsound pass has made is found out.
 */
import { InternalError, UnsupportedError } from '../base/index.js';
import {
  type Block,
  type FunctionCode,
  isPlace,
  mask32,
  opTable,
  type Program,
  signed,
  type TraceCode,
  type Value,
} from '../ir/index.js';
import { op } from '../isa/index.js';
import { addressOf, arrayOf, locateStack } from '../jit/index.js';
import { helperId, nestedHelper, stackSize, xdpMd } from '../platform/index.js';
import { checkAccess, type Machine, ProgramTrap, placeOf, privateState, Registers } from '../vm/index.js';

/** What became of a function. */
export type Interpreted =
  | { readonly kind: 'returned'; readonly r0: bigint }
  /** A tail call chose the program with this index. */
  | { readonly kind: 'tail call'; readonly program: number };

/** Rounds of loops in one run; then it is stopped. */
const maxBlocks = 1 << 24;

/** Values of `env` that the caller gives, by number. */
export type Inputs = ReadonlyMap<bigint, bigint>;

const noInputs: Inputs = new Map();

/** What a run needs beside a machine. */
export interface RunOptions {
  readonly inputs?: Inputs | undefined;
  /** Kept up to date. */
  readonly position?: Position;
  /** Guest address, open to helpers, where the keys of look-ups are put together; needed where keys are values. */
  readonly keys?: number;
  /** Runs the program with this index, which a function tail-called, to its end; r0. */
  readonly nested?: (program: number) => bigint;
}

/** Where a run stands, for traps. */
export interface Position {
  pc: number;
}

/** Throws ProgramTrap, as the machine's helpers and checks do. */
export function interpretFunction(
  code: FunctionCode,
  machine: Machine,
  { inputs = noInputs, position = { pc: 0 }, keys = 0, nested }: RunOptions = {},
): Interpreted {
  const values = new Evaluation(machine, { inputs, keys, program: code.program, nested });
  let block = code.blocks[0] as Block;
  for (let steps = 0; steps < maxBlocks; steps++) {
    for (const value of block.pinned) {
      position.pc = value.origin.pc;
      values.set(value, values.perform(value));
    }
    const { end } = block;
    let to: number;
    switch (end.kind) {
      case 'jump':
        to = end.to;
        break;
      case 'branch':
        to = values.get(end.condition) !== 0n ? end.yes : end.no;
        break;
      case 'return':
        if (code.checked) checkExit(machine);
        return { kind: 'returned', r0: values.get(end.value) };
      case 'tail call': {
        const program = tailTarget(machine, end.map, Number(values.get(end.slot)));
        if (program >= 0) return { kind: 'tail call', program };
        to = end.to;
        break;
      }
      case 'miss':
        throw new InternalError('interpret', 'a program cannot miss');
      case 'trap': {
        position.pc = end.pc;
        if (end.unsupported) throw new UnsupportedError(end.what, placeOf(code.program.spec, end.pc));
        const kind = end.what.startsWith('the call stack') ? 'call depth' : 'instruction';
        throw new ProgramTrap({ kind, what: end.what });
      }
    }
    const next = code.blocks[to] as Block;
    const index = next.preds.indexOf(block.id);
    const phis = next.phis.map(({ args }) => values.get(args[index] as Value));
    values.enterBlock();
    for (const [i, phi] of next.phis.entries()) values.set(phi.value, phis[i] as bigint);
    block = next;
  }
  throw new ProgramTrap({ kind: 'steps', what: 'stopped: it loops for too long' });
}

/** r0 of a trace, or the guard that did not hold. Effects before it are the caller's to roll back. */
export function interpretTrace(code: TraceCode, machine: Machine): bigint | Value {
  const values = new Evaluation(machine, { inputs: noInputs, keys: 0, program: undefined });
  for (const value of code.values) {
    if (value.op === 'ret') return values.get(value.args[0] as Value);
    if (value.op === 'guard') {
      const expect = value.detail?.kind === 'guard' && value.detail.expect;
      if ((values.get(value.args[0] as Value) !== 0n) !== expect) return value;
    } else if (opTable[value.op].kind !== 'pure') values.set(value, values.perform(value));
  }
  throw new InternalError('ir', 'a trace without ret');
}

/** What the kernel's verifier would have refused: a lock that is held, a socket that was not released. */
function checkExit({ memory, lane }: Machine): void {
  if (memory.load32(lane.state + privateState.lock) !== 0)
    throw new ProgramTrap({
      kind: 'helper',
      what: 'BPF_EXIT instruction cannot be used inside bpf_spin_lock-ed region',
    });
  if (memory.load32(lane.state + privateState.references) !== 0)
    throw new ProgramTrap({ kind: 'helper', what: 'BPF_EXIT instruction would lead to reference leak' });
}

/** Index of the program in a slot of a PROG_ARRAY, or -1 where the call fails. */
function tailTarget(machine: Machine, map: number, slot: number): number {
  const registers = new Registers();
  registers.u64[1] = BigInt(machine.lane.ctx.start);
  registers.u64[2] = BigInt(machine.maps[map]?.handle ?? 0);
  registers.u64[3] = BigInt(slot);
  machine.callHelper(helperId.tail_call, registers, noCallbacks(machine));
  const target = machine.lane.tailTarget;
  machine.lane.tailTarget = undefined;
  return target === undefined ? -1 : target.index;
}

function noCallbacks(machine: Machine): { call(): never } {
  return { call: () => machine.refuse('callbacks are not compiled') };
}

/**
 * One run of one function. Pure values are computed once for each block that is entered; phis and reads are placed.
 */
class Evaluation {
  private readonly machine: Machine;
  private readonly inputs: Inputs;
  private readonly keys: number;
  private readonly program: Program | undefined;
  private readonly data: bigint;
  private readonly length: bigint;
  private readonly metaLength: bigint;
  /** Phis and pinned values. */
  private readonly placed = new Map<Value, bigint>();
  /** Pure values since the block was entered. */
  private pure = new Map<Value, bigint>();
  private readonly registers = new Registers();
  private readonly nested: RunOptions['nested'];
  private nestedResult = 0n;

  /** `program`: undefined for a trace. */
  constructor(
    machine: Machine,
    of: {
      readonly inputs: Inputs;
      readonly keys: number;
      readonly program: Program | undefined;
      readonly nested?: RunOptions['nested'];
    },
  ) {
    this.machine = machine;
    this.nested = of.nested;
    this.inputs = of.inputs;
    this.keys = of.keys;
    this.program = of.program;
    const { memory } = machine;
    const { ctx } = machine.lane;
    const data = memory.load32(ctx.start + xdpMd.data);
    this.data = BigInt(data);
    this.length = BigInt(memory.load32(ctx.start + xdpMd.dataEnd) - data);
    this.metaLength = BigInt(data - memory.load32(ctx.start + xdpMd.dataMeta));
  }

  enterBlock(): void {
    this.pure = new Map();
  }

  set(value: Value, result: bigint): void {
    this.placed.set(value, result);
  }

  /** The value of an operand. */
  get(value: Value): bigint {
    const known = this.placed.get(value) ?? this.pure.get(value);
    if (known !== undefined) return known;
    const result = this.evaluate(value);
    this.pure.set(value, result);
    return result;
  }

  /** By operation; pure ones by their definition in ir/ops. */
  private evaluate(value: Value): bigint {
    const { machine } = this;
    const [a, b, c] = value.args;
    switch (value.op) {
      case 'const':
        return value.imm;
      case 'len':
        return this.length;
      case 'metalen':
        return this.metaLength;
      case 'ctx':
        return BigInt(machine.memory.load32(machine.lane.ctx.start + Number(value.imm)));
      case 'env':
        return this.inputs.get(value.imm) ?? this.call(Number(value.imm), []);
      case 'element': {
        const { base, stride, cpus } = arrayOf(machine, value);
        const cpu = cpus > 1 ? machine.lane.cpu : 0;
        return BigInt.asUintN(32, BigInt(base) + (this.get(a as Value) * BigInt(cpus) + BigInt(cpu)) * BigInt(stride));
      }
      case 'ptr':
        return BigInt.asUintN(64, this.data + this.get(a as Value));
      case 'select':
        return this.get(a as Value) !== 0n ? this.get(b as Value) : this.get(c as Value);
      default: {
        if (isPlace(value.op)) {
          const program = this.program ?? machine.programs[value.origin.program];
          if (program !== undefined) return BigInt(addressOf(machine, program, value));
        }
        const { evaluate } = opTable[value.op];
        if (evaluate === undefined || a === undefined)
          throw new InternalError('ir', `v${value.id} (${value.op}) is read before it is computed`);
        return evaluate(this.get(a), b === undefined ? 0n : this.get(b));
      }
    }
  }

  /** Does what a pinned value does, and returns what it yields. */
  perform(value: Value): bigint {
    const { machine } = this;
    const { detail, args } = value;
    switch (detail?.kind) {
      case 'memory': {
        if (value.op === 'fill') {
          machine.memory.u8.fill(0, ...this.range(value, detail.size));
          return 0n;
        }
        const at = this.address(value, detail.size, value.op === 'load' ? 'read' : 'write');
        if (value.op === 'load') return this.read(at, detail.size);
        this.write(at, detail.size, this.get(args[1] as Value));
        return 0n;
      }
      case 'atomic':
        return this.atomic(value, detail.size, detail.atomic);
      case 'lookup': {
        for (const [i, piece] of detail.pieces.entries())
          this.write(this.keys + piece.at, piece.size, this.get(args[i] as Value));
        const key = detail.pieces.length > 0 ? BigInt(this.keys) : this.get(args[0] as Value);
        return this.call(helperId.map_lookup_elem, [BigInt(machine.maps[detail.map]?.handle ?? 0), key]);
      }
      case 'slot': {
        const layout = machine.maps[detail.map]?.layout();
        const slot = this.get(args[0] as Value) & mask32;
        if (layout?.kind !== 'programs' || slot >= BigInt(machine.maps[detail.map]?.spec.maxEntries ?? 0)) return 0n;
        return BigInt(machine.memory.load32(layout.slots + 4 * Number(slot)));
      }
      case 'call': {
        for (const [i, piece] of detail.pieces.entries())
          this.write(locateStack(machine, piece.at), piece.size, this.get(args[i + 5] as Value));
        const given = args.slice(0, 5).map((arg) => this.get(arg));
        if (detail.helper === nestedHelper.enter) return this.enterNested(Number(given[1]), Number(given[2]), args[0]);
        return detail.helper === nestedHelper.result ? this.nestedResult : this.call(detail.helper, given);
      }
      default:
        return this.evaluate(value);
    }
  }

  /** A tail call in a function of call depth `depth`: its callers' frames wait, and are theirs again afterwards. */
  private enterNested(slot: number, depth: number, table: Value | undefined): bigint {
    const { machine, nested } = this;
    const program = tailTarget(machine, table?.op === 'map' ? Number(table.imm) : -1, slot);
    if (program < 0 || nested === undefined) return 0n;
    const frames = machine.lane.frames.slice(0, depth);
    const kept = frames.map(({ hi }) => machine.memory.u8.slice(hi - stackSize, hi));
    this.nestedResult = nested(program);
    for (const [i, { hi }] of frames.entries()) machine.memory.u8.set(kept[i] as Uint8Array, hi - stackSize);
    return 1n;
  }

  /** Calls a helper with registers as bytecode would set them. */
  private call(id: number, args: readonly bigint[]): bigint {
    const { registers, machine } = this;
    registers.u64.fill(0n);
    for (const [i, arg] of args.entries()) registers.u64[i + 1] = arg;
    machine.callHelper(id, registers, noCallbacks(machine));
    return registers.u64[0] as bigint;
  }

  private range(value: Value, size: number): [number, number] {
    const start = Number(BigInt.asUintN(64, this.get(value.args[0] as Value) + value.imm));
    return [start, start + size];
  }

  /** The checked address of an access. */
  private address(value: Value, size: number, access: 'read' | 'write' | 'atomic'): number {
    const address = BigInt.asUintN(64, this.get(value.args[0] as Value) + value.imm);
    checkAccess(this.machine, address, size, access, Number(signed(value.imm)));
    return Number(address);
  }

  private read(at: number, size: number): bigint {
    let value = 0n;
    for (let i = size - 1; i >= 0; i--) value = (value << 8n) | BigInt(this.machine.memory.load8(at + i));
    return value;
  }

  /** In one store where the machine has one of that size: the journal notes stores. */
  private write(at: number, size: number, value: bigint): void {
    const { memory } = this.machine;
    if (size === 8) memory.store64(at, value);
    else if (size === 4) memory.store32(at, Number(value & mask32));
    else if (size === 2) memory.store16(at, Number(value & 0xffffn));
    else for (let i = 0; i < size; i++) memory.store8(at + i, Number((value >> BigInt(8 * i)) & 0xffn));
  }

  /** Yields the old value; whether the program asked for it does not matter. */
  private atomic(value: Value, size: number, kind: number): bigint {
    const at = this.address(value, size, 'atomic');
    const width = 8 * size;
    const old = this.read(at, size);
    const operand = BigInt.asUintN(width, this.get(value.args[1] as Value));
    switch (kind & ~op.ATOMIC_FETCH) {
      case op.ATOMIC_ADD:
        this.write(at, size, BigInt.asUintN(width, old + operand));
        break;
      case op.ATOMIC_OR:
        this.write(at, size, old | operand);
        break;
      case op.ATOMIC_AND:
        this.write(at, size, old & operand);
        break;
      case op.ATOMIC_XOR:
        this.write(at, size, old ^ operand);
        break;
      default:
        if (kind === op.ATOMIC_CMPXCHG && old !== BigInt.asUintN(width, this.get(value.args[2] as Value))) break;
        this.write(at, size, operand);
    }
    return old;
  }
}
