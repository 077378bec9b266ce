/**
 * Makes values: folds constants, applies the algebraic rules and shares what is equal, so that whatever is built
 * through a graph is born simplified (LuaJIT's fold and CSE while recording). Effects and guards are never shared;
 * they are kept in order in {@link Graph.code} together with everything else, and who builds says when memory has
 * changed.
 *
 * Both habits are the graph's modes, for good: a whole program is first built as it is written, and passes go on with
 * a graph of other modes over the same values ({@link Graph.extend}).
 *
 * Values are only ever appended. A function knows how many of them are its own, so it does not see what was made
 * later, and a function that was made of it shares the list. Who makes something of a function from which another one
 * has been made already gets a list of its own: like this neither sees the other, and whatever is made of a function
 * is the same whenever it is made. In a pipeline no one ever copies.
 */
import type { MapCell } from '../object/index.js';
import { fillRight, resultOnes } from './ones.js';
import { type Op, type OpName, opNames, opTable } from './ops.js';
import { boundsOf, type Rule, rules, selectRules } from './rules/index.js';
import { cellOf, type Detail, mask32, mask64, type Origin, type Value } from './value.js';

/** Longest packet that a length can stand for; far above what any card or driver hands to XDP. */
const maxLength = (1n << 20n) - 1n;

/** A graph's modes. */
export interface GraphOptions {
  /** Apply the rules. Default true. */
  readonly fold?: boolean;
  /** Make equal pure values one value. Default true. */
  readonly share?: boolean;
}

/** Values, and where equal ones are found. */
class Values {
  readonly list: Value[] = [];
  readonly others: Map<string, Value> = new Map();
  readonly constants: Map<bigint, Value> = new Map();
  /** Operations on values alone, by operation and arguments as one number. */
  readonly operations: Map<number, Value> = new Map();

  /** The first `count` ones, shared as they are here. */
  prefix(count: number): Values {
    const copy = new Values();
    for (let i = 0; i < count; i++) copy.list.push(this.list[i] as Value);
    // Maps keep the order of birth.
    copyOlder(this.constants, copy.constants, count);
    copyOlder(this.operations, copy.operations, count);
    copyOlder(this.others, copy.others, count);
    return copy;
  }
}

/** Maker and owner of values. All values of a function come from one graph or from those that it was extended from. */
export class Graph {
  /** Every value in order of birth; `code[i].id === i`. */
  readonly code: readonly Value[];
  /** Set by whoever builds, as it goes. */
  origin: Origin = { program: 0, pc: 0 };
  readonly fold: boolean;
  readonly share: boolean;
  private readonly values: Values;
  private readonly others: Map<string, Value>;
  private readonly constants: Map<bigint, Value>;
  private readonly operations: Map<number, Value>;

  constructor(options: GraphOptions = {}, values: Values = new Values()) {
    this.fold = options.fold ?? true;
    this.share = options.share ?? true;
    this.values = values;
    this.code = values.list;
    this.others = values.others;
    this.constants = values.constants;
    this.operations = values.operations;
  }

  /** A graph of its own that holds the first `count` values of this one, shared as they are here. */
  prefix(count: number): Graph {
    return new Graph(this, this.values.prefix(count));
  }

  /** The same values in a graph that folds and shares; what it may share is found again, reads excepted. */
  reopened(): Graph {
    const graph = new Graph({}, this.values);
    for (const value of this.code) graph.find(value);
    return graph;
  }

  /** Makes a value one that equal ones are. */
  private find(value: Value): void {
    const { op, args } = value;
    const { kind, evaluate } = opTable[op];
    const [a, b] = args;
    if (op === 'const' || (kind !== 'pure' && kind !== 'leaf')) return;
    if (evaluate !== undefined && a !== undefined) {
      const { number, isBinary } = opRows.get(op) as OpRow;
      const key = operationKey(number, a, isBinary ? b : undefined);
      if (!this.operations.has(key)) this.operations.set(key, value);
      return;
    }
    const key = valueKey(op, args, value.imm, extraOf(value));
    if (!this.others.has(key)) this.others.set(key, value);
  }

  /**
   * A graph that goes on after the first `count` values of this one: with this one's list if there are no more, else
   * with a copy.
   */
  extend(count: number, options: GraphOptions = this): Graph {
    return new Graph(options, this.code.length === count ? this.values : this.values.prefix(count));
  }

  /** Constants are shared whatever the modes are: passes compare them by identity. */
  constant(value: bigint): Value {
    const imm = BigInt.asUintN(64, value);
    const old = this.constants.get(imm);
    if (old !== undefined) return old;
    const made = this.append('const', [], imm, undefined, imm, true);
    this.constants.set(imm, made);
    return made;
  }

  get length(): Value {
    return this.leaf('len', 0n, leafOnes('len'));
  }

  get metaLength(): Value {
    return this.leaf('metalen', 0n, leafOnes('metalen'));
  }

  /** Result of a helper that tells something about the packet's arrival: time, CPU. */
  environment(helper: number): Value {
    return this.leaf('env', BigInt(helper), leafOnes('env'));
  }

  ctxField(offset: number): Value {
    return this.leaf('ctx', BigInt(offset), mask32);
  }

  /** r10 of a call depth. */
  frame(depth: number): Value {
    return this.leaf('frame', BigInt(depth), mask32);
  }

  /** Address of xdp_md. */
  get context(): Value {
    return this.leaf('context', 0n, mask32);
  }

  /** Pointer to a map. */
  map(index: number): Value {
    return this.leaf('map', BigInt(index), mask32);
  }

  /** Address of the only value of a map. */
  data(map: number): Value {
    return this.leaf('data', BigInt(map), mask32);
  }

  /** Address of an instruction; traces say of which program. */
  codeAt(slot: number, program = 0): Value {
    return this.keyed('code', [], BigInt(slot), undefined, mask32, true, programKey(program));
  }

  /** Address of what a walk over a map came by. */
  cell({ map, part, element, cpu }: MapCell): Value {
    const detail = { kind: 'cell', part, element, cpu } as const;
    return this.keyed('cell', [], BigInt(map), detail, mask32, true, cellKey(detail));
  }

  /** Address of an element of an array. */
  element(map: number, index: Value): Value {
    return this.keyed('element', [index], BigInt(map), undefined, mask32, index.early);
  }

  pointer(offset: Value): Value {
    const bounds = boundsOf(offset);
    // Guest addresses have 32 bits and the packet buffer lies low, so a pointer with a sane offset does not reach
    // beyond.
    const ones = bounds !== undefined && bounds.hi < 1n << 30n && bounds.lo > -0x10000n ? mask32 : mask64;
    return this.keyed('ptr', [offset], 0n, undefined, ones, offset.early);
  }

  add(a: Value, b: Value): Value {
    return this.make('add', a, b);
  }

  sub(a: Value, b: Value): Value {
    return this.make('sub', a, b);
  }

  and(a: Value, b: Value): Value {
    return this.make('and', a, b);
  }

  /** A pure operation, folded. `b` is ignored by operations of one argument. */
  make(op: OpName, a: Value, b?: Value): Value {
    const row = opRows.get(op) as OpRow;
    const { evaluate } = row;
    let x = a;
    let y = row.isBinary && b !== undefined ? b : a;
    if (this.fold && x.op === 'const' && y.op === 'const' && evaluate !== undefined)
      return this.constant(evaluate(x.imm, y.imm));
    // Canonical order of a commutative operation: constants last, else by age.
    if (row.isCommutative && y.op !== 'const' && (x.op === 'const' || x.id > y.id)) [x, y] = [y, x];
    // Shift counts wrap; the rules count on them being in range.
    if (row.countMask !== 0n && y.op === 'const' && y.imm > row.countMask) y = this.constant(y.imm & row.countMask);
    if (this.fold) {
      // By index: this is where most of the time goes when nothing is compiled yet, and iterators cost a call each
      // turn then.
      const list = row.rules;
      for (let i = 0; i < list.length; i++) {
        const result = (list[i] as Rule).apply(this, x, y, op);
        if (result !== undefined) return result;
      }
    }
    return this.operation(op, row.number, x, row.isBinary ? y : undefined, y);
  }

  /** `condition` (0 or 1) chooses; folded. */
  select(condition: Value, yes: Value, no: Value): Value {
    if (this.fold) {
      for (const rule of selectRules) {
        const result = rule.apply(this, condition, yes, no);
        if (result !== undefined) return result;
      }
    }
    const early = condition.early && yes.early && no.early;
    return this.keyed('select', [condition, yes, no], 0n, undefined, yes.ones | no.ones, early);
  }

  /** The same operation as `value` on other arguments: folded and shared if it is pure, else one more of its kind. */
  again(value: Value, args: readonly Value[]): Value {
    const [a, b, c] = args;
    switch (value.op) {
      case 'const':
        return value;
      case 'len':
      case 'metalen':
      case 'env':
      case 'ctx':
      case 'frame':
      case 'context':
      case 'map':
      case 'data':
      case 'code':
        return this.leaf(value.op, value.imm, value.ones);
      case 'cell':
        return this.cell(cellOf(value) as MapCell);
      case 'element':
        return this.element(Number(value.imm), a as Value);
      case 'ptr':
        return this.pointer(a as Value);
      case 'select':
        return this.select(a as Value, b as Value, c as Value);
      default:
        if (opTable[value.op].kind === 'pure') return this.make(value.op, a as Value, b);
        this.origin = value.origin;
        return this.effect(value.op, args, value.imm, value.detail, value.ones);
    }
  }

  /**
   * Exactly this operation: neither folded, shared nor reordered. `ones` and `early` count where they do not follow
   * from the arguments.
   */
  literal(
    op: OpName,
    args: readonly Value[],
    imm: bigint,
    detail: Detail | undefined,
    ones: bigint,
    early: boolean,
  ): Value {
    const [a, b, c] = args;
    const { kind } = opTable[op];
    if (op === 'code') return this.codeAt(Number(imm), this.origin.program);
    if (detail?.kind === 'cell') return this.cell({ map: Number(imm), ...detail });
    if (kind === 'leaf') return op === 'const' ? this.constant(imm) : this.leaf(op, imm, leafOnes(op));
    if (kind !== 'pure')
      return this.append(op, args, imm, detail, fillRight(ones), op === 'guard' ? args.every(isEarly) : early);
    if (op === 'ptr' && a !== undefined) return this.pointer(a);
    if (op === 'element' && a !== undefined) return this.element(Number(imm), a);
    const bits = op === 'select' ? (b?.ones ?? mask64) | (c?.ones ?? mask64) : resultOnes(op, a, b ?? a);
    return this.append(op, args, 0n, undefined, bits, args.every(isEarly));
  }

  /** Shares a pure operation; `second` is what the rules take for the second argument. */
  private operation(op: OpName, number: number, x: Value, y: Value | undefined, second: Value): Value {
    const key = operationKey(number, x, y);
    const old = this.share ? this.operations.get(key) : undefined;
    if (old !== undefined) return old;
    const early = x.early && (y === undefined || y.early);
    const value = this.append(op, y === undefined ? [x] : [x, y], 0n, undefined, resultOnes(op, x, second), early);
    if (this.share) this.operations.set(key, value);
    return value;
  }

  /**
   * A load. `version` tells apart loads of the same address with a store between; `early`: nothing has touched the
   * bytes yet.
   */
  load(
    at: Value,
    offset: bigint,
    detail: Detail & { readonly kind: 'memory' },
    version: number,
    early: boolean,
  ): Value {
    const ones = detail.size === 8 ? mask64 : (1n << BigInt(8 * detail.size)) - 1n;
    const key = `${detail.space}${detail.size}.${detail.map}.${version}`;
    return this.keyed('load', [at], offset, detail, ones, early && at.early, key);
  }

  /** A value that will be one of several; which, its block says. */
  phi(ones: bigint): Value {
    return this.effect('phi', none, 0n, undefined, ones);
  }

  /** A look-up or slot read; `version` as for loads. */
  query(op: 'lookup' | 'slot', args: readonly Value[], detail: Detail, version: number, early: boolean): Value {
    const pieces = detail.kind === 'lookup' ? `@${detail.pieces.map((piece) => piece.size).join(',')}` : '';
    const map = detail.kind === 'lookup' || detail.kind === 'slot' ? detail.map : -1;
    const key = `m${map}.${version}${pieces}`;
    return this.keyed(op, args, 0n, detail, mask32, early && args.every(isEarly), key);
  }

  /** An operation that is not shared. `ones`: bits its result can have. */
  effect(op: OpName, args: readonly Value[], imm: bigint, detail: Detail | undefined, ones: bigint = mask64): Value {
    const early = op === 'guard' && args.every(isEarly);
    return this.append(op, args, imm, detail, fillRight(ones), early);
  }

  private leaf(op: OpName, imm: bigint, ones: bigint): Value {
    return this.keyed(op, [], imm, undefined, ones, true);
  }

  /** A value that is the same wherever it is made: found again by its key. */
  private keyed(
    op: OpName,
    args: readonly Value[],
    imm: bigint,
    detail: Detail | undefined,
    ones: bigint,
    early: boolean,
    extra = '',
  ): Value {
    if (!this.share) return this.append(op, args, imm, detail, ones, early);
    const key = valueKey(op, args, imm, extra);
    const old = this.others.get(key);
    if (old !== undefined) return old;
    const value = this.append(op, args, imm, detail, ones, early);
    this.others.set(key, value);
    return value;
  }

  /** Makes a value and numbers it; numbers grow, so arguments have smaller ones. */
  private append(
    op: OpName,
    args: readonly Value[],
    imm: bigint,
    detail: Detail | undefined,
    ones: bigint,
    early: boolean,
  ): Value {
    const value: Value = { id: this.code.length, op, args, imm, detail, ones, early, origin: this.origin };
    this.values.list.push(value);
    return value;
  }
}

/** Values of one graph are far fewer than 2^22, operations fewer than 2^6: the key is exact. */
function operationKey(number: number, x: Value, y: Value | undefined): number {
  return (number * idSpan + x.id) * idSpan + (y === undefined ? idSpan - 1 : y.id);
}

/** Operation, immediate and arguments: equal keys mean equal values. */
function valueKey(op: OpName, args: readonly Value[], imm: bigint, extra: string): string {
  let key = `${op} ${imm} ${extra}`;
  for (const arg of args) key += ` ${arg.id}`;
  return key;
}

function cellKey({ part, element, cpu }: Omit<MapCell, 'map'>): string {
  return `${part} ${element} ${cpu ?? ''}`;
}

function programKey(program: number): string {
  return program === 0 ? '' : `p${program}`;
}

/** What tells values of one operation apart besides arguments and immediate; for those that are not read. */
function extraOf({ op, detail, origin }: Value): string {
  if (detail?.kind === 'cell') return cellKey(detail);
  return op === 'code' ? programKey(origin.program) : '';
}

/** Entries of a table that a graph shares with the one that it extends; tables keep the order of birth. */
function copyOlder<K>(from: ReadonlyMap<K, Value>, to: Map<K, Value>, count: number): void {
  for (const [key, value] of from) {
    if (value.id >= count) return;
    to.set(key, value);
  }
}

const none: readonly Value[] = [];

/** Bits that an input of the packet can have. */
function leafOnes(op: OpName): bigint {
  switch (op) {
    case 'len':
      return maxLength;
    case 'metalen':
      return 0xffn;
    case 'env':
      return mask64;
    default:
      return mask32;
  }
}

const idSpan = 2 ** 22;
/** What {@link Graph.make} asks of an operation. */
interface OpRow {
  readonly number: number;
  readonly isBinary: boolean;
  readonly isCommutative: boolean;
  readonly evaluate: Op['evaluate'];
  /** Shift counts are taken modulo this plus 1; 0: it is no shift. */
  readonly countMask: bigint;
  readonly rules: readonly Rule[];
}

/** Columns of the table that are asked for at every value, put together once. */
const opRows: ReadonlyMap<OpName, OpRow> = new Map(
  opNames.map((op, number) => {
    const { arity, commutative, evaluate } = opTable[op];
    const row: OpRow = {
      number,
      isBinary: arity === 2,
      isCommutative: commutative === true,
      evaluate,
      countMask: shiftMask(op),
      rules: rules[op] ?? [],
    };
    return [op, row];
  }),
);

/** BPF masks the amount of a shift (RFC 9669, section 4.1), so operations see no larger one. */
function shiftMask(op: OpName): bigint {
  if (op === 'shl' || op === 'shr' || op === 'sar') return 63n;
  return op === 'shl32' || op === 'sar32' ? 31n : 0n;
}

function isEarly(value: Value): boolean {
  return value.early;
}
