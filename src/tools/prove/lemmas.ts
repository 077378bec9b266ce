/**
 * What is proved of the verifier's arithmetic: whatever values the operands may have, what the operation yields is
 * among those that its abstract result describes. Each lemma becomes one query: a counter-example is asked for, and
 * there is none.
 */
import { InternalError } from '../../base/index.js';
import { op } from '../../isa/index.js';
import type { Term } from '../../solve/index.js';
import { type Bool, type Int, Numbers, truth } from './numbers.js';
import { type Obj, type Stubs, Symbolic, type Value } from './symbolic.js';

/** Something that is proved for all values; its name is what `npm run prove -- NAME` looks for. */
export interface Lemma {
  readonly name: string;
  /** Assertions for the solver, a list for each thing that it claims; none can hold if the lemma does. */
  queries(): Term[][];
}

/** Bits that hold every intermediate result of 64-bit values: sums and differences, and what a shift keeps. */
const width = 72;
// `op` comes from the room isa, outside of the folder that is read: its numbers are handed in.
const constants: ReadonlyMap<string, Value> = new Map([['op', opcodes()]]);
/** Not the cache of constants, only what it holds. */
const plainConstants: Stubs = new Map([
  [
    'constScalar',
    (code, _, [value]) => {
      const made = code.construct('scalar', 'Scalar');
      if (value?.kind !== 'int') throw new InternalError('prove', 'constant of something that is no number');
      code.method(made, 'become', code.numbers.asUint(64, value));
      return made;
    },
  ],
]);
/** Letting the views teach each other is proved on its own: results are sound before they do. */
const withoutSync: Stubs = new Map([...plainConstants, ['sync', (_, self) => self]]);

/** The opcodes as an object of the program that is run. */
function opcodes(): Obj {
  const fields = new Map<string, Value>();
  for (const [name, value] of Object.entries(op)) {
    if (typeof value === 'number') fields.set(name, { kind: 'int', narrow: true, is: BigInt(value) });
  }
  return { kind: 'object', fields, of: undefined };
}

/** One query under construction. */
class Query {
  readonly numbers: Numbers = new Numbers(width);
  readonly code: Symbolic;
  private readonly assumed: Term[] = [];

  constructor(source: string, stubs: Stubs) {
    this.code = new Symbolic(this.numbers, source, stubs, constants);
  }

  /** A number and a tnum that describes it. */
  tnum(name: string): { readonly t: Obj; readonly x: Int } {
    const { numbers } = this;
    const value = numbers.variable(`${name}_value`, 64, false, false);
    const mask = numbers.variable(`${name}_mask`, 64, false, false);
    const x = numbers.variable(name, 64, false, false);
    const t: Obj = {
      kind: 'object',
      fields: new Map([
        ['value', value],
        ['mask', mask],
      ]),
      of: undefined,
    };
    this.assume(this.inTnum(t, x));
    return { t, x };
  }

  /** A number and a Scalar that describes it, in every view. */
  scalar(name: string): { readonly s: Obj; readonly x: Int } {
    const { numbers } = this;
    const s = this.code.construct('scalar', 'Scalar');
    const set = (field: string, bits: number, signed: boolean): void => {
      s.fields.set(field, numbers.variable(`${name}_${field}`, bits, signed, bits === 32));
    };
    for (const field of ['value', 'mask', 'umin', 'umax']) set(field, 64, false);
    for (const field of ['smin', 'smax']) set(field, 64, true);
    for (const field of ['u32min', 'u32max']) set(field, 32, false);
    for (const field of ['s32min', 's32max']) set(field, 32, true);
    const x = numbers.variable(name, 64, false, false);
    this.assume(...this.inScalar(s, x));
    return { s, x };
  }

  /** What holds of the operands; a counter-example has to satisfy it. */
  assume(...conditions: readonly Bool[]): void {
    for (const condition of conditions) this.assumed.push(this.numbers.truthTerm(condition));
  }

  /**
   * Whether a tnum describes x: the bits that it knows are x's, and `value` has none where `mask` says unknown, which
   * is the invariant that every operation has to keep (kernel/bpf/tnum.c).
   */
  inTnum(t: Obj, x: Int): Bool {
    const { numbers } = this;
    const known = numbers.binary('&', x, numbers.not(int(t, 'mask')));
    return numbers.and(
      numbers.compare('===', known, int(t, 'value')),
      numbers.compare('===', numbers.binary('&', int(t, 'value'), int(t, 'mask')), numbers.int(0n)),
    );
  }

  /** Whether every view of a Scalar describes x: its tnum, and x read as unsigned and signed, in 64 and in 32 bits. */
  inScalar(s: Obj, x: Int): Bool[] {
    const { numbers } = this;
    const views: readonly (readonly [low: string, high: string, seen: Int])[] = [
      ['umin', 'umax', x],
      ['smin', 'smax', numbers.asInt(64, x)],
      ['u32min', 'u32max', numbers.asUint(32, x)],
      ['s32min', 's32max', numbers.asInt(32, x)],
    ];
    return [
      this.inTnum(s, x),
      ...views.flatMap(([low, high, seen]) => [
        numbers.compare('<=', int(s, low), seen),
        numbers.compare('<=', seen, int(s, high)),
      ]),
    ];
  }

  /** For each claim, what is to hold in a counter-example: the assumptions, and the claim's contrary. */
  refuting(claims: readonly Bool[]): Term[][] {
    const { numbers } = this;
    return claims
      .map((claim) => numbers.truthTerm(numbers.no(claim)))
      .filter((goal) => goal !== numbers.terms.false)
      .map((goal) => [...this.assumed, goal]);
  }
}

/** A field that holds a number. */
function int(of: Obj, field: string): Int {
  const value = of.fields.get(field);
  if (value?.kind !== 'int') throw new InternalError('prove', `field ${field} is no number`);
  return value;
}

function object(value: Value): Obj {
  if (value.kind !== 'object') throw new InternalError('prove', 'no object');
  return value;
}

/** What the operation does to numbers, by BPF's rules: the specification that an abstract result is held against. */
type Concrete = (numbers: Numbers, x: Int, y: Int) => Int;

const bits64: Concrete = (numbers, x) => numbers.asUint(64, x);
// The operation in 64 bits: exact in a wide vector, then cut.
const by =
  (operator: string): Concrete =>
  (numbers, x, y) =>
    numbers.asUint(64, numbers.binary(operator, x, y));
// Its low half: what a 32-bit operation leaves, upper bits zero.
const low =
  (of: Concrete): Concrete =>
  (numbers, x, y) =>
    numbers.asUint(32, of(numbers, x, y));

const n = (value: number): Int => ({ kind: 'int', narrow: true, is: BigInt(value) });
const big = (value: bigint): Int => ({ kind: 'int', narrow: false, is: value });

/** Shift amounts: all of a width. */
const upTo = (bits: number): readonly number[] => Array.from({ length: bits }, (_, i) => i);

/** All lemmas; `source` is the folder of the verifier's TypeScript. */
export function allLemmas(source: string): Lemma[] {
  return [...tnumLemmas(source), ...syncLemmas(source), ...aluLemmas(source), ...branchLemmas(source)];
}

/**
 * Operations on tnums alone. Shifts are proved for each amount, since a solver takes far longer over a symbolic one
 * and the verifier shifts by known amounts only.
 */
function tnumLemmas(source: string): Lemma[] {
  const lemmas: Lemma[] = [];
  const holds = (name: string, build: (query: Query) => readonly Bool[]): void => {
    lemmas.push({
      name: `tnum ${name}`,
      queries: () => {
        const query = new Query(source, withoutSync);
        return query.refuting(build(query));
      },
    });
  };
  // Of two operands, and of one with further arguments that are known.
  const two = (name: string, fn: string, concrete: Concrete): void =>
    holds(name, (query) => {
      const [a, b] = [query.tnum('x'), query.tnum('y')];
      const result = object(query.code.call('tnum', fn, a.t, b.t));
      return [query.inTnum(result, concrete(query.numbers, a.x, b.x))];
    });
  const one = (name: string, fn: string, args: readonly Value[], concrete: Concrete): void =>
    holds(name, (query) => {
      const a = query.tnum('x');
      return [query.inTnum(object(query.code.call('tnum', fn, a.t, ...args)), concrete(query.numbers, a.x, a.x))];
    });
  two('add', 'tnumAdd', by('+'));
  two('sub', 'tnumSub', by('-'));
  two('and', 'tnumAnd', by('&'));
  two('or', 'tnumOr', by('|'));
  two('xor', 'tnumXor', by('^'));
  two('union, left', 'tnumUnion', bits64);
  two('union, right', 'tnumUnion', (numbers, _, y) => numbers.asUint(64, y));
  one('neg', 'tnumNeg', [], (numbers, x) => numbers.asUint(64, numbers.negate(x)));
  holds('intersect', (query) => {
    const [a, b] = [query.tnum('x'), query.tnum('y')];
    // One number that both describe: only then is there something to intersect.
    query.assume(query.numbers.compare('===', a.x, b.x));
    return [query.inTnum(object(query.code.call('tnum', 'tnumIntersect', a.t, b.t)), a.x)];
  });
  holds('in', (query) => {
    // Whatever the inner one describes, the outer one does.
    const [outer, inner] = [query.tnum('y'), query.tnum('x')];
    const within = query.code.call('tnum', 'tnumIn', outer.t, inner.t);
    query.assume(within as Bool);
    return [query.inTnum(outer.t, inner.x)];
  });
  holds('range', (query) => {
    const { numbers } = query;
    const [min, max] = [numbers.variable('min', 64, false, false), numbers.variable('max', 64, false, false)];
    const x = numbers.variable('x', 64, false, false);
    query.assume(numbers.and(numbers.compare('<=', min, x), numbers.compare('<=', x, max)));
    return [query.inTnum(object(query.code.call('tnum', 'tnumRange', min, max)), x)];
  });
  for (const bytes of [1, 2, 4, 8])
    one(`cast to ${bytes}`, 'tnumCast', [n(bytes)], (numbers, x) => numbers.asUint(8 * bytes, x));
  for (const bytes of [2, 4, 8]) {
    holds(`swap ${bytes}`, (query) => {
      const a = query.tnum('x');
      return [
        query.inTnum(
          object(query.code.call('tnum', 'tnumSwap', a.t, n(bytes))),
          query.code.call('tnum', 'reverseBytes', a.x, n(bytes)) as Int,
        ),
      ];
    });
  }
  for (const shift of upTo(64)) {
    one(`shl ${shift}`, 'tnumShl', [n(shift)], (numbers, x) =>
      numbers.asUint(64, numbers.binary('<<', x, big(BigInt(shift)))),
    );
    one(`shr ${shift}`, 'tnumShr', [n(shift)], (numbers, x) => numbers.binary('>>', x, big(BigInt(shift))));
    one(`sar ${shift}`, 'tnumSar', [n(shift), n(64)], (numbers, x) =>
      numbers.asUint(64, numbers.binary('>>', numbers.asInt(64, x), big(BigInt(shift)))),
    );
  }
  for (const shift of upTo(32)) {
    one(`sar32 ${shift}`, 'tnumSar', [n(shift), n(32)], (numbers, x) =>
      numbers.asUint(32, numbers.binary('>>', numbers.asInt(32, x), big(BigInt(shift)))),
    );
  }
  // tnumMul adds up what each bit of its first operand contributes. One step of it:
  holds('mul, one step of it', (query) => {
    const { numbers, code } = query;
    const [sum, term] = [query.tnum('x'), query.tnum('y')];
    const added = object(code.call('tnum', 'tnumAdd', sum.t, term.t));
    const joined = object(code.call('tnum', 'tnumUnion', sum.t, added));
    const next = object(code.call('tnum', 'tnumShl', term.t, n(1)));
    const total = numbers.asUint(64, numbers.binary('+', sum.x, term.x));
    return [
      query.inTnum(added, total),
      query.inTnum(joined, total),
      query.inTnum(joined, sum.x),
      query.inTnum(next, numbers.asUint(64, numbers.binary('<<', term.x, big(1n)))),
    ];
  });
  return lemmas;
}

/** Each view may learn from the others without losing a value. */
function syncLemmas(source: string): Lemma[] {
  const steps = ['boundsFromTnum', 'tnumFromBounds', 'deduce32', 'deduce64', 'deduceMixed', 'unbound64', 'unbound32'];
  return steps.map((step) => ({
    name: `sync: ${step}`,
    queries: () => {
      const query = new Query(source, plainConstants);
      const { s, x } = query.scalar('x');
      query.code.method(s, step);
      return query.refuting(query.inScalar(s, x));
    },
  }));
}

/** Operations whose two operands may be any scalars, with what they do to numbers. */
const aluOperations: readonly (readonly [name: string, code: number, concrete: Concrete])[] = [
  ['add', op.ADD, by('+')],
  ['sub', op.SUB, by('-')],
  ['and', op.AND, by('&')],
  ['or', op.OR, by('|')],
  ['xor', op.XOR, by('^')],
  ['neg', op.NEG, (numbers, x) => numbers.asUint(64, numbers.negate(x))],
];

/**
 * Operations on scalars, each in 64 and in 32 bits. Views do not learn from each other here (`sync` is left out): what
 * an operation yields is right before they do, and the lemmas about `sync` cover the rest.
 */
function aluLemmas(source: string): Lemma[] {
  const lemmas: Lemma[] = [];
  const holds = (name: string, build: (query: Query) => readonly Bool[]): void => {
    lemmas.push({
      name: `scalar ${name}`,
      queries: () => {
        const query = new Query(source, withoutSync);
        return query.refuting(build(query));
      },
    });
  };
  for (const [name, code, concrete] of aluOperations) {
    for (const is32 of [false, true]) {
      holds(`${name}${is32 ? '32' : ''}`, (query) => {
        const [a, b] = [query.scalar('x'), query.scalar('y')];
        const result = object(query.code.call('scalar-alu', 'aluScalars', n(code), truth(is32), a.s, b.s));
        return query.inScalar(result, (is32 ? low(concrete) : concrete)(query.numbers, a.x, b.x));
      });
    }
  }
  const shifts: readonly (readonly [
    name: string,
    code: number,
    concrete: (numbers: Numbers, x: Int, by: Int, bits: number) => Int,
  ])[] = [
    ['shl', op.LSH, (numbers, x, amount, bits) => numbers.asUint(bits, numbers.binary('<<', x, amount))],
    ['shr', op.RSH, (numbers, x, amount, bits) => numbers.binary('>>', numbers.asUint(bits, x), amount)],
    [
      'sar',
      op.ARSH,
      (numbers, x, amount, bits) => numbers.asUint(bits, numbers.binary('>>', numbers.asInt(bits, x), amount)),
    ],
  ];
  for (const [name, code, concrete] of shifts) {
    for (const bits of [64, 32]) {
      for (const amount of upTo(bits)) {
        holds(`${name}${bits} ${amount}`, (query) => {
          const a = query.scalar('x');
          const k = query.code.call('scalar', 'constScalar', big(BigInt(amount)));
          const result = object(query.code.call('scalar-alu', 'shift', n(code), truth(bits === 32), a.s, k));
          return query.inScalar(result, concrete(query.numbers, a.x, big(BigInt(amount)), bits));
        });
      }
    }
  }
  const unary = (name: string, fn: string, args: readonly Value[], concrete: Concrete): void =>
    holds(name, (query) => {
      const a = query.scalar('x');
      return query.inScalar(object(query.code.call('scalar-alu', fn, a.s, ...args)), concrete(query.numbers, a.x, a.x));
    });
  unary('zero-extend', 'zeroExtend', [], (numbers, x) => numbers.asUint(32, x));
  for (const bytes of [1, 2, 4]) {
    unary(`truncate to ${bytes}`, 'truncate', [n(bytes)], (numbers, x) => numbers.asUint(8 * bytes, x));
    unary(`sign-extend ${bytes}`, 'signExtend', [n(bytes)], (numbers, x) =>
      numbers.asUint(64, numbers.asInt(8 * bytes, x)),
    );
  }
  for (const bytes of [1, 2])
    unary(`sign-extend ${bytes} to 32`, 'signExtend32', [n(bytes)], (numbers, x) =>
      numbers.asUint(32, numbers.asInt(8 * bytes, x)),
    );
  for (const bytes of [2, 4, 8]) {
    holds(`swap ${bytes}`, (query) => {
      const a = query.scalar('x');
      const result = object(query.code.call('scalar-alu', 'swapBytes', a.s, n(bytes), truth(true)));
      return query.inScalar(result, query.code.call('tnum', 'reverseBytes', a.x, n(bytes)) as Int);
    });
  }
  holds('join, left', (query) => {
    const [a, b] = [query.scalar('x'), query.scalar('y')];
    return query.inScalar(object(query.code.call('scalar', 'joinScalars', a.s, b.s)), a.x);
  });
  holds('join, right', (query) => {
    const [a, b] = [query.scalar('x'), query.scalar('y')];
    return query.inScalar(object(query.code.call('scalar', 'joinScalars', a.s, b.s)), b.x);
  });
  holds('covers', (query) => {
    const [outer, inner] = [query.scalar('y'), query.scalar('x')];
    query.assume(query.code.method(outer.s, 'covers', inner.s) as Bool);
    return query.inScalar(outer.s, inner.x);
  });
  return lemmas;
}

/** Comparisons of conditional jumps: operator, and whether operands are read as signed. */
const orders: Readonly<Record<string, readonly [operator: string, signed: boolean]>> = {
  JEQ: ['===', false],
  JNE: ['!==', false],
  JGT: ['>', false],
  JGE: ['>=', false],
  JLT: ['<', false],
  JLE: ['<=', false],
  JSGT: ['>', true],
  JSGE: ['>=', true],
  JSLT: ['<', true],
  JSLE: ['<=', true],
};

/** Whether the jump is taken for these numbers. JSET asks for a common bit, all others compare. */
function outcome(numbers: Numbers, name: string, is32: boolean, x: Int, y: Int): Bool {
  const bits = is32 ? 32 : 64;
  if (name === 'JSET') {
    const both = numbers.asUint(bits, numbers.binary('&', x, y));
    return numbers.compare('!==', both, big(0n));
  }
  const [operator, signed] = orders[name] ?? ['===', false];
  const seen = (v: Int): Int => (signed ? numbers.asInt(bits, v) : numbers.asUint(bits, v));
  return numbers.compare(operator, seen(x), seen(y));
}

/** A branch is decided only if all values agree, and what either way teaches is true of all that go it. */
function branchLemmas(source: string): Lemma[] {
  const lemmas: Lemma[] = [];
  for (const name of [...Object.keys(orders), 'JSET']) {
    const code = op[name as 'JEQ'];
    for (const is32 of [false, true]) {
      const title = `${name}${is32 ? ' in 32 bits' : ''}`;
      lemmas.push({
        name: `branch ${title}: decided rightly`,
        queries: () => {
          const query = new Query(source, withoutSync);
          const [a, b] = [query.scalar('x'), query.scalar('y')];
          const taken = query.code.call('branch', 'branchTaken', n(code), truth(is32), a.s, b.s);
          const happens = outcome(query.numbers, name, is32, a.x, b.x);
          return query.refuting(agrees(query.numbers, taken, happens));
        },
      });
      for (const taken of [true, false]) {
        lemmas.push({
          name: `branch ${title}: ${taken ? 'taken' : 'not taken'} teaches the truth`,
          queries: () => {
            const query = new Query(source, withoutSync);
            const { numbers } = query;
            const [a, b] = [query.scalar('x'), query.scalar('y')];
            const happens = outcome(numbers, name, is32, a.x, b.x);
            query.assume(taken ? happens : numbers.no(happens));
            // What is learnt where the jump is not taken is what its contrary teaches.
            const condition = taken ? n(code) : query.code.call('branch', 'negate', n(code));
            const refined = query.code.call('branch', 'refine', condition, truth(is32), a.s, b.s);
            if (refined.kind !== 'list') throw new InternalError('prove', 'refine gives no pair');
            const [left, right] = refined.items.map(object);
            return query.refuting([...query.inScalar(left as Obj, a.x), ...query.inScalar(right as Obj, b.x)]);
          },
        });
      }
    }
  }
  return lemmas;
}

/** `taken` is true, false or undefined, each under its condition. */
function agrees(numbers: Numbers, taken: Value, happens: Bool): Bool[] {
  // Undecided claims nothing.
  if (taken.kind === 'undefined') return [];
  if (taken.kind === 'bool') return [numbers.same(taken, happens)];
  if (taken.kind !== 'choice') throw new InternalError('prove', 'no outcome');
  return taken.cases.flatMap(([when, value]) =>
    agrees(numbers, value, happens).map((claim) => numbers.or(numbers.no(when), claim)),
  );
}
