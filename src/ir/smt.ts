/**
 * Values as SMT-LIB 2 text (logic QF_AUFBV), for a solver to reason about: whether guards imply each other, whether two conditions can hold at once,
 * whether a rule's sides are equal. Only text is made here; who asks brings the solver.
 *
 * All values are bit vectors of 64. A packet is an array of bytes over signed offsets from where it arrived; other memory is an array over
 * addresses. A look-up is an uninterpreted function of its key, one for each map, so that equal keys find the same element. What a
 * trace does itself (calls, atomics, loads after stores) is a constant about which nothing is known.
 */
import { isCompare, type OpName } from './ops.js';
import { isConst, mask64, type Value } from './value.js';

export class SmtWriter {
  private readonly names = new Map<Value, string>();
  private readonly declared = new Set<string>();
  private readonly lines: string[] = [];
  private count = 0;

  /** Declarations and definitions so far, in order. */
  text(): string {
    return this.lines.join('\n');
  }

  /** A term of 64 bits. Values of several graphs may be mixed: what arrives with the packet is the same for all, `scope` tells apart the rest. */
  term(value: Value, scope = ''): string {
    const known = this.names.get(value);
    if (known !== undefined) return known;
    const name = isConst(value) ? constant(value.imm) : this.define(value, scope);
    this.names.set(value, name);
    return name;
  }

  /** A comparison (any value, for that matter) as a truth value: not zero. */
  truth(value: Value, scope = ''): string {
    if (isConst(value)) return value.imm === 0n ? 'false' : 'true';
    const { op, args } = value;
    if (!isCompare(op)) return `(distinct ${this.term(value, scope)} ${constant(0n)})`;
    const [a, b] = args.map((arg) => this.term(arg, scope));
    return comparison(op, a ?? '', b ?? '');
  }

  /** One byte, as the packet arrived: a term of 8 bits. Offsets (of the packet) and addresses are `base` plus `offset`. */
  byte(space: 'packet' | 'memory', base: Value | undefined, offset: bigint): string {
    this.declare(`(declare-const ${space} (Array (_ BitVec 64) (_ BitVec 8)))`);
    const at = base === undefined ? constant(offset) : `(bvadd ${this.term(base)} ${constant(offset)})`;
    return `(select ${space} ${at})`;
  }

  private define(value: Value, scope: string): string {
    const args = value.args.map((arg) => this.term(arg, scope));
    const text = isCompare(value.op)
      ? `(ite ${comparison(value.op, args[0] ?? '', args[1] ?? '')} ${constant(1n)} ${constant(0n)})`
      : (pureTerm(value.op, args) ?? this.leaf(value, args, scope));
    const name = `v${this.count++}`;
    this.lines.push(`(define-fun ${name} () (_ BitVec 64) ${text})`);
    return name;
  }

  /** What is not a function of other values: declared, with the bits that it cannot have. */
  private leaf(value: Value, args: readonly string[], scope: string): string {
    const { op, imm, detail } = value;
    switch (op) {
      case 'len':
      case 'metalen':
        return this.constantNamed(op, value.ones);
      case 'ctx':
      case 'env':
        return this.constantNamed(`${op}_${imm}`, value.ones);
      case 'ptr':
        return `(bvadd ${this.constantNamed('packet_start', 0xffff_ffffn)} ${args[0]})`;
      case 'load':
        if (!value.early || detail?.kind !== 'memory') break;
        return this.load(detail.space === 'packet' ? 'packet' : 'memory', args[0] ?? '', imm, detail.size);
      case 'lookup':
      case 'slot': {
        if (!value.early) break;
        const map = detail?.kind === 'lookup' || detail?.kind === 'slot' ? detail.map : 0;
        const sizes = detail?.kind === 'lookup' ? detail.pieces.map((piece) => piece.size) : [4];
        // The key's bytes as one number, so that it does not matter in which pieces it was put together.
        const key = args.map((arg, i) => `((_ extract ${8 * (sizes[i] ?? 8) - 1} 0) ${arg})`).reverse();
        const width = 8 * sizes.reduce((sum, size) => sum + size, 0);
        const name = `${op}_${map}_${width}`;
        this.declare(`(declare-fun ${name} ((_ BitVec ${width})) (_ BitVec 64))`);
        return `(bvand (${name} ${key.length === 1 ? key[0] : `(concat ${key.join(' ')})`}) ${constant(value.ones)})`;
      }
      default:
        break;
    }
    return this.constantNamed(`${op}${scope}_${value.id}`, value.ones);
  }

  private constantNamed(name: string, ones: bigint): string {
    this.declare(`(declare-const ${name} (_ BitVec 64))`);
    return ones === mask64 ? name : `(bvand ${name} ${constant(ones)})`;
  }

  private load(memory: string, base: string, offset: bigint, size: number): string {
    this.declare(`(declare-const ${memory} (Array (_ BitVec 64) (_ BitVec 8)))`);
    const bytes = Array.from(
      { length: size },
      (_, i) => `(select ${memory} (bvadd ${base} ${constant(offset + BigInt(i))}))`,
    ).reverse();
    const whole = size === 1 ? bytes[0] : `(concat ${bytes.join(' ')})`;
    return size === 8 ? `${whole}` : `((_ zero_extend ${64 - 8 * size}) ${whole})`;
  }

  private declare(line: string): void {
    if (this.declared.has(line)) return;
    this.declared.add(line);
    this.lines.push(line);
  }
}

function constant(x: bigint): string {
  return `#x${BigInt.asUintN(64, x).toString(16).padStart(16, '0')}`;
}

function comparison(op: OpName, a: string, b: string): string {
  const name = op === 'eq' ? '=' : op === 'ult' ? 'bvult' : op === 'ule' ? 'bvule' : op === 'slt' ? 'bvslt' : 'bvsle';
  return `(${name} ${a} ${b})`;
}

const low = (a: string): string => `((_ extract 31 0) ${a})`;
const wide = (a: string): string => `((_ zero_extend 32) ${a})`;
const count = (b: string, mask: bigint): string => `(bvand ${b} ${constant(mask)})`;
const signExtend = (a: string, bits: number): string =>
  `((_ sign_extend ${64 - bits}) ((_ extract ${bits - 1} 0) ${a}))`;

function swapped(a: string, bytes: number): string {
  const parts = Array.from({ length: bytes }, (_, i) => `((_ extract ${8 * i + 7} ${8 * i}) ${a})`);
  return bytes === 8
    ? `(concat ${parts.join(' ')})`
    : `((_ zero_extend ${64 - 8 * bytes}) (concat ${parts.join(' ')}))`;
}

/** What the operation table's `evaluate` says, in the solver's words; undefined for what is no pure operation. */
function pureTerm(op: OpName, [a = '', b = '', c = '']: readonly string[]): string | undefined {
  switch (op) {
    case 'add':
      return `(bvadd ${a} ${b})`;
    case 'sub':
      return `(bvsub ${a} ${b})`;
    case 'mul':
      return `(bvmul ${a} ${b})`;
    case 'udiv':
      return `(ite (= ${b} ${constant(0n)}) ${constant(0n)} (bvudiv ${a} ${b}))`;
    case 'umod':
      return `(bvurem ${a} ${b})`;
    case 'sdiv':
      return `(ite (= ${b} ${constant(0n)}) ${constant(0n)} (bvsdiv ${a} ${b}))`;
    case 'smod':
      return `(bvsrem ${a} ${b})`;
    case 'and':
      return `(bvand ${a} ${b})`;
    case 'or':
      return `(bvor ${a} ${b})`;
    case 'xor':
      return `(bvxor ${a} ${b})`;
    case 'shl':
      return `(bvshl ${a} ${count(b, 63n)})`;
    case 'shr':
      return `(bvlshr ${a} ${count(b, 63n)})`;
    case 'sar':
      return `(bvashr ${a} ${count(b, 63n)})`;
    case 'add32':
      return wide(`(bvadd ${low(a)} ${low(b)})`);
    case 'sub32':
      return wide(`(bvsub ${low(a)} ${low(b)})`);
    case 'mul32':
      return wide(`(bvmul ${low(a)} ${low(b)})`);
    case 'sdiv32':
      return wide(`(ite (= ${low(b)} #x00000000) #x00000000 (bvsdiv ${low(a)} ${low(b)}))`);
    case 'smod32':
      return wide(`(bvsrem ${low(a)} ${low(b)})`);
    case 'shl32':
      return wide(`(bvshl ${low(a)} ${low(count(b, 31n))})`);
    case 'sar32':
      return wide(`(bvashr ${low(a)} ${low(count(b, 31n))})`);
    case 'sext8':
      return signExtend(a, 8);
    case 'sext16':
      return signExtend(a, 16);
    case 'sext32':
      return signExtend(a, 32);
    case 'bswap16':
      return swapped(a, 2);
    case 'bswap32':
      return swapped(a, 4);
    case 'bswap64':
      return swapped(a, 8);
    case 'select':
      return `(ite (distinct ${a} ${constant(0n)}) ${b} ${c})`;
    default:
      return undefined;
  }
}
