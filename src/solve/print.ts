/**
 * Terms as SMT-LIB 2 text: the only place that writes any. Variables and functions are declared, every compound term
 * gets one definition (`t12`, by its number), so the text is as long as the DAG however often a part is used.
 */
import type { Sort } from './sort.js';
import { type Term, termsBelow, widthOf } from './term.js';

/** Writes declarations and definitions once each; everything that one script mentions goes through one printer. */
export class TermPrinter {
  private readonly lines: string[] = [];
  private readonly names = new Map<Term, string>();
  private readonly declared = new Set<string>();

  /** How the script refers to a term; what it needs is defined in {@link takeLines} from now on. */
  refer(term: Term): string {
    const known = this.names.get(term);
    if (known !== undefined) return known;
    for (const part of termsBelow([term])) if (!this.names.has(part)) this.names.set(part, this.introduce(part));
    return this.refer(term);
  }

  /** The lines that have come up since the last call. */
  takeLines(): string[] {
    return this.lines.splice(0);
  }

  /** Writes what has to stand before a term may be named, and gives its name. */
  private introduce(term: Term): string {
    const { op, sort, name } = term;
    if (op === 'const') return constantText(term);
    if (op === 'variable') {
      this.lines.push(`(declare-const ${symbol(name)} ${sortText(sort)})`);
      return symbol(name);
    }
    if (op === 'apply') this.declare(term);
    const own = `t${term.id}`;
    this.lines.push(`(define-fun ${own} () ${sortText(sort)} (${this.head(term)} ${this.operands(term)}))`);
    return own;
  }

  private operands({ args }: Term): string {
    return args.map((arg) => this.names.get(arg) ?? '').join(' ');
  }

  /** The operation's symbol, with indices where SMT-LIB has them. */
  private head(term: Term): string {
    const { op, sort, args, value } = term;
    const width = sort.kind === 'bits' ? sort.width : 0;
    switch (op) {
      case 'extract':
        return `(_ extract ${Number(value) + width - 1} ${value})`;
      case 'zero_extend':
      case 'sign_extend':
        return `(_ ${op} ${width - widthOf(args[0] as Term)})`;
      case 'everywhere':
        return `(as const ${sortText(sort)})`;
      case 'apply':
        return symbol(term.name);
      default:
        return op;
    }
  }

  /** Declares an uninterpreted function, once for each signature. */
  private declare(term: Term): void {
    const line = `(declare-fun ${symbol(term.name)} (${term.args.map(({ sort }) => sortText(sort)).join(' ')}) ${sortText(term.sort)})`;
    if (this.declared.has(line)) return;
    this.declared.add(line);
    this.lines.push(line);
  }
}

/** The smallest logic that `roots` need: solvers choose their tactics by it. */
export function logicOf(roots: readonly Term[]): string {
  const terms = termsBelow(roots);
  const arrays = terms.some(({ sort }) => sort.kind === 'array');
  const functions = terms.some(({ op }) => op === 'apply');
  return `QF_${arrays ? 'A' : ''}${functions || arrays ? 'UF' : ''}BV`;
}

/** Hexadecimal where the width is whole digits, else binary. */
function constantText({ sort, value }: Term): string {
  if (sort.kind !== 'bits') return value === 1n ? 'true' : 'false';
  return sort.width % 4 === 0
    ? `#x${value.toString(16).padStart(sort.width / 4, '0')}`
    : `#b${value.toString(2).padStart(sort.width, '0')}`;
}

function sortText(sort: Sort): string {
  if (sort.kind === 'bool') return 'Bool';
  if (sort.kind === 'bits') return `(_ BitVec ${sort.width})`;
  return `(Array (_ BitVec ${sort.index}) (_ BitVec ${sort.element}))`;
}

/** A name as an SMT-LIB symbol, apart from the names that definitions have. */
function symbol(name: string): string {
  return `|${name.replace(/[|\\]/g, '_')}|`;
}
