/**
 * The body of one function. Locals are numbered from 0, parameters first; labels are depths counted from the innermost
 * open block, as in the binary format, so whoever emits structured control keeps its own stack of targets ({@link
 * CodeBuilder.depth} tells how many are open).
 */
import { InternalError } from '../base/index.js';
import { ByteWriter } from './byte-writer.js';
import {
  type AtomicOp,
  atomicOpcodes,
  type LaneOp,
  laneOpcodes,
  type MemoryOp,
  memoryOpcodes,
  type PlainOp,
  plainOpcodes,
  type ValueType,
  type VectorMemoryOp,
  type VectorOp,
  valueTypes,
  vectorMemoryOpcodes,
  vectorOpcodes,
} from './opcodes.js';

/** `[]`, or the one type of a block's result. */
export type BlockType = ValueType | undefined;

const emptyBlock = 0x40;

/**
 * One function's instructions, in the order of the binary format: operands before what uses them. Nothing is checked
 * but that every block is
 * closed; the engine's validator says the rest.
 */
export class CodeBuilder {
  private readonly params: readonly ValueType[];
  private readonly locals: ValueType[] = [];
  private readonly code = new ByteWriter();
  private open = 0;

  constructor(params: readonly ValueType[]) {
    this.params = params;
  }

  /** Blocks, loops and ifs that are open. */
  get depth(): number {
    return this.open;
  }

  /** Parameters and locals so far. */
  get localCount(): number {
    return this.params.length + this.locals.length;
  }

  /** Bytes of code so far. */
  get size(): number {
    return this.code.length;
  }

  /** A new local of the type, after parameters and earlier ones; its index. It is 0 until it is set. */
  addLocal(type: ValueType): number {
    this.locals.push(type);
    return this.localCount - 1;
  }

  /** An instruction without an immediate. */
  op(name: PlainOp): this {
    this.code.u8(plainOpcodes[name]);
    return this;
  }

  /** Pushes a constant; unsigned numbers are taken for the signed ones of the same bits. */
  i32(value: number): this {
    this.code.u8(0x41);
    this.code.signed32(value);
    return this;
  }

  /** Pushes a constant of 64 bits. */
  i64(value: bigint): this {
    this.code.u8(0x42);
    this.code.signed64(value);
    return this;
  }

  getLocal(index: number): this {
    return this.indexed(0x20, index);
  }

  setLocal(index: number): this {
    return this.indexed(0x21, index);
  }

  /** Sets a local and leaves the value on the stack. */
  teeLocal(index: number): this {
    return this.indexed(0x22, index);
  }

  getGlobal(index: number): this {
    return this.indexed(0x23, index);
  }

  setGlobal(index: number): this {
    return this.indexed(0x24, index);
  }

  /**
   * Load or store at the address on the stack plus `offset` (unsigned: the sum does not wrap). The alignment hint is
   * 1: nothing here knows of any, and engines do not care.
   */
  memory(name: MemoryOp, offset = 0): this {
    this.code.u8(memoryOpcodes[name][0]);
    this.code.unsigned(0);
    this.code.unsigned(offset);
    return this;
  }

  /** Traps where the address is not aligned. */
  atomic(name: AtomicOp, offset = 0): this {
    const [opcode, align] = atomicOpcodes[name];
    this.code.u8(0xfe);
    this.code.unsigned(opcode);
    this.code.unsigned(align);
    this.code.unsigned(offset);
    return this;
  }

  /** A vector instruction without an immediate. */
  vector(name: VectorOp): this {
    this.code.u8(0xfd);
    this.code.unsigned(vectorOpcodes[name]);
    return this;
  }

  /** Takes a lane out of the vector on the stack, or puts the number on top of it there. */
  lane(name: LaneOp, lane: number): this {
    this.code.raw(Uint8Array.of(0xfd, laneOpcodes[name], lane));
    return this;
  }

  /** Loads 16 bytes at the address on the stack plus `offset`. */
  vectorMemory(name: VectorMemoryOp, offset: number): this {
    this.code.raw(Uint8Array.of(0xfd, vectorMemoryOpcodes[name], 0));
    this.code.unsigned(offset);
    return this;
  }

  /** Pushes a vector whose four lanes are one number of 32 bits. */
  v128(word: number): this {
    this.code.raw(Uint8Array.of(0xfd, 0x0c));
    for (let byte = 0; byte < 16; byte++) this.code.u8((word >>> (8 * (byte & 3))) & 0xff);
    return this;
  }

  /** Bytes of the two vectors on the stack by their number: 0 to 15 of the lower one, 16 to 31 of the upper one. */
  shuffle(bytes: readonly number[]): this {
    this.code.raw(Uint8Array.of(0xfd, 0x0d, ...bytes));
    return this;
  }

  /** Operands: destination, source, bytes. */
  memoryCopy(): this {
    this.code.raw(Uint8Array.of(0xfc, 0x0a, 0x00, 0x00));
    return this;
  }

  /** Operands: destination, byte, bytes. */
  memoryFill(): this {
    this.code.raw(Uint8Array.of(0xfc, 0x0b, 0x00));
    return this;
  }

  /** Opens a block: a branch to it goes to its end. */
  block(type?: BlockType): this {
    return this.openBlock(0x02, type);
  }

  /** Opens a loop: a branch to it goes to its beginning. */
  loop(type?: BlockType): this {
    return this.openBlock(0x03, type);
  }

  /** Opens a block that runs if the operand on top is not 0. */
  if(type?: BlockType): this {
    return this.openBlock(0x04, type);
  }

  /** What runs otherwise, up to the `end` of the `if`. */
  else(): this {
    this.code.u8(0x05);
    return this;
  }

  /** Closes the innermost block. */
  end(): this {
    if (this.open === 0) throw new InternalError('wasm', 'no block is open');
    this.open--;
    this.code.u8(0x0b);
    return this;
  }

  /** Branches to the block `label` levels out: 0 is the innermost. */
  br(label: number): this {
    return this.indexed(0x0c, label);
  }

  /** The same, if the operand on top is not 0. */
  brIf(label: number): this {
    return this.indexed(0x0d, label);
  }

  /** Branches by the operand on top, an index into `labels`; past their end to `otherwise`. */
  brTable(labels: readonly number[], otherwise: number): this {
    this.code.u8(0x0e);
    this.code.unsigned(labels.length);
    for (const label of labels) this.code.unsigned(label);
    this.code.unsigned(otherwise);
    return this;
  }

  /** Calls a function; imports are numbered first. */
  call(functionIndex: number): this {
    return this.indexed(0x10, functionIndex);
  }

  /** The operand on top is the index in the table. */
  callIndirect(typeIndex: number, table = 0): this {
    this.code.u8(0x11);
    this.code.unsigned(typeIndex);
    this.code.unsigned(table);
    return this;
  }

  /** The body as the code section holds it: runs of locals, instructions, `end`. */
  finish(): Uint8Array {
    if (this.open !== 0) throw new InternalError('wasm', `${this.open} blocks are open at the end of a function`);
    const body = new ByteWriter();
    const runs: { type: ValueType; count: number }[] = [];
    for (const type of this.locals) {
      const last = runs.at(-1);
      if (last?.type === type) last.count++;
      else runs.push({ type, count: 1 });
    }
    body.unsigned(runs.length);
    for (const run of runs) {
      body.unsigned(run.count);
      body.u8(valueTypes[run.type]);
    }
    body.raw(this.code.finish());
    body.u8(0x0b);
    return body.finish();
  }

  /** An instruction with one index. */
  private indexed(opcode: number, index: number): this {
    this.code.u8(opcode);
    this.code.unsigned(index);
    return this;
  }

  /** A block type is empty or one value (section 5.3.5); function types for blocks are not needed here. */
  private openBlock(opcode: number, type: BlockType): this {
    this.open++;
    this.code.u8(opcode);
    this.code.u8(type === undefined ? emptyBlock : valueTypes[type]);
    return this;
  }
}
