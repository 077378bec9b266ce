/** What a term is when its variables are known. */
import { InternalError } from '../base/index.js';
import { binaryTable, isBinaryOp, isRelationOp, relationTable } from './operations.js';
import { type Term, termsBelow, widthOf } from './term.js';

/**
 * Values for variables, as a solver found them or a test chose them. What is not named is 0 everywhere, so a model is
 * complete whatever it holds. Numbers are unsigned, truth values 0 and 1.
 */
export interface Model {
  /** Bit vectors and truth values, by name. */
  readonly values: ReadonlyMap<string, bigint>;
  /** Arrays by name: elements by index. */
  readonly arrays: ReadonlyMap<string, ReadonlyMap<bigint, bigint>>;
  /** Uninterpreted functions by name: results by {@link argumentsKey}. */
  readonly functions: ReadonlyMap<string, ReadonlyMap<string, bigint>>;
}

/** What is asked of a model: values one by one, wherever they come from. */
export interface Valuation extends Omit<Model, 'values'> {
  readonly values: Pick<Model['values'], 'get'>;
}

/** An array as a value: elements that are known, and the one that all other indices have. */
interface ArrayValue {
  readonly elements: ReadonlyMap<bigint, bigint>;
  readonly otherwise: bigint;
}

/** How {@link Model.functions} names the arguments of a call. */
export function argumentsKey(args: readonly bigint[]): string {
  return args.join(',');
}

/** The value of a bit vector (unsigned) or of a truth value (0 or 1) under `model`. Throws for an array. */
export function evaluateTerm(term: Term, model: Valuation): bigint {
  return evaluateTerms([term], model)[0] as bigint;
}

/** The values of several terms; what they share is computed once. */
export function evaluateTerms(roots: readonly Term[], model: Valuation): bigint[] {
  const values = new Map<Term, bigint>();
  const arrays = new Map<Term, ArrayValue>();
  for (const term of termsBelow(roots)) {
    if (term.sort.kind === 'array') arrays.set(term, arrayValue(term, model, values, arrays));
    else values.set(term, scalarValue(term, model, values, arrays));
  }
  return roots.map((term) => values.get(term) ?? fail(term));
}

/** A term whose value is asked for and cannot be worked out: our mistake. */
function fail(term: Term): never {
  throw new InternalError('solve', `\`${term.op}\` has no value`);
}

/** The value of a term that is an array. */
function arrayValue(
  term: Term,
  model: Valuation,
  values: ReadonlyMap<Term, bigint>,
  arrays: ReadonlyMap<Term, ArrayValue>,
): ArrayValue {
  const value = (i: number): bigint => values.get(term.args[i] as Term) ?? fail(term);
  const array = (i: number): ArrayValue => arrays.get(term.args[i] as Term) ?? fail(term);
  switch (term.op) {
    case 'variable':
      return { elements: model.arrays.get(term.name) ?? new Map(), otherwise: 0n };
    case 'everywhere':
      return { elements: new Map(), otherwise: value(0) };
    case 'store': {
      const { elements, otherwise } = array(0);
      return { elements: new Map([...elements, [value(1), value(2)]]), otherwise };
    }
    case 'ite':
      return value(0) === 1n ? array(1) : array(2);
    default:
      return fail(term);
  }
}

/** The value of a bit vector or truth value, unsigned; arguments have theirs already. */
function scalarValue(
  term: Term,
  model: Valuation,
  values: ReadonlyMap<Term, bigint>,
  arrays: ReadonlyMap<Term, ArrayValue>,
): bigint {
  const { op, args, sort } = term;
  const width = sort.kind === 'bits' ? sort.width : 1;
  const value = (i: number): bigint => values.get(args[i] as Term) ?? fail(term);
  const argWidth = (i: number): number => widthOf(args[i] as Term);
  if (isBinaryOp(op)) return binaryTable[op].evaluate(value(0), value(1), width);
  if (isRelationOp(op)) {
    const operands = args[0] as Term;
    return relationTable[op].evaluate(value(0), value(1), operands.sort.kind === 'bits' ? operands.sort.width : 1);
  }
  switch (op) {
    case 'const':
      return term.value;
    case 'variable':
      return BigInt.asUintN(width, model.values.get(term.name) ?? 0n);
    case 'bvnot':
      return BigInt.asUintN(width, ~value(0));
    case 'bvneg':
      return BigInt.asUintN(width, -value(0));
    case 'concat':
      return (value(0) << BigInt(argWidth(1))) | value(1);
    case 'extract':
      return BigInt.asUintN(width, value(0) >> term.value);
    case 'zero_extend':
      return value(0);
    case 'sign_extend':
      return BigInt.asUintN(width, BigInt.asIntN(argWidth(0), value(0)));
    case 'not':
      return 1n - value(0);
    case 'and':
      return value(0) & value(1);
    case 'or':
      return value(0) | value(1);
    case 'ite':
      return value(0) === 1n ? value(1) : value(2);
    case 'select': {
      const { elements, otherwise } = arrays.get(args[0] as Term) ?? fail(term);
      return BigInt.asUintN(width, elements.get(value(1)) ?? otherwise);
    }
    case 'apply':
      return BigInt.asUintN(
        width,
        model.functions.get(term.name)?.get(argumentsKey(args.map((_, i) => value(i)))) ?? 0n,
      );
    default:
      return fail(term);
  }
}
