/**
 * What is proved of the verifier's arithmetic: whatever values the operands may have, what the operation yields is among those that its
 * abstract result describes. Each lemma becomes one query: a counter-example is asked for, and there is none.
 */
import { InternalError } from '../../base/index.js';
import { op } from '../../isa/index.js';
import { type Obj, type Stubs, Symbolic, type Value } from './symbolic.js';
import { type Bool, type Int, Terms, truth } from './terms.js';

export interface Lemma {
  readonly name: string;
  /** Queries in SMT-LIB, one for each thing that it claims; all unsatisfiable if it holds. */
  queries(): string[];
}

/** Bits that hold every intermediate result of 64-bit values: sums and differences, and what a shift keeps. */
const width = 72;
const constants: ReadonlyMap<string, Value> = new Map([['op', opcodes()]]);
/** Not the cache of constants, only what it holds. */
const plainConstants: Stubs = new Map([
  [
    'constScalar',
    (code, _, [value]) => {
      const made = code.construct('scalar', 'Scalar');
      if (value?.kind !== 'int') throw new InternalError('prove', 'constant of something that is no number');
      code.method(made, 'become', code.terms.asUint(64, value));
      return made;
    },
  ],
]);
/** Letting the views teach each other is proved on its own: results are sound before they do. */
const withoutSync: Stubs = new Map([...plainConstants, ['sync', (_, self) => self]]);

function opcodes(): Obj {
  const fields = new Map<string, Value>();
  for (const [name, value] of Object.entries(op)) {
    if (typeof value === 'number') fields.set(name, { kind: 'int', narrow: true, is: BigInt(value) });
  }
  return { kind: 'object', fields, of: undefined };
}

/** One query under construction. */
class Query {
  readonly terms: Terms = new Terms(width);
  readonly code: Symbolic;
  private readonly assumed: string[] = [];

  constructor(source: string, stubs: Stubs) {
    this.code = new Symbolic(this.terms, source, stubs, constants);
  }

  /** A number and a tnum that describes it. */
  tnum(name: string): { readonly t: Obj; readonly x: Int } {
    const { terms } = this;
    const value = terms.variable(`${name}_value`, 64, false, false);
    const mask = terms.variable(`${name}_mask`, 64, false, false);
    const x = terms.variable(name, 64, false, false);
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
    const { terms } = this;
    const s = this.code.construct('scalar', 'Scalar');
    const set = (field: string, bits: number, signed: boolean): void => {
      s.fields.set(field, terms.variable(`${name}_${field}`, bits, signed, bits === 32));
    };
    for (const field of ['value', 'mask', 'umin', 'umax']) set(field, 64, false);
    for (const field of ['smin', 'smax']) set(field, 64, true);
    for (const field of ['u32min', 'u32max']) set(field, 32, false);
    for (const field of ['s32min', 's32max']) set(field, 32, true);
    const x = terms.variable(name, 64, false, false);
    this.assume(...this.inScalar(s, x));
    return { s, x };
  }

  assume(...conditions: readonly Bool[]): void {
    for (const condition of conditions) this.assumed.push(this.terms.showBool(condition));
  }

  inTnum(t: Obj, x: Int): Bool {
    const { terms } = this;
    const known = terms.binary('&', x, terms.not(int(t, 'mask')));
    return terms.and(
      terms.compare('===', known, int(t, 'value')),
      terms.compare('===', terms.binary('&', int(t, 'value'), int(t, 'mask')), terms.int(0n)),
    );
  }

  inScalar(s: Obj, x: Int): Bool[] {
    const { terms } = this;
    const views: readonly (readonly [low: string, high: string, seen: Int])[] = [
      ['umin', 'umax', x],
      ['smin', 'smax', terms.asInt(64, x)],
      ['u32min', 'u32max', terms.asUint(32, x)],
      ['s32min', 's32max', terms.asInt(32, x)],
    ];
    return [
      this.inTnum(s, x),
      ...views.flatMap(([low, high, seen]) => [
        terms.compare('<=', int(s, low), seen),
        terms.compare('<=', seen, int(s, high)),
      ]),
    ];
  }

  /** For each claim the text that asks for a case in which the assumptions hold and the claim does not. */
  refuting(claims: readonly Bool[]): string[] {
    const goals = claims.map((claim) => this.terms.showBool(this.terms.no(claim))).filter((goal) => goal !== 'false');
    const facts = [...this.terms.text, ...this.assumed.map((fact) => `(assert ${fact})`)].join('\n');
    return goals.map((goal) => `${facts}\n(assert ${goal})\n`);
  }
}

function int(of: Obj, field: string): Int {
  const value = of.fields.get(field);
  if (value?.kind !== 'int') throw new InternalError('prove', `field ${field} is no number`);
  return value;
}

function object(value: Value): Obj {
  if (value.kind !== 'object') throw new InternalError('prove', 'no object');
  return value;
}

type Concrete = (terms: Terms, x: Int, y: Int) => Int;

const bits64: Concrete = (terms, x) => terms.asUint(64, x);
const by =
  (operator: string): Concrete =>
  (terms, x, y) =>
    terms.asUint(64, terms.binary(operator, x, y));
const low =
  (of: Concrete): Concrete =>
  (terms, x, y) =>
    terms.asUint(32, of(terms, x, y));

const n = (value: number): Int => ({ kind: 'int', narrow: true, is: BigInt(value) });
const big = (value: bigint): Int => ({ kind: 'int', narrow: false, is: value });

/** Shift amounts: all of a width. */
const upTo = (bits: number): readonly number[] => Array.from({ length: bits }, (_, i) => i);

export function allLemmas(source: string): Lemma[] {
  return [...tnumLemmas(source), ...syncLemmas(source), ...aluLemmas(source), ...branchLemmas(source)];
}

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
  const two = (name: string, fn: string, concrete: Concrete): void =>
    holds(name, (query) => {
      const [a, b] = [query.tnum('x'), query.tnum('y')];
      const result = object(query.code.call('tnum', fn, a.t, b.t));
      return [query.inTnum(result, concrete(query.terms, a.x, b.x))];
    });
  const one = (name: string, fn: string, args: readonly Value[], concrete: Concrete): void =>
    holds(name, (query) => {
      const a = query.tnum('x');
      return [query.inTnum(object(query.code.call('tnum', fn, a.t, ...args)), concrete(query.terms, a.x, a.x))];
    });
  two('add', 'tnumAdd', by('+'));
  two('sub', 'tnumSub', by('-'));
  two('and', 'tnumAnd', by('&'));
  two('or', 'tnumOr', by('|'));
  two('xor', 'tnumXor', by('^'));
  two('union, left', 'tnumUnion', bits64);
  two('union, right', 'tnumUnion', (terms, _, y) => terms.asUint(64, y));
  one('neg', 'tnumNeg', [], (terms, x) => terms.asUint(64, terms.negate(x)));
  holds('intersect', (query) => {
    const [a, b] = [query.tnum('x'), query.tnum('y')];
    query.assume(query.terms.compare('===', a.x, b.x));
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
    const { terms } = query;
    const [min, max] = [terms.variable('min', 64, false, false), terms.variable('max', 64, false, false)];
    const x = terms.variable('x', 64, false, false);
    query.assume(terms.and(terms.compare('<=', min, x), terms.compare('<=', x, max)));
    return [query.inTnum(object(query.code.call('tnum', 'tnumRange', min, max)), x)];
  });
  for (const bytes of [1, 2, 4, 8])
    one(`cast to ${bytes}`, 'tnumCast', [n(bytes)], (terms, x) => terms.asUint(8 * bytes, x));
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
    one(`shl ${shift}`, 'tnumShl', [n(shift)], (terms, x) =>
      terms.asUint(64, terms.binary('<<', x, big(BigInt(shift)))),
    );
    one(`shr ${shift}`, 'tnumShr', [n(shift)], (terms, x) => terms.binary('>>', x, big(BigInt(shift))));
    one(`sar ${shift}`, 'tnumSar', [n(shift), n(64)], (terms, x) =>
      terms.asUint(64, terms.binary('>>', terms.asInt(64, x), big(BigInt(shift)))),
    );
  }
  for (const shift of upTo(32)) {
    one(`sar32 ${shift}`, 'tnumSar', [n(shift), n(32)], (terms, x) =>
      terms.asUint(32, terms.binary('>>', terms.asInt(32, x), big(BigInt(shift)))),
    );
  }
  // tnumMul adds up what each bit of its first operand contributes. One step of it:
  holds('mul, one step of it', (query) => {
    const { terms, code } = query;
    const [sum, term] = [query.tnum('x'), query.tnum('y')];
    const added = object(code.call('tnum', 'tnumAdd', sum.t, term.t));
    const joined = object(code.call('tnum', 'tnumUnion', sum.t, added));
    const next = object(code.call('tnum', 'tnumShl', term.t, n(1)));
    const total = terms.asUint(64, terms.binary('+', sum.x, term.x));
    return [
      query.inTnum(added, total),
      query.inTnum(joined, total),
      query.inTnum(joined, sum.x),
      query.inTnum(next, terms.asUint(64, terms.binary('<<', term.x, big(1n)))),
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

const aluOperations: readonly (readonly [name: string, code: number, concrete: Concrete])[] = [
  ['add', op.ADD, by('+')],
  ['sub', op.SUB, by('-')],
  ['and', op.AND, by('&')],
  ['or', op.OR, by('|')],
  ['xor', op.XOR, by('^')],
  ['neg', op.NEG, (terms, x) => terms.asUint(64, terms.negate(x))],
];

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
        return query.inScalar(result, (is32 ? low(concrete) : concrete)(query.terms, a.x, b.x));
      });
    }
  }
  const shifts: readonly (readonly [
    name: string,
    code: number,
    concrete: (terms: Terms, x: Int, by: Int, bits: number) => Int,
  ])[] = [
    ['shl', op.LSH, (terms, x, amount, bits) => terms.asUint(bits, terms.binary('<<', x, amount))],
    ['shr', op.RSH, (terms, x, amount, bits) => terms.binary('>>', terms.asUint(bits, x), amount)],
    ['sar', op.ARSH, (terms, x, amount, bits) => terms.asUint(bits, terms.binary('>>', terms.asInt(bits, x), amount))],
  ];
  for (const [name, code, concrete] of shifts) {
    for (const bits of [64, 32]) {
      for (const amount of upTo(bits)) {
        holds(`${name}${bits} ${amount}`, (query) => {
          const a = query.scalar('x');
          const k = query.code.call('scalar', 'constScalar', big(BigInt(amount)));
          const result = object(query.code.call('scalar-alu', 'shift', n(code), truth(bits === 32), a.s, k));
          return query.inScalar(result, concrete(query.terms, a.x, big(BigInt(amount)), bits));
        });
      }
    }
  }
  const unary = (name: string, fn: string, args: readonly Value[], concrete: Concrete): void =>
    holds(name, (query) => {
      const a = query.scalar('x');
      return query.inScalar(object(query.code.call('scalar-alu', fn, a.s, ...args)), concrete(query.terms, a.x, a.x));
    });
  unary('zero-extend', 'zeroExtend', [], (terms, x) => terms.asUint(32, x));
  for (const bytes of [1, 2, 4]) {
    unary(`truncate to ${bytes}`, 'truncate', [n(bytes)], (terms, x) => terms.asUint(8 * bytes, x));
    unary(`sign-extend ${bytes}`, 'signExtend', [n(bytes)], (terms, x) => terms.asUint(64, terms.asInt(8 * bytes, x)));
  }
  for (const bytes of [1, 2])
    unary(`sign-extend ${bytes} to 32`, 'signExtend32', [n(bytes)], (terms, x) =>
      terms.asUint(32, terms.asInt(8 * bytes, x)),
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

function outcome(terms: Terms, name: string, is32: boolean, x: Int, y: Int): Bool {
  const bits = is32 ? 32 : 64;
  if (name === 'JSET') {
    const both = terms.asUint(bits, terms.binary('&', x, y));
    return terms.compare('!==', both, big(0n));
  }
  const [operator, signed] = orders[name] ?? ['===', false];
  const seen = (v: Int): Int => (signed ? terms.asInt(bits, v) : terms.asUint(bits, v));
  return terms.compare(operator, seen(x), seen(y));
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
          const happens = outcome(query.terms, name, is32, a.x, b.x);
          return query.refuting(agrees(query.terms, taken, happens));
        },
      });
      for (const taken of [true, false]) {
        lemmas.push({
          name: `branch ${title}: ${taken ? 'taken' : 'not taken'} teaches the truth`,
          queries: () => {
            const query = new Query(source, withoutSync);
            const { terms } = query;
            const [a, b] = [query.scalar('x'), query.scalar('y')];
            const happens = outcome(terms, name, is32, a.x, b.x);
            query.assume(taken ? happens : terms.no(happens));
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
function agrees(terms: Terms, taken: Value, happens: Bool): Bool[] {
  if (taken.kind === 'undefined') return [];
  if (taken.kind === 'bool') return [terms.same(taken, happens)];
  if (taken.kind !== 'choice') throw new InternalError('prove', 'no outcome');
  return taken.cases.flatMap(([when, value]) =>
    agrees(terms, value, happens).map((claim) => terms.or(terms.no(when), claim)),
  );
}
