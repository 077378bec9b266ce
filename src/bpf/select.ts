/**
 * Instruction selection: IR to bytecode on virtual registers. Pure values are computed where the scheduler puts them,
 * as late in their block as their first reader allows; constants, addresses of maps and of the frame are made anew
 * where they are read, since that costs an instruction or none and keeps no register.
 */

import {
  type Block,
  endUses,
  type FunctionCode,
  findNeeded,
  firstArgument,
  firstFunctionCall,
  firstKfuncCall,
  isConst,
  liveBlocks,
  mask32,
  type Needed,
  orderOfCode,
  schedule,
  type Value,
} from '../ir/index.js';
import { type Insn, op } from '../isa/index.js';
import { helperId } from '../platform/index.js';
import {
  binaryForms,
  constantLast,
  fits16,
  fits32,
  immediateOf,
  isHalf,
  isSigned32,
  isTruncation,
  sizeBits,
  storedImmediate,
  stripped,
  unextended,
} from './forms.js';
import {
  type BlockEnd,
  copy,
  firstVirtual,
  type MachineBlock,
  type MachineCode,
  type Operation,
  operation,
} from './machine-code.js';
import { BpfRefusal } from './refusal.js';
import { type BpfVersion, has } from './version.js';

/** Throws {@link BpfRefusal} for what has no instruction. */
export function selectInstructions(code: FunctionCode, version: BpfVersion): MachineCode {
  return new Selection(code, version).run();
}

/** Chooses instructions for one function, block by block, with as many registers as it likes. */
class Selection {
  private readonly code: FunctionCode;
  private readonly version: BpfVersion;
  private readonly needed: Needed;
  private readonly registers = new Map<Value, number>();
  private next = firstVirtual;
  private readonly blocks: MachineBlock[] = [];
  private readonly position = new Map<number, number>();
  private operations: Operation[] = [];
  private lowest = 0;
  private pc = -1;

  constructor(code: FunctionCode, version: BpfVersion) {
    this.code = code;
    this.version = version;
    this.needed = findNeeded(code);
  }

  run(): MachineCode {
    const { code } = this;
    const order = orderOfCode(code);
    const { placed } = schedule(code, order, this.needed);
    const live = new Set(liveBlocks(code).map(({ id }) => id));
    const ids = order.rpo.filter((id) => live.has(id));
    for (const [i, id] of ids.entries()) this.position.set(id, i);
    for (const id of ids)
      this.blocks.push({ operations: [], end: { kind: 'jump', to: 0 }, depth: order.loopDepth[id] ?? 0 });
    for (const [i, id] of ids.entries()) {
      const block = code.blocks[id] as Block;
      this.operations = (this.blocks[i] as MachineBlock).operations;
      if (i === 0) this.receiveArguments();
      this.fillBlock(block, new Set(placed[id]));
    }
    for (const id of ids) this.joinPhis(code.blocks[id] as Block);
    return { blocks: this.blocks, registers: this.next, frame: -this.lowest };
  }

  private fresh(): number {
    return this.next++;
  }

  private emit(insn: Partial<Insn> & { code: number }, more: { second?: number; read?: number } = {}): void {
    const whole = { dst: 0, src: 0, off: 0, imm: 0, ...insn };
    this.operations.push(operation(whole, this.pc, more));
  }

  private copyTo(dst: number, src: number): void {
    if (dst !== src) this.operations.push(copy(dst, src, this.pc));
  }

  /** Moves what arrives in r1 to r5 into registers of their own. */
  private receiveArguments(): void {
    for (const value of this.code.graph.code.slice(0, this.code.size)) {
      if (!this.isRead(value)) continue;
      const r = value.op === 'context' ? 1 : value.op === 'env' ? Number(value.imm) - firstArgument + 1 : 0;
      if (r < 1 || r > 5 || this.registers.has(value)) continue;
      const own = this.fresh();
      this.registers.set(value, own);
      this.copyTo(own, r);
    }
  }

  private isRead(value: Value): boolean {
    return this.needed.uses[value.id] !== undefined;
  }

  /** A block's pinned values in order, each behind the pure values that it needs. */
  private fillBlock(block: Block, floating: Set<Value>): void {
    const compute = (value: Value): void => {
      if (!floating.has(value) || this.registers.has(value) || this.isMadeAnew(value)) return;
      for (const arg of value.args) compute(arg);
      if (this.isComparison(value)) return;
      this.pc = value.origin.pc;
      this.pure(value);
    };
    for (const { value } of block.phis)
      if (this.isRead(value)) this.registers.set(value, this.registers.get(value) ?? this.fresh());
    for (const value of block.pinned) {
      if (!this.needed.isNeeded(value) && value.op !== 'store') continue;
      for (const arg of value.args) compute(arg);
      this.pc = value.origin.pc;
      this.pinned(value);
    }
    // What phis of other blocks read is computed here, before the comparison of the end.
    for (const value of floating) if (this.leavesBlock(value, block.id)) compute(value);
    for (const value of endUses(block.end)) {
      for (const arg of value.args) compute(arg);
      compute(value);
    }
    for (const value of floating) compute(value);
    const own = this.blocks[this.position.get(block.id) ?? 0] as MachineBlock;
    own.end = this.endOf(block);
  }

  /** Does a phi of a successor read it on the way out of this block? */
  private leavesBlock(value: Value, block: number): boolean {
    return (this.needed.uses[value.id] ?? []).some((use) => use.user?.op === 'phi' && use.block === block);
  }

  /** Constants and addresses that are made where they are read. */
  private isMadeAnew(value: Value): boolean {
    const { op: name, args } = value;
    if (name === 'const' || name === 'map' || name === 'data' || name === 'code' || name === 'frame') return true;
    const [a, b] = args;
    return name === 'add' && b?.op === 'const' && (a?.op === 'frame' || a?.op === 'data') && fits32(b.imm);
  }

  private isComparison({ op: name }: Value): boolean {
    return name === 'eq' || name === 'ult' || name === 'ule' || name === 'slt' || name === 'sle';
  }

  /** A register that holds the value. */
  private register(value: Value): number {
    const known = this.registers.get(value);
    if (known !== undefined) return known;
    if (value.op === 'frame') return 10;
    if (!this.isMadeAnew(value)) throw new BpfRefusal(`\`${value.op}\` as a number`);
    const made = this.fresh();
    this.make(value, made);
    return made;
  }

  /** Puts a value into a register of its own. */
  private moveTo(dst: number, value: Value): void {
    if (this.registers.has(value) || !this.isMadeAnew(value)) this.copyTo(dst, this.register(value));
    else this.make(value, dst);
  }

  private make(value: Value, dst: number): void {
    const [a, b] = value.args;
    switch (value.op) {
      case 'const':
        this.constant(dst, value.imm);
        return;
      case 'frame':
        this.copyTo(dst, 10);
        return;
      case 'map':
        this.emit({ code: op.LDDW, dst, src: op.PSEUDO_MAP_FD, imm: Number(value.imm) }, { second: 0 });
        return;
      case 'data':
        this.emit({ code: op.LDDW, dst, src: op.PSEUDO_MAP_VALUE, imm: Number(value.imm) }, { second: 0 });
        return;
      case 'code':
        this.emit({ code: op.LDDW, dst, src: op.PSEUDO_FUNC, imm: Number(value.imm) }, { second: 0 });
        return;
      default: {
        const offset = Number(BigInt.asIntN(64, b?.imm ?? 0n));
        if (a?.op === 'data') {
          this.emit({ code: op.LDDW, dst, src: op.PSEUDO_MAP_VALUE, imm: Number(a.imm) }, { second: offset });
          return;
        }
        this.lowest = Math.min(this.lowest, offset);
        this.copyTo(dst, 10);
        this.emit({ code: op.ALU64 | op.ADD, dst, imm: offset });
      }
    }
  }

  /** A move where 32 bits are enough, sign-extended or zero-extended; else two slots. */
  private constant(dst: number, value: bigint): void {
    if (fits32(value)) this.emit({ code: op.ALU64 | op.MOV, dst, imm: Number(BigInt.asIntN(32, value)) });
    else if (value <= mask32) this.emit({ code: op.ALU | op.MOV, dst, imm: Number(BigInt.asIntN(32, value)) });
    else {
      const high = Number(BigInt.asIntN(32, value >> 32n));
      this.emit({ code: op.LDDW, dst, imm: Number(BigInt.asIntN(32, value)) }, { second: high });
    }
  }

  private pure(value: Value): void {
    const dst = this.fresh();
    const { op: name, args } = value;
    const [a, b] = args as [Value, Value];
    switch (name) {
      case 'add':
        this.twoAddress(dst, op.ALU64 | op.ADD, ...constantLast(a, b));
        break;
      case 'sub':
        this.subtract(dst, op.ALU64, a, b);
        break;
      case 'sub32':
        this.subtract(dst, op.ALU, stripped(a), stripped(b));
        break;
      case 'sext8':
      case 'sext16':
      case 'sext32':
        this.signExtend(dst, Number(name.slice(4)), a);
        break;
      case 'bswap16':
      case 'bswap32':
      case 'bswap64':
        this.moveTo(dst, a);
        this.emit({ code: op.ALU | op.END | op.X, dst, imm: Number(name.slice(5)) });
        break;
      case 'and':
        this.and(dst, ...constantLast(a, b));
        break;
      default: {
        const row = binaryForms[name];
        if (row === undefined) throw new BpfRefusal(`\`${name}\` has no instruction`);
        const isShort = name === 'shr' && isTruncation(a) && isConst(b) && b.imm < 32n;
        const isNarrow = row.narrow || isShort || (row.halves && a.ones <= mask32 && b.ones <= mask32);
        const [x, y] = row.commutes ? constantLast(a, b) : [a, b];
        if (isNarrow) this.twoAddress(dst, op.ALU | row.bits, stripped(x), stripped(y), row.off);
        else this.twoAddress(dst, op.ALU64 | row.bits, x, y, row.off);
      }
    }
    this.registers.set(value, dst);
  }

  /** `dst = a; dst op= b`. `code` is without the operand's kind. */
  private twoAddress(dst: number, code: number, a: Value, b: Value, off = 0): void {
    const isNarrow = (code & 7) === op.ALU;
    if (off !== 0 && !has(this.version, 'v4')) throw new BpfRefusal('a signed quotient before -mcpu=v4');
    const imm = isConst(b) ? immediateOf(b.imm, isNarrow) : undefined;
    const operand = imm === undefined ? this.register(b) : undefined;
    this.moveTo(dst, a);
    if (operand === undefined) this.emit({ code, dst, imm: imm ?? 0, off });
    else this.emit({ code: code | op.X, dst, src: operand, off });
  }

  /** 0 - x is a negation; a constant on the right is an addition of its contrary. */
  private subtract(dst: number, cls: number, a: Value, b: Value): void {
    if (isConst(a) && a.imm === 0n) {
      this.moveTo(dst, b);
      this.emit({ code: cls | op.NEG, dst });
      return;
    }
    const negated = isConst(b) ? immediateOf(BigInt.asUintN(64, -b.imm), cls === op.ALU) : undefined;
    if (negated === undefined) {
      this.twoAddress(dst, cls | op.SUB, a, b);
      return;
    }
    this.moveTo(dst, a);
    this.emit({ code: cls | op.ADD, dst, imm: negated });
  }

  /** A mask of the low half is a 32-bit move. */
  private and(dst: number, a: Value, b: Value): void {
    if (isConst(b) && b.imm === mask32) {
      // The only truncation.
      this.emit({ code: op.ALU | op.MOV | op.X, dst, src: this.register(a) });
      return;
    }
    const isNarrow = isConst(b) ? b.imm <= mask32 && (b.imm > 0x7fff_ffffn || stripped(a) !== a) : false;
    if (isNarrow || (a.ones <= mask32 && b.ones <= mask32 && !isConst(b)))
      this.twoAddress(dst, op.ALU | op.AND, stripped(a), stripped(b));
    else this.twoAddress(dst, op.ALU64 | op.AND, a, b);
  }

  /** One move from -mcpu=v4 on, two shifts before. */
  private signExtend(dst: number, bits: number, a: Value): void {
    if (has(this.version, 'v4')) {
      this.emit({ code: op.ALU64 | op.MOV | op.X, dst, src: this.register(a), off: bits });
      return;
    }
    this.moveTo(dst, a);
    this.emit({ code: op.ALU64 | op.LSH, dst, imm: 64 - bits });
    this.emit({ code: op.ALU64 | op.ARSH, dst, imm: 64 - bits });
  }

  private pinned(value: Value): void {
    const { op: name, detail, args } = value;
    switch (name) {
      case 'load': {
        if (!this.isRead(value) || detail?.kind !== 'memory') return;
        const { base, off } = this.address(value);
        const dst = this.fresh();
        this.emit({ code: op.LDX | op.MODE_MEM | sizeBits(detail.size), dst, src: base, off });
        this.registers.set(value, dst);
        return;
      }
      case 'store':
        this.store(value);
        return;
      case 'atomic':
        this.atomic(value);
        return;
      case 'lookup':
        if (detail?.kind !== 'lookup' || detail.pieces.length > 0) throw new BpfRefusal('a key without a place');
        this.moveTo(2, args[0] as Value);
        this.make({ ...value, op: 'map', imm: BigInt(detail.map), args: [] }, 1);
        this.emit({ code: op.CALL_OP, imm: helperId.map_lookup_elem }, { read: 2 });
        this.result(value);
        return;
      case 'call':
        this.call(value);
        return;
      default:
        throw new BpfRefusal(`\`${name}\` has no instruction`);
    }
  }

  /** Arguments go to r1 to r5, the result comes from r0. */
  private call(value: Value): void {
    const { detail, args } = value;
    if (detail?.kind !== 'call' || detail.pieces.length > 0) throw new BpfRefusal('a call with memory of its own');
    for (const [i, arg] of args.entries()) this.moveTo(i + 1, arg);
    const { helper } = detail;
    const read = args.length;
    if (helper >= firstFunctionCall)
      this.emit({ code: op.CALL_OP, src: op.CALL_LOCAL, imm: helper - firstFunctionCall }, { read });
    else if (helper >= firstKfuncCall)
      this.emit({ code: op.CALL_OP, src: op.CALL_KFUNC, imm: helper - firstKfuncCall }, { read });
    else this.emit({ code: op.CALL_OP, imm: helper }, { read });
    this.result(value);
  }

  private result(value: Value): void {
    if (!this.isRead(value)) return;
    const dst = this.fresh();
    this.copyTo(dst, 0);
    this.registers.set(value, dst);
  }

  private store(value: Value): void {
    const { detail, args } = value;
    if (detail?.kind !== 'memory') return;
    const stored = args[1] as Value;
    const { base, off } = this.address(value);
    const { size } = detail;
    const imm = isConst(stored) ? storedImmediate(stored.imm, size) : undefined;
    if (imm !== undefined) this.emit({ code: op.ST | op.MODE_MEM | sizeBits(size), dst: base, off, imm });
    else {
      const src = this.register(size <= 4 ? stripped(stored) : stored);
      this.emit({ code: op.STX | op.MODE_MEM | sizeBits(size), dst: base, src, off });
    }
  }

  private atomic(value: Value): void {
    const { detail, args } = value;
    if (detail?.kind !== 'atomic') return;
    const { base, off } = this.address(value);
    const code = op.STX | op.MODE_ATOMIC | sizeBits(detail.size);
    if (detail.atomic === op.ATOMIC_CMPXCHG) {
      const src = this.register(args[1] as Value);
      this.moveTo(0, args[2] as Value);
      this.emit({ code, dst: base, src, off, imm: detail.atomic });
      this.result(value);
      return;
    }
    const fetches = (detail.atomic & op.ATOMIC_FETCH) !== 0;
    const operand = fetches ? this.fresh() : this.register(args[1] as Value);
    if (fetches) this.moveTo(operand, args[1] as Value);
    this.emit({ code, dst: base, src: operand, off, imm: detail.atomic });
    if (fetches) this.registers.set(value, operand);
  }

  /** Base register and distance of an access. */
  private address(value: Value): { readonly base: number; readonly off: number } {
    let base = value.args[0] as Value;
    let off = value.imm;
    while (base.op === 'add' && base.args[1]?.op === 'const') {
      const further = off + BigInt.asIntN(64, base.args[1].imm);
      const inner = base.args[0] as Value;
      if (!fits16(further) || !(this.registers.has(inner) || this.isMadeAnew(inner))) break;
      off = further;
      base = inner;
    }
    if (!fits16(off)) throw new BpfRefusal('an access far from its base');
    if (base.op === 'frame') this.lowest = Math.min(this.lowest, Number(off));
    return { base: this.register(base), off: Number(off) };
  }

  private endOf({ end }: Block): BlockEnd {
    switch (end.kind) {
      case 'jump':
        return { kind: 'jump', to: this.at(end.to) };
      case 'return':
        this.moveTo(0, end.value);
        return { kind: 'exit', pc: this.pc };
      case 'branch':
        return this.branch(end.condition, this.at(end.yes), this.at(end.no));
      default:
        throw new BpfRefusal(`a block that ends in a ${end.kind}`);
    }
  }

  private at(block: number): number {
    return this.position.get(block) ?? 0;
  }

  /** A comparison and a jump in one, with its operands turned round where BPF has the other form only. */
  private branch(condition: Value, yes: number, no: number): BlockEnd {
    if (isConst(condition)) return { kind: 'jump', to: condition.imm === 0n ? no : yes };
    this.pc = condition.origin.pc;
    const [a, b] = condition.args as [Value, Value];
    const test = (kind: number, x: Value, y: Value, narrow: boolean): Operation => {
      const cls = narrow ? op.JMP32 : op.JMP;
      const imm = isConst(y) ? immediateOf(y.imm, narrow) : undefined;
      const dst = this.register(x);
      const insn = { code: cls | kind, dst, src: 0, off: 0, imm: imm ?? 0 };
      return operation(imm === undefined ? { ...insn, code: cls | kind | op.X, src: this.register(y) } : insn, this.pc);
    };
    const end = (kind: number, x: Value, y: Value, narrow = false): BlockEnd => ({
      kind: 'branch',
      test: test(kind, x, y, narrow),
      yes,
      no,
    });
    const isNewer = has(this.version, 'v2');
    const halves = has(this.version, 'v3') && isHalf(a) && isHalf(b) && (a.op === 'and' || b.op === 'and');
    switch (condition.op) {
      case 'eq': {
        const [x, y] = constantLast(a, b);
        // x & y = 0 is one jump.
        if (isConst(y) && y.imm === 0n && x.op === 'and' && !isTruncation(x)) {
          const [p, q] = constantLast(x.args[0] as Value, x.args[1] as Value);
          if (!isConst(q) || immediateOf(q.imm, false) !== undefined) {
            if (this.isAvailable(p) && this.isAvailable(q))
              return { kind: 'branch', test: test(op.JSET, p, q, false), yes: no, no: yes };
          }
        }
        return halves ? end(op.JEQ, stripped(x), stripped(y), true) : end(op.JEQ, x, y);
      }
      case 'ult':
      case 'ule': {
        const [x, y] = halves ? [stripped(a), stripped(b)] : [a, b];
        const forward = condition.op === 'ult' ? op.JLT : op.JLE;
        const backward = condition.op === 'ult' ? op.JGT : op.JGE;
        return isConst(a) || (!isNewer && !isConst(b))
          ? end(backward, y, x, halves)
          : this.ordered(end, isNewer, forward, x, y, halves, { yes, no });
      }
      case 'slt':
      case 'sle': {
        const narrow =
          has(this.version, 'v3') && (a.op === 'sext32' || b.op === 'sext32') && isSigned32(a) && isSigned32(b);
        const [x, y] = narrow ? [unextended(a), unextended(b)] : [a, b];
        const forward = condition.op === 'slt' ? op.JSLT : op.JSLE;
        const backward = condition.op === 'slt' ? op.JSGT : op.JSGE;
        return isConst(a) || (!isNewer && !isConst(b))
          ? end(backward, y, x, narrow)
          : this.ordered(end, isNewer, forward, x, y, narrow, { yes, no });
      }
      default:
        // Not zero.
        return end(op.JNE, condition, this.code.graph.constant(0n));
    }
  }

  /** `x < y` before there was a jump for it: not `x >= y`. */
  private ordered(
    end: (kind: number, x: Value, y: Value, narrow: boolean) => BlockEnd,
    isNewer: boolean,
    kind: number,
    x: Value,
    y: Value,
    narrow: boolean,
    { yes, no }: { readonly yes: number; readonly no: number },
  ): BlockEnd {
    if (isNewer) return end(kind, x, y, narrow);
    const contrary = kind === op.JLT ? op.JGE : kind === op.JLE ? op.JGT : kind === op.JSLT ? op.JSGE : op.JSGT;
    const result = end(contrary, x, y, narrow);
    return result.kind === 'branch' ? { ...result, yes: no, no: yes } : result;
  }

  private isAvailable(value: Value): boolean {
    return this.registers.has(value) || this.isMadeAnew(value);
  }

  /**
   * Phis as copies at the ends of predecessors: all arguments first, then all phis, so that none overwrites what
   * another one still reads. A way that both leaves a branch and comes to a meeting gets a block of its own.
   */
  private joinPhis(block: Block): void {
    const phis = block.phis.filter(({ value }) => this.isRead(value));
    if (phis.length === 0) return;
    const own = this.at(block.id);
    for (const [i, pred] of block.preds.entries()) {
      const from = this.position.get(pred);
      if (from === undefined) continue;
      const source = this.blocks[from] as MachineBlock;
      let target = source;
      if (source.end.kind === 'branch') {
        const at = this.blocks.length;
        target = {
          operations: [],
          end: { kind: 'jump', to: own },
          depth: Math.min(source.depth, (this.blocks[own] as MachineBlock).depth),
        };
        this.blocks.push(target);
        const { yes, no, ...rest } = source.end;
        source.end = { ...rest, yes: yes === own ? at : yes, no: no === own ? at : no };
      }
      this.operations = target.operations;
      this.pc = -1;
      const pairs = phis.map(({ value, args }) => ({
        to: this.registers.get(value) as number,
        from: args[i] as Value,
      }));
      const moved = pairs.map(({ to, from: arg }) => {
        const between = this.fresh();
        this.moveTo(between, arg);
        return { to, between };
      });
      for (const { to, between } of moved) this.copyTo(to, between);
    }
  }
}
