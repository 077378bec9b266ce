/**
 * A truth value over one variable as WebAssembly: a loop that counts the variable up until the value holds. Where no
 * part is wider than 32 bits four numbers are tried at a time, in the lanes of a vector.
 */
import { Wasm } from '../base/index.js';
import { type CodeBuilder, ModuleBuilder, type PlainOp, type VectorOp, vectorSupport } from '../wasm/index.js';
import { type Term, termsBelow, widthOf } from './term.js';

/**
 * (from, rounds): tries {@link Scan.step} numbers a round, from `from` on; the first of the round in which one fits,
 * or -1 if there was none. Numbers are 32 bits and wrap.
 */
export interface Scan {
  readonly run: (from: number, rounds: number) => number;
  readonly step: number;
}

/** What holds one value: a vector of four words, or a number. */
type Container = 'i32x4' | 'i32' | 'i64';
type Arithmetic = 'add' | 'sub' | 'mul' | 'and' | 'or' | 'xor' | 'shl' | 'shr_u' | 'shr_s' | 'eq' | 'lt_u' | 'le_u';

/** Bits of a truth value, and of what holds it. */
function bitsOf({ sort }: Term): number {
  return sort.kind === 'bits' ? sort.width : 1;
}

/** Operations that there is code for, whatever their arguments. */
const simple: ReadonlySet<string> = new Set<Term['op']>([
  ...(['const', 'variable', 'not', 'and', 'or', 'ite', '=', 'bvult', 'bvule', 'bvslt', 'bvsle'] as const),
  ...(['bvadd', 'bvsub', 'bvmul', 'bvand', 'bvor', 'bvxor', 'bvnot', 'bvneg'] as const),
  ...(['concat', 'extract', 'zero_extend', 'sign_extend'] as const),
]);

function hasCode({ op, sort, args }: Term): boolean {
  if (sort.kind === 'array' || (sort.kind === 'bits' && sort.width > 64)) return false;
  const [, b] = args as [Term, Term];
  if (op === 'bvshl' || op === 'bvlshr' || op === 'bvashr') return b.op === 'const';
  // By a constant that is no zero; vectors have no division.
  if (op === 'bvudiv' || op === 'bvurem') return b.op === 'const' && b.value !== 0n;
  return simple.has(op);
}

/** Undefined: there is no code for some of it, or more than the one variable is free. */
export function scanCode(root: Term, variable: Term): Scan | undefined {
  const below = termsBelow([root]);
  if (!below.every((term) => hasCode(term) && (term.op !== 'variable' || term === variable))) return undefined;
  const divides = below.some(({ op }) => op === 'bvudiv' || op === 'bvurem');
  const isNarrow = below.every((term) => bitsOf(term) <= 32) && !divides;
  const isVector = isNarrow && vectorSupport();
  const module = new ModuleBuilder();
  const index = module.declareFunction('scan', ['i32', 'i32'], ['i32']);
  const out = module.bodyOf(index);
  new ScanCode(out, isVector).write(below, root, variable);
  module.define(index, out);
  module.exportFunction('scan', index);
  const instance = new Wasm.Instance(new Wasm.Module(module.finish({ names: false })), {});
  return { run: instance.exports['scan'] as Scan['run'], step: isVector ? 4 : 1 };
}

class ScanCode {
  private readonly out: CodeBuilder;
  private readonly isVector: boolean;
  private readonly places = new Map<Term, number>();

  constructor(out: CodeBuilder, isVector: boolean) {
    this.out = out;
    this.isVector = isVector;
  }

  write(below: readonly Term[], root: Term, variable: Term): void {
    const { out, isVector } = this;
    const [from, rounds] = [0, 1] as const;
    const counter = isVector ? out.addLocal('v128') : from;
    if (isVector) {
      out.getLocal(from).vector('i32x4.splat');
      for (const lane of [1, 2, 3]) out.getLocal(from).i32(lane).op('i32.add').lane('i32x4.replace_lane', lane);
      out.setLocal(counter);
    }
    out.block().loop();
    out.getLocal(rounds).op('i32.eqz').brIf(1);
    for (const term of below) {
      if (term.op === 'const') continue;
      const own = this.containerOf(term);
      if (term === variable) {
        out.getLocal(counter);
        this.convert(isVector ? 'i32x4' : 'i32', own);
        this.trim(own, bitsOf(term));
      } else this.operation(term, own);
      const place = out.addLocal(own === 'i32x4' ? 'v128' : own);
      out.setLocal(place);
      this.places.set(term, place);
    }
    this.push(root, this.containerOf(root));
    if (isVector) out.vector('v128.any_true');
    out.if().getLocal(from).op('return').end();
    out
      .getLocal(from)
      .i32(isVector ? 4 : 1)
      .op('i32.add')
      .setLocal(from);
    if (isVector) out.getLocal(counter).v128(4).vector('i32x4.add').setLocal(counter);
    out.getLocal(rounds).i32(1).op('i32.sub').setLocal(rounds);
    out.br(0).end().end().i32(-1);
  }

  private containerOf(term: Term): Container {
    if (this.isVector) return 'i32x4';
    return bitsOf(term) <= 32 ? 'i32' : 'i64';
  }

  /** The value of a term, in a container of this kind. */
  private push(term: Term, as: Container): void {
    if (term.op === 'const') {
      // In vectors truth is all ones.
      const isTruth = term.sort.kind === 'bool' && this.isVector;
      this.number(as, isTruth ? -term.value : term.value);
      return;
    }
    this.out.getLocal(this.places.get(term) as number);
    this.convert(this.containerOf(term), as);
  }

  private number(as: Container, value: bigint): void {
    if (as === 'i64') this.out.i64(BigInt.asIntN(64, value));
    else if (as === 'i32') this.out.i32(Number(BigInt.asIntN(32, value)));
    else this.out.v128(Number(BigInt.asIntN(32, value)));
  }

  private convert(from: Container, to: Container): void {
    if (from === 'i32' && to === 'i64') this.out.op('i64.extend_i32_u');
    if (from === 'i64' && to === 'i32') this.out.op('i32.wrap_i64');
  }

  private op(as: Container, name: Arithmetic): void {
    const bitwise = name === 'and' || name === 'or' || name === 'xor';
    if (as === 'i32x4') this.out.vector((bitwise ? `v128.${name}` : `i32x4.${name}`) as VectorOp);
    else this.out.op(`${as}.${name}` as PlainOp);
  }

  private shift(as: Container, name: 'shl' | 'shr_u' | 'shr_s', by: number): void {
    if (by === 0) return;
    if (as === 'i64') this.out.i64(BigInt(by));
    else this.out.i32(by);
    this.op(as, name);
  }

  /** Clears bits from `width` on. */
  private trim(as: Container, width: number): void {
    if (width === (as === 'i64' ? 64 : 32)) return;
    this.number(as, (1n << BigInt(width)) - 1n);
    this.op(as, 'and');
  }

  /** Moves the sign of `width` bits to the top of the container, and back down. */
  private signed(as: Container, width: number): void {
    const free = (as === 'i64' ? 64 : 32) - width;
    this.shift(as, 'shl', free);
    this.shift(as, 'shr_s', free);
  }

  private operation(term: Term, own: Container): void {
    const { op, args } = term;
    const width = bitsOf(term);
    const [a, b, c] = args as [Term, Term, Term];
    const both = (name: Arithmetic): void => {
      this.push(a, own);
      this.push(b, own);
      this.op(own, name);
    };
    switch (op) {
      case 'bvadd':
      case 'bvsub':
      case 'bvmul':
        both(op.slice(2) as Arithmetic);
        this.trim(own, width);
        return;
      case 'bvand':
      case 'bvor':
      case 'bvxor':
        both(op.slice(2) as Arithmetic);
        return;
      case 'and':
      case 'or':
        both(op);
        return;
      case 'bvudiv':
      case 'bvurem':
        this.push(a, own);
        this.push(b, own);
        this.out.op(`${own as 'i32' | 'i64'}.${op === 'bvudiv' ? 'div_u' : 'rem_u'}`);
        return;
      case 'bvnot':
      case 'not':
        this.push(a, own);
        this.number(own, op === 'bvnot' || this.isVector ? -1n : 1n);
        this.op(own, 'xor');
        if (op === 'bvnot') this.trim(own, width);
        return;
      case 'bvneg':
        this.number(own, 0n);
        this.push(a, own);
        this.op(own, 'sub');
        this.trim(own, width);
        return;
      case 'bvshl':
      case 'bvlshr':
      case 'bvashr':
        this.shifted(op, a, b.value, width, own);
        return;
      case 'concat':
        this.concat(a, b, own);
        return;
      case 'extract': {
        const from = this.containerOf(a);
        this.push(a, from);
        this.shift(from, 'shr_u', Number(term.value));
        this.convert(from, own);
        this.trim(own, width);
        return;
      }
      case 'zero_extend':
        this.push(a, own);
        return;
      case 'sign_extend':
        this.push(a, own);
        this.signed(own, bitsOf(a));
        this.trim(own, width);
        return;
      case 'ite': {
        this.push(b, own);
        this.push(c, own);
        this.push(a, this.containerOf(a));
        if (this.isVector) this.out.vector('v128.bitselect');
        else this.out.op('select');
        return;
      }
      default:
        this.relation(op, a, b);
    }
  }

  private shifted(op: 'bvshl' | 'bvlshr' | 'bvashr', a: Term, by: bigint, width: number, own: Container): void {
    if (by >= BigInt(width) && op !== 'bvashr') {
      this.number(own, 0n);
      return;
    }
    const distance = Math.min(Number(by), width - 1);
    this.push(a, own);
    if (op === 'bvashr') this.signed(own, width);
    this.shift(own, op === 'bvshl' ? 'shl' : op === 'bvlshr' ? 'shr_u' : 'shr_s', distance);
    if (op !== 'bvlshr') this.trim(own, width);
  }

  /** Two parts of one number in turned order are a rotation, which processors have. */
  private concat(high: Term, low: Term, own: Container): void {
    const inner = high.args[0] as Term;
    const isRotation =
      high.op === 'extract' &&
      low.op === 'extract' &&
      low.args[0] === inner &&
      high.value === 0n &&
      low.value === BigInt(widthOf(high));
    if (isRotation && own !== 'i32x4' && widthOf(inner) === (own === 'i64' ? 64 : 32)) {
      this.push(inner, own);
      this.number(own, BigInt(widthOf(low)));
      this.out.op(`${own}.rotl`);
      return;
    }
    this.push(high, own);
    this.shift(own, 'shl', widthOf(low));
    this.push(low, own);
    this.op(own, 'or');
  }

  private relation(op: Term['op'], a: Term, b: Term): void {
    const wide = this.containerOf(a);
    const isSigned = op === 'bvslt' || op === 'bvsle';
    for (const side of [a, b]) {
      this.push(side, wide);
      if (!isSigned) continue;
      // With the sign turned, signed numbers compare as unsigned ones.
      this.number(wide, 1n << BigInt(bitsOf(side) - 1));
      this.op(wide, 'xor');
    }
    this.op(wide, op === '=' ? 'eq' : op === 'bvult' || op === 'bvslt' ? 'lt_u' : 'le_u');
  }
}
